"""How good the predictions are, and whether they agree with the stated rates."""
