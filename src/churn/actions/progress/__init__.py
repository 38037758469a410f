"""Whether the practice is kept up and whether it works, by bank, branch and manager."""
