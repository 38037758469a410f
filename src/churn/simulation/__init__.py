"""A simulated bank with known truth."""

from churn.simulation.bank import Summary, simulate_bank

__all__ = ["Summary", "simulate_bank"]
