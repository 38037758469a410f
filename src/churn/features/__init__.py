"""Features of a customer, from records strictly before a date; one module per family."""
