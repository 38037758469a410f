from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn.simulation.dynamics import Market
from churn.simulation.history import (
    Transactions,
    assign,
    depart,
    draw_amounts,
    draw_transactions,
    live_month,
    offers_of,
    plan_campaigns,
    serve,
)
from churn.simulation.state import select
from churn.simulation.structure import CAMPAIGNS, CHANNELS, DRAIN_SHARE, PRODUCT_NAMES, SERVICE_NAMES, WAYS

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
        outcomes = bank.outcomes(str(day.date())).churned
        members = members[members.customer_id.isin(outcomes.index)]  # the others had gone in silence
        churned = outcomes.loc[members.customer_id].to_numpy()
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


COUNTER, ATM, ONLINE, MOBILE = range(4)


def made_by(person: Any, channel: Any, tier: Any, growth: float = 0.0) -> Transactions:
    person = np.asarray(person)
    luck = np.random.default_rng(1).standard_normal(len(person))
    return Transactions(
        person, np.broadcast_to(channel, person.shape), luck, np.broadcast_to(tier, person.shape), person * 0 + growth
    )


def test_the_dormant_move_nothing_and_the_draining_half(living: Any) -> None:
    state, people, _ = living
    n = len(state.person)
    level = np.zeros(n)
    stay = replace(state, keeps=np.ones(n), dormant=np.zeros(n, bool))
    rng = np.random.default_rng(0)
    counts = [len(draw_transactions(s, level, people, rng).person) for s in (stay, replace(stay, keeps=stay.keeps / 2))]
    assert 0.4 < counts[1] / counts[0] < 0.6
    assert len(draw_transactions(replace(stay, dormant=np.ones(n, bool)), level, people, rng).person) == 0


def test_mobile_needs_mobile_banking_and_online_needs_online_banking(living: Any) -> None:
    state, people, _ = living
    for channel, product in (("mobile", "mobile_banking"), ("online", "online_banking")):
        lacking = replace(state, held=state.held & (np.arange(13) != PRODUCT_NAMES.index(product)))
        made = draw_transactions(lacking, np.zeros(len(state.person)), people, np.random.default_rng(0))
        assert not (made.channel == CHANNELS.index(channel)).any()
        assert len(made.person) > 0


def test_a_vip_visits_the_counter_once_a_month_and_an_ordinary_customer_as_often_as_they_like() -> None:
    person, channel = [0, 0, 0, 1, 2, 2], [COUNTER, COUNTER, MOBILE, COUNTER, COUNTER, ONLINE]
    vip = serve(made_by(person, channel, 1), np.random.default_rng(0))
    assert vip.tolist() == [COUNTER, ATM, MOBILE, COUNTER, COUNTER, ONLINE]
    ordinary = serve(made_by(np.zeros(1_000, dtype=int), COUNTER, 0), np.random.default_rng(0))
    assert (ordinary == COUNTER).sum() > 800


def test_ordinary_customers_are_sent_to_the_machine_and_vips_bring_its_business_to_the_counter() -> None:
    person = np.arange(10_000)
    sent = serve(made_by(person, COUNTER, 0), np.random.default_rng(0)) == ATM
    brought = serve(made_by(person, ATM, 2), np.random.default_rng(0)) == COUNTER
    assert sent.mean() == pytest.approx(0.15, abs=4 * (0.15 * 0.85 / 10_000) ** 0.5)
    assert brought.mean() == pytest.approx(0.20, abs=4 * (0.20 * 0.80 / 10_000) ** 0.5)
    assert (serve(made_by(person, ATM, 0), np.random.default_rng(0)) == ATM).all()
    assert (serve(made_by(person, MOBILE, 2), np.random.default_rng(0)) == MOBILE).all()


@pytest.mark.parametrize(("growth", "going_out"), [(0.0, 0.5), (-0.5, 0.731), (0.5, 0.269)])
def test_money_goes_out_while_balances_fall_and_both_ways_while_they_do_not(
    growth: float, going_out: float, living: Any
) -> None:
    made = made_by(np.zeros(10_000, dtype=int), MOBILE, 0, growth)
    amount = draw_amounts(made, made.channel, living[1], np.random.default_rng(0))
    assert (amount < 0).mean() == pytest.approx(going_out, abs=4 * (0.25 / 10_000) ** 0.5)
    assert (amount != 0).all()


def test_only_the_counter_sees_amounts_of_the_size_of_a_balance_and_the_wealthy_move_more(living: Any) -> None:
    people = replace(living[1], log_balance=np.log([20_000.0, 200_000.0]))
    large = {}
    for channel in (COUNTER, ATM, ONLINE, MOBILE):
        for person in (0, 1):
            made = made_by(np.full(20_000, person), channel, 0)
            amount = np.abs(draw_amounts(made, made.channel, people, np.random.default_rng(0)))
            large[channel, person] = (amount >= 100_000).mean()
    # 10 % of the counter's are 1.5 times the balance times exp(0.6 luck): from 30,000 the luck needed is
    # ln(10 / 3) / 0.6 = 2.007, from 300,000 it is -1.831; beyond these 2.2 % and 96.6 % of a normal lie.
    assert large[COUNTER, 0] == pytest.approx(0.10 * 0.0224, abs=0.0015)
    assert large[COUNTER, 1] == pytest.approx(0.10 * 0.9664, abs=0.009)
    assert max(large[channel, person] for channel in (ATM, ONLINE, MOBILE) for person in (0, 1)) < 0.001


def certain(living: Any, **changes: Any) -> Any:
    """One customer many times over, nobody deciding to leave by chance."""
    state, people, scene = living
    one = select(state, np.repeat(np.flatnonzero(state.undecided)[:1], 2_000))
    one = replace(one, **{name: np.full(2_000, value) for name, value in changes.items()})
    return one, people, replace(scene, correction=np.full(5, -50.0))


@pytest.mark.parametrize(("way", "leaves", "closes"), [("closed", True, True), ("emptied", True, False)])
def test_when_the_time_has_come_a_customer_leaves(living: Any, way: str, leaves: bool, closes: bool) -> None:
    state, people, scene = certain(living, leaves_in=1, lasts=2, way=WAYS.index(way))
    stay, left, closed = depart(state, people, scene, scene.reference, np.random.default_rng(0))
    assert (len(stay.person), len(left.person)) == (0, 2_000)
    assert (closed == closes).all()


def test_the_silent_stay_on_the_books_with_next_to_nothing(living: Any) -> None:
    state, people, scene = certain(living, leaves_in=1, lasts=1, way=WAYS.index("silent"))
    stay, _, _ = depart(state, people, scene, scene.reference, np.random.default_rng(0))
    assert len(stay.person) == 2_000
    assert stay.dormant.all()
    assert (stay.keeps == 0.01).all()


def test_the_bank_closes_some_of_the_dormant_each_month(living: Any) -> None:
    state, people, scene = certain(living, dormant=True, way=WAYS.index("silent"), keeps=0.01)
    _, left, closed = depart(state, people, scene, scene.reference, np.random.default_rng(0))
    assert 0.12 < len(left.person) / 2_000 < 0.18
    assert closed.all()


def test_balances_fall_step_by_step_before_the_end(living: Any) -> None:
    state, people, scene = certain(living, leaves_in=3, lasts=3, way=0)
    keeps = []
    for _ in range(2):
        state, _, _ = depart(state, people, scene, scene.reference, np.random.default_rng(0))
        keeps.append(state.keeps[0])
    assert keeps == sorted(keeps, reverse=True)
    assert 0.2 < keeps[-1] < keeps[0] < 1


def test_who_decides_begins_to_drain_for_one_to_three_months(living: Any) -> None:
    state, people, scene = certain(living)
    scene = replace(scene, correction=np.full(5, 50.0))
    stay, left, _ = depart(state, people, scene, scene.reference, np.random.default_rng(0))
    assert len(left.person) == 0
    assert np.bincount(stay.leaves_in, minlength=4)[1:] / 2_000 == pytest.approx(DRAIN_SHARE, abs=0.04)
    assert (stay.keeps < 1).all()


def test_nobody_is_lost_in_a_month(living: Any) -> None:
    state, people, scene = living
    after, record = live_month(state, people, scene, scene.reference, Market(0.0, 0.0), np.random.default_rng(0))
    assert set(state.person) == set(record.left.person) | set(record.before.person)
    assert set(after.person) == set(record.before.person) | set(record.arrived.person)
    assert (people.entry[record.arrived.person] == scene.reference).all()
