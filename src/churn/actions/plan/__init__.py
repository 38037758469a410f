"""The managers' day: who is met and called, why, and how that is written."""
