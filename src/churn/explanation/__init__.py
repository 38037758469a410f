"""Why a customer is at risk, and what a binding would do about it."""
