import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn.simulation.state import (
    DATA_END,
    REFERENCE_AS_OF,
    date_of,
    day_of,
    draw_people,
    drivers,
    first_month,
    join,
    join_people,
    month_end,
    select,
)
from churn.simulation.truth import DORMANT_RISK


def as_date(days: object) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(days))  # type: ignore[call-overload]


def test_a_window_ends_with_the_data_and_its_last_year_begins_at_the_reference_date() -> None:
    for months in (24, 30, 48):
        first = first_month(months)
        assert as_date(month_end(first, months - 1)) == DATA_END
        assert as_date(date_of(first, months - 12)) == REFERENCE_AS_OF
    assert REFERENCE_AS_OF + dt.timedelta(days=365) == DATA_END + dt.timedelta(days=1)


def test_months_end_on_their_own_last_day() -> None:
    ends = [as_date(day) for day in month_end(2024 * 12, np.arange(3))]
    assert ends == [dt.date(2024, 1, 31), dt.date(2024, 2, 29), dt.date(2024, 3, 31)]


def test_months_before_the_window_have_dates_too() -> None:
    assert as_date(date_of(2022 * 12, -1, 15)) == dt.date(2021, 12, 15)


def test_days_are_the_same_for_the_same_event_and_evenly_spread() -> None:
    days = day_of(np.arange(28_000), 3, 7)
    assert (days == day_of(np.arange(28_000), 3, 7)).all()
    counts = np.bincount(days, minlength=29)[1:]
    assert (days.min(), days.max()) == (1, 28)
    assert abs(counts - 1000).max() < 150
    assert abs(np.corrcoef(days, day_of(np.arange(28_000), 3, 8))[0, 1]) < 0.03


@pytest.fixture(scope="module")
def people():  # type: ignore[no-untyped-def]
    return draw_people(np.zeros(20_000, dtype=np.int64), 2022 * 12, 20, np.random.default_rng(0))


def test_latents_are_standard_normal(people) -> None:  # type: ignore[no-untyped-def]
    assert people.latents.mean(axis=0) == pytest.approx(np.zeros(4), abs=0.03)
    assert people.latents.std(axis=0) == pytest.approx(np.ones(4), abs=0.03)


def test_age_goes_with_wealth_and_against_digital_habit(people) -> None:  # type: ignore[no-untyped-def]
    age = 2022 - people.birth_year
    assert np.corrcoef(age, people.latents[:, 1])[0, 1] == pytest.approx(0.3, abs=0.03)
    assert np.corrcoef(age, people.latents[:, 2])[0, 1] == pytest.approx(-0.5, abs=0.03)
    assert (age.min(), age.max()) >= (18, 60)
    assert age.max() <= 90


def test_wealth_shows_in_balances(people) -> None:  # type: ignore[no-untyped-def]
    assert np.corrcoef(people.latents[:, 1], people.log_balance)[0, 1] > 0.8


def test_joined_people_keep_their_places(people) -> None:  # type: ignore[no-untyped-def]
    both = join_people(people, people)
    assert len(both.entry) == 40_000
    assert (both.birth_year[20_000:] == people.birth_year).all()


REFERENCE = pd.Timestamp("2025-01-01")


def adjusted_difference(bank: Any, service: str) -> tuple[float, float]:
    """Mean difference of the oracle's log-log risk, bound minus not, before and after adjusting.

    Among the undecided who hold the service's product; adjusted by least squares for age, tenure,
    balances, tier, coverage and every other binding and product, as the tables show them.
    """
    customers = bank.table("customers").set_index("customer_id")
    risk = bank.risk()
    risk = risk[(risk < 1) & ((risk - DORMANT_RISK).abs() > 1e-9)]
    bound = bank.bound(service, str(REFERENCE.date()))
    who = bound.index.intersection(risk.index).intersection(customers.index[customers.birth_year.notna()])
    months = (REFERENCE - customers.opened_on.loc[who]).dt.days / 30.4
    age = 2025 - customers.birth_year.loc[who].astype(float)
    aum = np.log(bank.aum(REFERENCE).loc[who])
    held = pd.crosstab(
        bank.open_at("holdings", "2025-01-01").customer_id, bank.open_at("holdings", "2025-01-01")["product"]
    )
    tied = pd.crosstab(
        bank.open_at("bindings", "2025-01-01").customer_id, bank.open_at("bindings", "2025-01-01").service
    )
    smooth = np.column_stack([np.log1p(months), np.exp(-months / 12), age, age**2, aum, aum**2, np.log1p(months) * age])
    others = tied.reindex(who).fillna(0).drop(columns=service)
    coverage = pd.get_dummies(held.loc[who].sum(axis=1).clip(upper=7)).astype(float)
    x = np.column_stack([bound.loc[who], smooth, others, held.loc[who].iloc[:, 1:], coverage])
    y = np.log(-np.log(1 - risk.loc[who].to_numpy()))
    coefficient = np.linalg.lstsq(x, y, rcond=None)[0][0]
    return y[bound.loc[who]].mean() - y[~bound.loc[who]].mean(), coefficient


@pytest.mark.parametrize("service", ["fund_trading", "wealth_management"])
def test_with_observed_confounders_adjusting_for_the_tables_finds_no_effect_where_there_is_none(
    service: str, observed_bank: Any
) -> None:
    raw, adjusted = adjusted_difference(observed_bank, service)
    assert raw < -0.3
    assert abs(adjusted) < 0.08


@pytest.mark.parametrize("service", ["fund_trading", "wealth_management"])
def test_with_hidden_confounders_adjusting_is_not_enough(service: str, bank: Any) -> None:
    raw, adjusted = adjusted_difference(bank, service)
    assert raw < adjusted < -0.12


def test_hidden_drivers_are_the_latents_themselves(living: Any) -> None:
    state, people, scene = living
    assert (drivers(state, people, scene, 3) == people.latents[state.person]).all()


def test_observed_drivers_do_not_change_with_the_latents(living: Any) -> None:
    state, people, scene = living
    observed = replace(scene, confounders="observed")
    others = replace(people, latents=people.latents + 5)
    assert (drivers(state, people, observed, 12) == drivers(state, others, observed, 12)).all()


def test_joining_the_two_halves_of_a_selection_gives_the_whole(living: Any) -> None:
    state = living[0]
    first = np.arange(len(state.person)) < 10
    halves = join([select(state, first), select(state, ~first)])
    assert all((getattr(halves, name) == value).all() for name, value in vars(state).items())


def test_who_drains_or_is_dormant_is_not_undecided(living: Any) -> None:
    state = replace(
        select(living[0], np.arange(3)), leaves_in=np.array([0, 2, 0]), dormant=np.array([False, False, True])
    )
    assert state.undecided.tolist() == [True, False, False]


def test_assets_are_what_is_left_of_all_values(living: Any) -> None:
    state = replace(select(living[0], np.arange(2)), value=np.full((2, 6), 10.0), keeps=np.array([1.0, 0.5]))
    assert state.aum.tolist() == [60, 30]
