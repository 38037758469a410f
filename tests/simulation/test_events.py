from typing import Any

import pandas as pd
import pytest

from churn.simulation.events import holding_key, stack


@pytest.mark.parametrize(("table", "key"), [("customers", "customer_id"), ("holdings", "holding_id"),
                                            ("contacts", "contact_id")])  # fmt: skip
def test_keys_are_unique(table: str, key: str, bank: Any) -> None:
    assert bank.table(table)[key].is_unique


def test_a_holding_has_one_value_a_month(bank: Any) -> None:
    assert not bank.table("pnl").duplicated(["holding_id", "month"]).any()


def test_every_reference_resolves(bank: Any) -> None:
    known = set(bank.table("customers").customer_id)
    for name in ("customer_states", "holdings", "bindings", "contacts", "pnl", "transactions", "campaigns"):
        assert set(bank.table(name).customer_id) <= known
    referrals = bank.table("referrals")
    assert set(referrals.referrer_id) | set(referrals.referred_id) <= known
    owner = bank.table("holdings").set_index("holding_id").customer_id
    pnl = bank.table("pnl")
    assert (owner.loc[pnl.holding_id].to_numpy() == pnl.customer_id.to_numpy()).all()


@pytest.mark.parametrize(
    ("table", "start", "end"),
    [("customers", "opened_on", "closed_on"), ("holdings", "opened_on", "closed_on"),
     ("bindings", "bound_on", "unbound_on")],
)  # fmt: skip
def test_ends_are_not_before_beginnings(table: str, start: str, end: str, bank: Any) -> None:
    frame = bank.table(table)
    assert not (frame[end] < frame[start]).any()
    assert frame[end].notna().sum() > 100


@pytest.mark.parametrize(
    ("table", "date"),
    [("holdings", "opened_on"), ("holdings", "closed_on"), ("bindings", "bound_on"), ("contacts", "contacted_on"),
     ("transactions", "transacted_on"), ("campaigns", "assigned_on")],
)  # fmt: skip
def test_nothing_happens_outside_the_relationship(table: str, date: str, bank: Any) -> None:
    customers = bank.table("customers").set_index("customer_id")
    frame = bank.table(table)
    joined = frame.join(customers[["opened_on", "closed_on"]].add_prefix("customer_"), on="customer_id")
    assert not (joined[date] < joined.customer_opened_on).any()
    assert not (joined[date] > joined.customer_closed_on).any()


def test_a_service_is_bound_while_its_product_is_open(bank: Any) -> None:
    bindings = bank.open_at("bindings", "2025-01-01")
    for service in bindings.service.unique():
        assert set(bindings[bindings.service == service].customer_id) <= set(bank.bound(service, "2025-01-01").index)


def test_values_movements_and_contacts_begin_with_the_window_and_end_with_the_data(bank: Any) -> None:
    for table, date in (("pnl", "month"), ("transactions", "transacted_on"), ("contacts", "contacted_on")):
        dates = bank.table(table)[date]
        assert dates.min() >= pd.Timestamp("2022-01-01")
        assert pd.Timestamp("2025-12-01") < dates.max() <= pd.Timestamp("2025-12-31")
    assert bank.table("customers").opened_on.min() < pd.Timestamp("2012-01-01")


def test_no_closed_holding_has_a_value_afterwards(bank: Any) -> None:
    pnl = bank.table("pnl").merge(bank.table("holdings")[["holding_id", "opened_on", "closed_on"]], on="holding_id")
    assert not (pnl.month >= pnl.closed_on).any()
    assert not (pnl.month < pnl.opened_on).any()


def test_todays_tier_and_manager_are_the_last_known_state(bank: Any) -> None:
    states = bank.table("customer_states")
    assert not states.duplicated(["customer_id", "valid_from"]).any()
    last = states.sort_values("valid_from", kind="stable").groupby("customer_id").last()
    customers = bank.table("customers").set_index("customer_id").loc[last.index]
    assert len(last) == len(bank.table("customers"))
    assert (last.tier == customers.tier).all()
    assert (last.manager_id.fillna("") == customers.manager_id.fillna("")).all()


def test_nobody_who_asked_not_to_be_contacted_is(bank: Any) -> None:
    customers = bank.table("customers")
    refused = customers.customer_id[customers.do_not_contact]
    assert len(refused) > 100
    assert not bank.table("contacts").customer_id.isin(refused).any()
    assert not bank.table("campaigns").customer_id.isin(refused).any()


def test_only_counter_transactions_have_tickets(bank: Any) -> None:
    transactions = bank.table("transactions")
    assert transactions.queue_ticket[transactions.channel != "counter"].isna().all()
    assert transactions.queue_ticket[transactions.channel == "counter"].notna().mean() > 0.9


def test_deposits_have_no_cost_and_investments_do(bank: Any) -> None:
    pnl = bank.table("pnl").merge(bank.table("holdings")[["holding_id", "product"]], on="holding_id")
    deposit = pnl["product"].isin(["debit_card", "time_deposit"])
    assert pnl.cost_basis[deposit].isna().all()
    assert pnl.cost_basis[~deposit].notna().all()
    assert set(pnl["product"]) == {"debit_card", "time_deposit", "wealth_management", "fund", "fund_plan",
                                   "precious_metals"}  # fmt: skip


def test_the_order_of_ids_says_nothing_about_risk_or_time(bank: Any) -> None:
    customers = bank.table("customers")
    number = customers.customer_id.str[1:].astype(int)
    bound = 4 / len(customers) ** 0.5
    assert abs(number.corr(customers.opened_on.astype("int64").astype(float), method="spearman")) < bound
    assert abs(number.corr(customers.closed_on.notna().astype(float), method="spearman")) < bound


def test_holding_keys_tell_persons_products_and_months_apart() -> None:
    keys = {int(holding_key(p, q, m)) for p in (0, 1, 70_000) for q in (0, 12) for m in (-180, 0, 47)}
    assert len(keys) == 18


def test_stacked_rows_keep_their_order() -> None:
    assert stack([{"a": pd.array([1])}, {"a": pd.array([2])}])["a"].tolist() == [1, 2]
