"""Churn prediction for retail banks."""
