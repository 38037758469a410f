"""Which parameters of the trees suit a bank's data, and whether they gained anything on a date they never saw."""
