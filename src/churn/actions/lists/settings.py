"""Where the lists' settings are imported from by the modules around; they stand in the configuration."""

from churn.config import ListSettings

__all__ = ["ListSettings"]
