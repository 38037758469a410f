from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from churn.simulation.activity import Transactions, draw_amounts, draw_transactions, serve
from churn.simulation.structure import CHANNELS, PRODUCT_NAMES

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
