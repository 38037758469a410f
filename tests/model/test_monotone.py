import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.config import Config
from churn.errors import ConfigError, DataError
from churn.features.catalogue import catalogue
from churn.features.feature import own_features
from churn.frame import Snapshot
from churn.model.monotone import BindingColumns, binding_columns, hold_monotone
from churn.model.trees import TreeParameters

NAMES = [feature.name for feature in catalogue(Config())]


def _snapshot(as_of, **columns):
    features = pd.DataFrame(columns)
    return Snapshot(as_of, np.array(["C1", "C2"], dtype=object), features, None, None)


def test_every_column_that_a_binding_changes_is_held_or_left_out():
    found = binding_columns(NAMES, catalogue(Config()))

    services = list(Config().services)
    assert found.falling == (*(f"bound_{name}" for name in services), "n_bound", "share_bound")
    assert found.dropped == tuple(f"days_since_bound_{name}" for name in services)


def test_a_service_the_bank_added_is_held_too():
    own = {
        "products": {"loan": {"en": "loan", "zh": "贷款"}},
        "services": {"loan_x": {"product": "loan", "en": "x", "zh": "y"}},
    }
    config = Config.model_validate(own)

    found = binding_columns([feature.name for feature in catalogue(config)], catalogue(config))

    assert "bound_loan_x" in found.falling
    assert "days_since_bound_loan_x" in found.dropped


def test_positions_are_those_after_columns_were_left_out():
    first = _snapshot(dt.date(2024, 1, 1), days_since_bound_cts=[1.0, 2.0], age=[3, 4], bound_cts=[1.0, 1.0])

    kept, parameters, held = hold_monotone([first, first], catalogue(Config()), TreeParameters(num_leaves=5))

    assert [list(snapshot.features.columns) for snapshot in kept] == [["age", "bound_cts"]] * 2
    assert parameters == TreeParameters(num_leaves=5, monotone=(1,))
    assert held == BindingColumns(("bound_cts",), ("days_since_bound_cts",))


def test_of_a_flat_file_what_the_configuration_names_is_held():
    snapshot = _snapshot(None, card=[0, 1], bound_cts=[0, 1], app=[True, False])
    known = own_features(snapshot.features.columns, ["app", "card"])

    kept, parameters, _ = hold_monotone([snapshot], known, TreeParameters())

    assert list(kept[0].features.columns) == ["card", "bound_cts", "app"]
    assert parameters.monotone == (0, 2)


def test_where_there_is_no_binding_there_is_an_error():
    with pytest.raises(DataError, match="hold no binding"):
        binding_columns(["age_years"], catalogue(Config()))
    with pytest.raises(ConfigError, match="names no column"):
        binding_columns(["age_years"], own_features(["age_years"]))
