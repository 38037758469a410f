"""Why a customer is at risk, in plain English and Chinese."""
