import json

import numpy as np
import pytest

from churn.config import PRODUCTS, SERVICES
from churn.config.modelling import STATED_ANNUAL_CHURN
from churn.simulation import structure as s


def test_products_and_services_are_the_catalogues() -> None:
    assert tuple(PRODUCTS) == s.PRODUCT_NAMES
    assert tuple(SERVICES) == s.SERVICE_NAMES
    assert [s.PRODUCT_NAMES[i] for i in s.SERVICE_PRODUCT] == [service.product for service in SERVICES.values()]


def test_targets_are_the_stated_rates_and_fall_with_coverage() -> None:
    assert [s.TARGETS[0], s.TARGETS[2], s.TARGETS[4]] == [STATED_ANNUAL_CHURN[k] for k in ("1", "3", "5+")]
    assert (np.diff(s.TARGETS) < 0).all()


def test_two_services_have_no_effect_and_the_strongest_pull_of_loyalty() -> None:
    idle = s.BINDING_EFFECT == 0
    assert idle.sum() == 2
    assert s.BINDING_LOADING[0][idle].min() > 2 * s.BINDING_LOADING[0][~idle].max()


def test_shares_are_probabilities_that_add_up() -> None:
    assert [s.DRAIN_SHARE.sum(), s.WAY_SHARE.sum()] == pytest.approx([1, 1])
    assert ((s.ENTRY_SHARE >= 0) & (s.ENTRY_SHARE <= 1)).all()


def test_no_drained_balance_alone_looks_like_silent_leaving() -> None:
    assert s.DRAIN_KEEPS[s.DRAIN_KEEPS > 0].min() > 0.2
    assert s.SILENT_KEEPS < 0.2


def test_the_structure_can_be_written_as_json() -> None:
    described = json.loads(json.dumps(s.describe_structure(), allow_nan=False))
    assert described["BINDING_EFFECT"] == s.BINDING_EFFECT.tolist()
    assert "PRODUCTS" not in described
