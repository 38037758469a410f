"""A bank's tables: the contract, reading, checking."""
