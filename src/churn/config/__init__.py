"""Settings a bank may give in a TOML file; importing this package does nothing.

Every section has a default, so that no file is needed for tables that follow the contract.
"""

from churn.config.actions import (
    LARGE_COUNTER_CNY,
    ListSettings,
    ManagerSettings,
    PlanSettings,
    ProgressSettings,
    Purpose,
    Weekday,
)
from churn.config.catalogue import PRODUCTS, SERVICES, CatalogueSettings, Product, Service
from churn.config.modelling import (
    STATED_ANNUAL_CHURN,
    BaselineSettings,
    CampaignSettings,
    EffectSettings,
    LabelSettings,
    TrainingSettings,
)
from churn.config.settings import Config, read_config
from churn.config.sources import TOTALS, CustomerSettings, FlatFile, TableSource

__all__ = [
    "LARGE_COUNTER_CNY",
    "PRODUCTS",
    "SERVICES",
    "STATED_ANNUAL_CHURN",
    "TOTALS",
    "BaselineSettings",
    "CampaignSettings",
    "CatalogueSettings",
    "Config",
    "CustomerSettings",
    "EffectSettings",
    "FlatFile",
    "LabelSettings",
    "ListSettings",
    "ManagerSettings",
    "PlanSettings",
    "Product",
    "ProgressSettings",
    "Purpose",
    "Service",
    "TableSource",
    "TrainingSettings",
    "Weekday",
    "read_config",
]
