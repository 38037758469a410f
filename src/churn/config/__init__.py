"""Settings a bank may give in a TOML file; importing this package does nothing.

Every section has a default, so that no file is needed for tables that follow the contract.
"""

from churn.config.actions import ListSettings, ManagerSettings, PlanSettings, ProgressSettings
from churn.config.modelling import CampaignSettings, EffectSettings, LabelSettings
from churn.config.settings import Config, read_config
from churn.config.sources import (
    MISSING,
    PRODUCTS,
    ROW_NUMBER,
    SERVICES,
    CustomerSettings,
    FlatFile,
    Product,
    Service,
    TableSource,
    name_of,
)

__all__ = [
    "MISSING",
    "PRODUCTS",
    "ROW_NUMBER",
    "SERVICES",
    "CampaignSettings",
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
    "Service",
    "TableSource",
    "name_of",
    "read_config",
]
