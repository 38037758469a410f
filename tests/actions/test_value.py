import numpy as np
import pandas as pd
import pytest

from churn.actions.value import customer_value, is_felt_loss, value_kept
from churn.config import PlanSettings

NAN = float("nan")
SETTINGS = PlanSettings(contact_effect=0.05, loss_effect=0.1, take_up=0.3, meeting_factor=1.5)


def kept(probability, stage, effect, *, vip=False, loss=False, settings=SETTINGS):
    return value_kept(
        np.array([probability]),
        np.array([1000.0]),
        np.array([stage]),
        np.array([vip]),
        np.array([loss]),
        np.array([effect]),
        settings,
    )


def test_assets_and_products_make_the_value_and_an_overdraft_takes_nothing_away():
    settings = PlanSettings(product_value_cny=200)
    found = customer_value(np.array([5000.0, -900.0, NAN]), np.array([1.0, 2.0, 0.0]), settings)
    assert found.tolist() == [5200.0, 400.0, 0.0]


@pytest.mark.parametrize(
    ("stage", "effect", "expected", "assumes"),
    [
        (0, NAN, 20.0, "contact_effect"),  # 0.05 · 0.4 · 1000
        (3, -0.2, 60.0, "take_up"),  # 0.2 · 0.3 · 1000
        (2, -0.2, 30.0, "take_up"),  # half the way is left
        (0, -0.2, 20.0, "contact_effect"),  # a quarter of it, 15, is less than the contact
        (3, 0.2, 20.0, "contact_effect"),  # an effect that raises the risk keeps nothing
    ],
)
def test_a_call_keeps_the_larger_of_contact_and_binding(stage, effect, expected, assumes):
    found = kept(0.4, stage, effect)
    assert found.call[0] == pytest.approx(expected)
    assert found.call_assumes[0] == assumes


@pytest.mark.parametrize(
    ("stage", "vip", "factor"),
    [
        (0, False, 1.0),
        (1, False, 1.0),
        (2, False, 1.5),
        (3, False, 1.5),
        (0, True, 1.0),
        (1, True, 1.5),
        (2, True, 1.5),
    ],
)
def test_a_meeting_is_worth_more_with_vips_we_spoke_to_and_with_the_invited(stage, vip, factor):
    found = kept(0.4, stage, NAN, vip=vip)
    assert found.meeting[0] == pytest.approx(20.0 * factor)
    assert found.meeting_assumes[0].endswith("meeting_factor") == (factor > 1)


def test_a_loss_notice_offers_nothing_so_that_no_binding_counts():
    found = kept(0.4, 3, -0.4, loss=True)
    assert found.call[0] == pytest.approx(40.0)
    assert found.call_assumes[0] == "loss_effect"


def test_nothing_keeps_more_than_the_whole_risk():
    settings = PlanSettings(contact_effect=0.9, meeting_factor=3, take_up=1)
    found = kept(0.1, 3, -0.5, settings=settings)
    assert found.call[0] == pytest.approx(100.0)
    assert found.meeting[0] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("pnl", "returned", "felt"),
    [
        (-50.0, -0.05, True),
        (-49.0, -0.049, False),
        (-10_000.0, -0.001, True),
        (-9_999.99, -0.001, False),
        (-10_000.0, None, True),  # of what cost nothing
        (None, None, False),
        (50.0, 0.05, False),
    ],
)
def test_a_loss_counts_from_its_share_or_its_amount_on(pnl, returned, felt):
    customers = pd.DataFrame({"unrealised_pnl_cny": [pnl], "unrealised_return": [returned]}, dtype=float)
    assert is_felt_loss(customers, PlanSettings()).tolist() == [felt]
