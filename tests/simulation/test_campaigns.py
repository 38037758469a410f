from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn.simulation.campaigns import assign, offers_of, plan_campaigns
from churn.simulation.structure import CAMPAIGNS, SERVICE_NAMES

COMPLETE = "2025-01-01"


@pytest.fixture(scope="session")
def campaigns(bank: Any) -> pd.DataFrame:
    return bank.table("campaigns")


def test_waves_of_one_service_are_a_year_apart() -> None:
    for months in (24, 30, 48):
        for service in range(len(SERVICE_NAMES)):
            waves = [month for month, offered in plan_campaigns(months) if offered == service]
            assert set(np.diff(waves)) <= {12}


def test_each_offered_service_has_a_campaign_whose_whole_year_is_known(campaigns: pd.DataFrame) -> None:
    complete = campaigns[campaigns.assigned_on <= COMPLETE]
    assert set(complete.service) == set(CAMPAIGNS)
    assert complete.groupby("campaign_id").size().min() > 100
    assert (campaigns.assigned_on > COMPLETE).any()


def test_arms_are_of_equal_size(campaigns: pd.DataFrame) -> None:
    treated = (campaigns.arm == "treated").groupby(campaigns.campaign_id).agg(["sum", "size"])
    assert (2 * treated["sum"] - treated["size"]).abs().max() <= 1


def test_arms_are_balanced_in_what_was_known_before(bank: Any, campaigns: pd.DataFrame) -> None:
    customers = bank.table("customers").set_index("customer_id")
    joined = campaigns.join(customers[["opened_on", "birth_year"]], on="customer_id")
    treated = joined.arm == "treated"
    for values in ((joined.assigned_on - joined.opened_on).dt.days.astype(float), joined.birth_year.astype(float)):
        spread = values.std() * np.sqrt(1 / treated.sum() + 1 / (~treated).sum())
        assert abs(values[treated].mean() - values[~treated].mean()) < 3 * spread


def test_members_could_bind_and_had_not(bank: Any, campaigns: pd.DataFrame) -> None:
    for (service, day), members in campaigns.groupby(["service", "assigned_on"]):
        bound = bank.bound(service, str(day.date()))
        assert not bound.loc[members.customer_id].any()


def test_the_offered_bind_within_31_days_far_more_often(bank: Any, campaigns: pd.DataFrame) -> None:
    bindings = bank.table("bindings").rename(columns={"customer_id": "who", "service": "what"})
    joined = campaigns.merge(bindings, left_on=["customer_id", "service"], right_on=["who", "what"], how="left")
    delay = (joined.bound_on - joined.assigned_on).dt.days
    joined["took"] = delay.between(0, 30)
    took = joined.groupby(["arm", "customer_id", "campaign_id"]).took.any().groupby("arm").mean()
    assert took["treated"] > 0.4
    assert took["control"] < 0.05


def test_the_true_effect_of_the_offer_agrees_with_the_realised_difference(bank: Any, campaigns: pd.DataFrame) -> None:
    truth = bank.truth("campaigns").query("group == 'itt'").set_index(["service", "as_of"]).effect
    scores = []
    for (service, day), members in campaigns[campaigns.assigned_on <= COMPLETE].groupby(["service", "assigned_on"]):
        churned = bank.outcomes(str(day.date())).churned.loc[members.customer_id].to_numpy()
        treated = (members.arm == "treated").to_numpy()
        difference = churned[treated].mean() - churned[~treated].mean()
        error = np.sqrt(churned[treated].var() / treated.sum() + churned[~treated].var() / (~treated).sum())
        scores.append((difference - truth[service, day]) / error)
    assert len(scores) >= 15
    assert max(abs(score) for score in scores) < 3.5
    assert abs(np.mean(scores)) < 3 / np.sqrt(len(scores))
    assert np.std(scores) < 1.6


def test_half_of_the_eligible_are_offered_the_service(living: Any) -> None:
    state, people, _ = living
    service = SERVICE_NAMES.index("mobile_banking")
    assignment = assign(state, people, 3, service, np.random.default_rng(0))
    offers = offers_of(state, [assignment])
    assert offers[:, service].sum() == assignment.treated.sum() == -(-len(assignment.person) // 2)
    assert not np.delete(offers, service, axis=1).any()


def test_before_the_window_campaigns_run_as_in_it(scene_of: Callable[..., Any]) -> None:
    planned = scene_of(24).campaigns
    assert {service for month, service in planned if month < 0} == {service for month, service in planned if month >= 0}
