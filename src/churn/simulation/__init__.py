"""A simulated bank with known truth."""
