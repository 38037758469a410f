import time
import warnings

import numpy as np
import pytest
from EMP.metrics import empChurn
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import integrate, stats

from churn.config import CampaignSettings
from churn.evaluation.profit import campaign_profit, empc

AMOUNTS = [
    {"alpha": 6, "beta": 14, "customer_value": 200, "incentive": 10, "contact_cost": 1},
    {"alpha": 2, "beta": 3, "customer_value": 500, "incentive": 60, "contact_cost": 8},
    {"alpha": 1, "beta": 9, "customer_value": 50, "incentive": 5, "contact_cost": 2},
    {"alpha": 6, "beta": 14, "customer_value": 200, "incentive": 0, "contact_cost": 20},
]


def _rows(n, seed, decimals=16):
    generator = np.random.default_rng(seed)
    y_pred = np.round(generator.beta(1, 4, n), decimals)
    return (generator.random(n) < y_pred).astype(np.int64), y_pred


def _other(y_obs, y_pred, *, alpha, beta, customer_value, incentive, contact_cost):
    """Expected maximum profit by the package EMP-PY."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = empChurn(y_pred, y_obs, alpha=alpha, beta=beta, clv=customer_value, d=incentive, f=contact_cost)
    return found.EMP


def _by_quadrature(y_obs, y_pred, *, alpha, beta, customer_value, incentive, contact_cost):
    """Expected maximum profit as the paper defines it: the best cut-off at each gamma, averaged over gamma."""
    cuts = [np.asarray(y_obs)[np.asarray(y_pred) >= cut] for cut in [*np.unique(y_pred), np.inf]]
    n_contacted, n_left = np.array([len(cut) for cut in cuts]), np.array([cut.sum() for cut in cuts])

    gamma = np.linspace(0, 1, 4001)
    earned = (
        np.outer(gamma, (customer_value - incentive) * n_left)
        - incentive * (n_contacted - n_left)
        - contact_cost * n_contacted
    )
    return integrate.simpson(earned.max(axis=1) / len(y_obs) * stats.beta.pdf(gamma, alpha, beta), x=gamma)


@pytest.mark.parametrize("amounts", AMOUNTS)
@pytest.mark.parametrize("decimals", [1, 2, 16], ids=["many ties", "some ties", "no tie"])
@pytest.mark.parametrize("seed", range(5))
def test_equals_emp_py(seed, decimals, amounts):
    y_obs, y_pred = _rows(400, seed, decimals)

    profit = _other(y_obs, y_pred, **amounts)

    assert empc(y_obs, y_pred, CampaignSettings(**amounts)) == pytest.approx(profit, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("amounts", AMOUNTS)
def test_a_perfect_model_earns_what_emp_py_says(amounts):
    y_obs = [0, 0, 0, 1, 1]
    profit = _other(np.array(y_obs), np.arange(5) / 5, **amounts)

    assert empc(y_obs, np.arange(5) / 5, CampaignSettings(**amounts)) == pytest.approx(profit, rel=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])), min_size=1, max_size=12),
    st.sampled_from(AMOUNTS),
)
def test_equals_the_best_cut_off_at_each_gamma_averaged_over_gamma(rows, amounts):
    y_obs, y_pred = map(np.array, zip(*rows, strict=True))

    assert empc(y_obs, y_pred, CampaignSettings(**amounts)) == pytest.approx(
        _by_quadrature(y_obs, y_pred, **amounts), rel=1e-4, abs=1e-4
    )


def test_a_constant_model_contacts_all_or_nobody():
    # a third leave; contacting all pays where gamma 190 / 3 > 1 + 10 x 2 / 3, so from gamma = 23 / 190 on
    y_obs, pays_from = [0, 0, 1], 23 / 190
    gamma = stats.beta(6, 14)
    earned = gamma.expect(lambda gamma: gamma * 190 / 3 - 23 / 3, lb=pays_from, ub=1)

    assert empc(y_obs, [0.3] * 3) == pytest.approx(earned, rel=1e-6)


def test_without_a_churner_nobody_is_contacted():
    assert empc([0, 0, 0], [0.1, 0.5, 0.9]) == 0


def test_churners_alone_are_all_contacted_where_it_pays():
    # f = 1 pays back from gamma = 1 / 190, which nearly every bank exceeds
    assert empc([1, 1, 1], [0.1, 0.5, 0.9]) == pytest.approx(0.3 * 190 - 1, rel=1e-9)


def test_a_contact_that_costs_more_than_a_customer_is_worth_is_never_made():
    assert empc([0, 1], [0.1, 0.9], CampaignSettings(contact_cost=500)) == 0


def test_a_reversed_ranking_earns_what_no_ranking_does():
    y_obs, y_pred = _rows(300, seed=0)

    assert empc(y_obs, np.where(y_obs == 1, 0.1, 0.9)) == pytest.approx(empc(y_obs, np.full(300, 0.5)))
    assert empc(y_obs, y_pred) > empc(y_obs, np.full(300, 0.5))


def test_only_the_ranking_counts():
    y_obs, y_pred = _rows(300, seed=1)

    assert empc(y_obs, y_pred**3) == pytest.approx(empc(y_obs, y_pred), rel=1e-12)


def test_a_hull_with_a_corner_at_every_group_is_summed_over_all_of_them():
    # k of 1,000 leave in group k: 1,000 edges, each steeper than the next
    y_obs = np.concatenate([np.arange(1000) < k for k in range(1000)]).astype(np.int64)
    y_pred = np.repeat(np.arange(1000) / 1000, 1000)
    rate = np.arange(1000) / 1000
    gamma = np.linspace(0, 1, 20_001)
    gained = np.maximum(190 * np.outer(gamma, rate) - 1 - 10 * (1 - rate), 0).mean(axis=1)

    assert empc(y_obs, y_pred) == pytest.approx(
        integrate.simpson(gained * stats.beta.pdf(gamma, 6, 14), x=gamma), rel=1e-5
    )


def test_the_order_of_the_rows_changes_nothing():
    y_obs, y_pred = _rows(300, seed=2, decimals=1)
    order = np.random.default_rng(0).permutation(300)

    assert empc(y_obs[order], y_pred[order]) == pytest.approx(empc(y_obs, y_pred), rel=1e-12)


def test_a_million_customers_take_no_loop_over_rows():
    y_obs, y_pred = _rows(1_000_000, seed=3)

    begun = time.process_time()
    empc(y_obs, y_pred)

    assert time.process_time() - begun < 10  # 0.3 s; a loop over rows in Python would take minutes


def test_campaign_profit_counts_each_contact():
    # above 11 / 67 = 0.164 contacted: a churner (0.3 x 190 - 1 = 56), two stayers (-11 each), of four
    assert campaign_profit([1, 0, 0, 1], [0.9, 0.5, 0.17, 0.16]) == pytest.approx((56 - 11 - 11) / 4)


def test_campaign_profit_is_a_loss_where_predictions_are_too_high():
    assert campaign_profit([0] * 10, [0.9] * 10) == pytest.approx(-11)
    assert campaign_profit([0] * 10, [0.1] * 10) == 0


def test_nobody_is_contacted_at_the_cut_off_itself():
    # p 50 - (1 - p) 10 = 20 at p = 0.5
    campaign = CampaignSettings(customer_value=110, incentive=10, contact_cost=20, alpha=1, beta=1)

    assert campaign_profit([1, 1], [0.5, 0.5], campaign) == 0
    assert campaign_profit([1, 1], [0.51, 0.5], campaign) == pytest.approx(15)


@pytest.mark.parametrize("seed", range(5))
def test_calibrated_probabilities_earn_nearly_the_most_and_distorted_ones_less(seed):
    y_obs, y_pred = _rows(50_000, seed)
    # with gamma all but fixed at 0.3, the expected maximum is the maximum at 0.3
    most = empc(y_obs, y_pred, CampaignSettings(alpha=6e6, beta=14e6))
    earned = campaign_profit(y_obs, y_pred)

    assert campaign_profit(y_obs, y_pred**3) < earned <= most + 1e-3
    assert earned == pytest.approx(most, rel=0.01)


@pytest.mark.parametrize(
    "amounts",
    [{"alpha": 0.0}, {"beta": float("nan")}, {"customer_value": 10.0}, {"incentive": -1.0}, {"contact_cost": -1.0}],
)
def test_amounts_outside_their_range_are_refused(amounts):
    with pytest.raises(ValidationError, match="customer_value" if "customer_value" in amounts else next(iter(amounts))):
        CampaignSettings(**amounts)
