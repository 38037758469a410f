"""The counter and the flow of money, over a year and several banks: what a branch would recognise."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn.config import Config
from churn.data import open_bank
from churn.simulation import simulate_bank
from churn.simulation import structure as s

REFERENCE = "2025-01-01"
LARGE = 100_000


def counter_year(bank: Any, day: str = REFERENCE) -> pd.DataFrame:
    return bank.year("transactions", "transacted_on", day).query("channel == 'counter'")


def share_error(share: float, n: int) -> float:
    return float(np.sqrt(share * (1 - share) / n))


@pytest.mark.parametrize("day", [REFERENCE, "2026-01-01"])
def test_a_fifth_of_a_years_counter_customers_are_vips(day: str, any_bank: Any) -> None:
    visitors = counter_year(any_bank, day).customer_id.unique()
    vip = (any_bank.tier(day).loc[visitors] != "ordinary").mean()
    assert abs(vip - 0.20) < 0.01 + 2 * share_error(0.20, len(visitors))


def test_over_two_years_vips_are_18_to_22_per_cent_of_counter_customers_by_tier_and_by_ticket(any_bank: Any) -> None:
    visits = [(counter_year(any_bank, day), any_bank.tier(day)) for day in (REFERENCE, "2026-01-01")]
    visitors = sum(visit.customer_id.nunique() for visit, _ in visits)
    by_tier = sum((tier.loc[visit.customer_id.unique()] != "ordinary").sum() for visit, tier in visits)
    by_ticket = sum(visit[visit.queue_ticket == "vip"].customer_id.nunique() for visit, _ in visits)
    assert 0.18 < by_tier / visitors < 0.22
    assert 0.18 < by_ticket / visitors < 0.22


def test_vips_take_little_more_than_their_share_of_tickets(any_bank: Any) -> None:
    tickets = counter_year(any_bank).queue_ticket.dropna()
    assert 0.20 < (tickets == "vip").mean() < 0.26


def test_a_few_per_cent_of_counter_customers_move_100_000_yuan_on_either_ticket(any_bank: Any) -> None:
    visits = counter_year(any_bank)
    large = visits[visits.amount.abs() >= LARGE]
    n = visits.customer_id.nunique()
    slack = 2 * share_error(0.05, n)
    assert 0.03 - slack < large.customer_id.nunique() / n < 0.08 + slack
    for ticket in ("ordinary", "vip"):
        assert 0.01 < large[large.queue_ticket == ticket].customer_id.nunique() / n < 0.06


def test_the_feature_of_large_ordinary_transactions_is_above_zero_for_1_to_6_per_cent(any_bank: Any) -> None:
    with open_bank(any_bank.folder, Config()) as opened:
        features = opened.labelled(pd.Timestamp(REFERENCE).date(), 365).features
    visited = features[features["n_counter_365d"] > 0]
    assert 0.01 < (visited["n_large_ordinary_365d"] > 0).mean() < 0.06


def futures_of_ordinary(bank: Any) -> pd.DataFrame:
    """Ordinary customers who came to the counter: had they a large transaction, do they become VIPs within a year."""
    visits, states = counter_year(bank), bank.table("customer_states")
    ordinary = bank.tier(REFERENCE).loc[bank.outcomes(REFERENCE).index] == "ordinary"
    who = ordinary.index[ordinary].intersection(visits.customer_id)
    large = visits[(visits.amount.abs() >= LARGE) & (visits.queue_ticket == "ordinary")].customer_id
    rises = states[(states.valid_from >= REFERENCE) & (states.tier != "ordinary")].customer_id
    return pd.DataFrame({"large": who.isin(large), "rises": who.isin(rises)})


def test_who_has_a_large_transaction_on_an_ordinary_ticket_is_likelier_to_become_a_vip(any_bank: Any) -> None:
    futures = futures_of_ordinary(any_bank)
    rate, usual = (futures.rises[futures.large == large].mean() for large in (True, False))
    assert rate - 2 * share_error(rate, futures.large.sum()) > 2 * usual


def monthly(bank: Any) -> pd.DataFrame:
    """Each transaction with whether it goes out, the month's growth of money put in, and what comes next."""
    pnl = bank.table("pnl")
    put_in = pnl.cost_basis.fillna(pnl.market_value).groupby([pnl.customer_id, pnl.month.dt.to_period("M")]).sum()
    money = put_in.rename("end").reset_index()
    growth = money.merge(money.assign(month=money.month + 1).rename(columns={"end": "start"}))
    made = bank.table("transactions").assign(month=lambda t: t.transacted_on.dt.to_period("M"))
    made = made.merge(growth.assign(growth=np.log(growth.end / growth.start)), on=["customer_id", "month"])
    gone = bank.table("customers").set_index("customer_id").closed_on.dt.to_period("M")
    leaving = (made.month + 1) == made.customer_id.map(gone)
    return made.assign(leaving=leaving, out=made.amount < 0)


def test_outflows_outweigh_inflows_in_the_month_before_a_customer_leaves(any_bank: Any) -> None:
    made = monthly(any_bank)
    last = made[made.leaving]
    assert last.out.mean() - 0.65 > 2 * share_error(0.65, len(last))
    assert last.amount.sum() < -0.2 * last.amount.abs().sum()


def test_money_comes_and_goes_alike_otherwise_so_that_net_flow_is_not_turnover(any_bank: Any) -> None:
    made = monthly(any_bank)
    stay = made[~made.leaving]
    assert abs(stay.out.mean() - 0.5) < 0.01
    # A few large amounts decide the yuan: their own sampling error is allowed for.
    error = np.sqrt((stay.amount**2).sum()) / stay.amount.abs().sum()
    assert abs(stay.amount.sum() / stay.amount.abs().sum()) < 0.02 + 3 * error


def test_the_direction_of_money_says_no_more_of_leaving_than_balances_do(any_bank: Any) -> None:
    made = monthly(any_bank)
    leaving = made[made.leaving]
    edges = np.quantile(leaving.growth, np.linspace(0.05, 0.95, 31))
    cells = made.assign(cell=np.digitize(made.growth, edges)).query("cell > 0 and cell < 31")
    leave, stay = (cells[cells.leaving == going].groupby("cell").out.agg(["mean", "size"]) for going in (True, False))
    gap, weight = leave["mean"] - stay["mean"], leave["size"] / leave["size"].sum()
    variance = 0.25 * (1 / leave["size"] + 1 / stay["size"])
    assert abs((gap * weight).sum()) < 3 * np.sqrt((variance * weight**2).sum())


def test_how_transactions_are_served_changes_no_other_table(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate_bank(tmp_path / "usual", customers=150, months=24)
    for name, value in (("LARGE_SHARE", 0.9), ("SENT_TO_ATM", 0.9), ("FLOW_RESPONSE", 0.0)):
        monkeypatch.setattr(s, name, value)
    simulate_bank(tmp_path / "other", customers=150, months=24)
    differing = {
        path.name
        for path in (tmp_path / "usual").rglob("*.parquet")
        if path.read_bytes() != (tmp_path / "other" / path.relative_to(tmp_path / "usual")).read_bytes()
    }
    assert differing == {"transactions.parquet"}
