"""What is known of a customer strictly before a date; one module a family."""
