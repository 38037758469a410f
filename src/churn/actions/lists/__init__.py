"""The lists of customers that managers work from."""
