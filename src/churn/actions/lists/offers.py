"""Whom to offer more: potential VIPs, those near the next tier, good customers with few ties."""

from collections.abc import Iterator
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churn.actions.lists import listing
from churn.actions.lists.listing import Found, ListBasis, ManagerList
from churn.actions.today import TIER_WORDS
from churn.features.activity import amount_moved, is_large_ordinary
from churn.features.expressions import count, since, total
from churn.frame import to_pandas
from churn.speech import Message, Money, Said, Share, Span, counted, joined, message
from churn.tables.contract import TIERS, VIP_TIERS, to_date


def find_potential_vips(basis: ListBasis) -> Found:
    """Find ordinary customers with a large counter transaction on an ordinary ticket in the last days.

    The largest sum of such transactions stands first. The note compares their share of each day's counter customers
    with what the practice expects.
    """
    today, days = basis.today, basis.settings.counter_days
    if lack := today.lacks("transactions", "transactions.queue_ticket"):
        return Found(None, lack)
    recent = today.tables["transactions"].filter(since("transacted_on", today.day, days))
    if not recent.head(1).collect(backend="pyarrow").shape[0]:
        why = message("transactions holds no row of the {days} before {date}", days=Span(days), date=to_date(today.day))
        return Found(None, [why])
    visits = _read_visits(basis).merge(basis.customers, on="customer_id")
    seen = visits[(visits["n_large"] > 0) & (visits["tier"] == TIERS[0])]
    by_customer = seen.groupby("customer_id").agg(
        n_large_transactions=("n_large", "sum"),
        largest_cny=("largest", "max"),
        sum_large_cny=("sum_large", "sum"),
        last=("transacted_on", "max"),
    )
    rows = basis.customers.merge(by_customer, on="customer_id")
    rows = rows.assign(
        largest_cny=rows["largest_cny"] / 100,
        sum_large_cny=rows["sum_large_cny"] / 100,
        days_since_large=today.day - rows["last"],
    )
    rows = listing.order(rows, {"sum_large_cny": False, "days_since_large": True})
    return Found(rows, [*_note_share(basis, visits, seen), *listing.note_unknown(basis, {"pnl": "aum_cny"})])


def _read_visits(basis: ListBasis) -> pd.DataFrame:
    """Return one row per customer and day at the counter, with what was large on an ordinary ticket, in cents."""
    s, today = basis.settings, basis.today
    at_counter = (nw.col("channel") == nw.lit("counter")) & since("transacted_on", today.day, s.counter_days)
    large = is_large_ordinary(round(s.large_counter_cny * 100))
    visits = today.tables["transactions"].filter(at_counter).group_by("customer_id", "transacted_on")
    return to_pandas(
        visits.agg(
            count(large, "n_large"),
            nw.when(large).then(amount_moved()).otherwise(0).max().alias("largest"),
            total(large, amount_moved(), "sum_large"),
        )
    )


def _note_share(basis: ListBasis, visits: pd.DataFrame, seen: pd.DataFrame) -> Iterator[Message]:
    """Compare with the share of a day's counter customers that the practice expects; nothing where nobody came."""
    if visits.empty:
        return
    visitors = visits.groupby("transacted_on")["customer_id"].nunique()
    found = seen.groupby("transacted_on")["customer_id"].nunique().reindex(visitors.index, fill_value=0)
    yield message(
        "Counted by day, they are {share} of the counter's customers, including those left out. The practice expects"
        " at least {least}; {under} of {days} days are below",
        share=Share(found.sum() / visitors.sum()),
        least=Share(basis.settings.counter_share),
        under=int((found / visitors < basis.settings.counter_share).sum()),
        days=len(visitors),
    )


def _why_seen(basis: ListBasis, row: Any) -> Said:
    s, size, ago = basis.settings, Money(row.largest_cny), Span(row.days_since_large)
    made = counted(
        "{n} counter transaction of {large} or more on an ordinary ticket in {days}",
        "{n} counter transactions of {large} or more on an ordinary ticket in {days}",
        int(row.n_large_transactions),
        large=Money(s.large_counter_cny),
        days=Span(s.counter_days),
    )
    if row.n_large_transactions == 1:
        return joined([made, message("{size}", context="only transaction", size=size), message("{span} ago", span=ago)])
    return joined([made, message("the largest {size}", size=size), message("the last {span} ago", span=ago)])


def find_upgrades(basis: ListBasis) -> Found:
    """Find customers whose assets reach, or nearly reach, the floor of a higher tier.

    The next tier is the highest whose floor is reached, or else the one above today's. The smallest gap, as a share
    of the floor, stands first; among those who have reached it the largest assets.
    """
    if lack := basis.today.lacks("pnl"):
        return Found(None, lack)
    s = basis.settings
    floors = np.array([0.0, s.gold_floor_cny, s.platinum_floor_cny])
    rows = basis.customers[basis.customers["tier_level"] < len(TIERS) - 1]
    earned = np.searchsorted(floors, rows["aum_cny"].to_numpy(dtype=np.float64), side="right") - 1
    following = np.maximum(earned, rows["tier_level"].to_numpy() + 1)
    floor = floors[following]
    gap = np.maximum(floor - rows["aum_cny"], 0).round(2)  # whole cents
    rows = rows.assign(
        next_tier=np.asarray(TIERS, dtype=object)[following], floor_cny=floor, gap_cny=gap, gap_share=gap / floor
    )[rows["aum_cny"] / floor >= s.upgrade_share]
    rows = listing.order(rows, {"gap_share": True, "aum_cny": False})
    note = message(
        "Assumed: gold from {gold} of assets, platinum from {platinum}; candidates from {share} of the floor",
        gold=Money(s.gold_floor_cny),
        platinum=Money(s.platinum_floor_cny),
        share=Share(s.upgrade_share),
    )
    return Found(rows, [note])


def _why_upgrade(basis: ListBasis, row: Any) -> Said:
    tier, floor = TIER_WORDS[row.next_tier], Money(row.floor_cny)
    if row.gap_cny:
        reach = message("{gap} short of {tier} (from {floor})", gap=Money(row.gap_cny), tier=tier, floor=floor)
    else:
        reach = message("enough for {tier} (from {floor})", tier=tier, floor=floor)
    return joined([basis.tell("tier_level", row), basis.tell("aum_cny", row), reach])


def find_thinly_bound(basis: ListBasis) -> Found:
    """Find VIPs and customers of large assets who hold few products or have few services bound.

    The largest assets at risk (assets times churn probability) stand first, then the largest assets.
    """
    s, customers = basis.settings, basis.customers
    good = customers["tier"].isin(VIP_TIERS) | (customers["aum_cny"] >= s.valuable_cny)
    thin = (customers["product_coverage"] <= s.thin_products) | (customers["n_bound"] <= s.thin_services)
    rows = customers[good & thin]
    rows = rows.assign(aum_at_risk_cny=(rows["aum_cny"] * rows["churn_probability"]).round(2))
    rows = listing.order(rows, {"aum_at_risk_cny": False, "aum_cny": False, "product_coverage": True})
    unknown = {"pnl": "aum_cny, aum_at_risk_cny", "bindings": "n_bound", "scores": "churn_probability, aum_at_risk_cny"}
    return Found(rows, listing.note_unknown(basis, unknown))


def _why_thin(basis: ListBasis, row: Any) -> Said:
    parts = [basis.tell("tier_level", row)] if row.tier in VIP_TIERS else []
    parts += [basis.tell("aum_cny", row)] if not pd.isna(row.aum_cny) else []
    parts.append(basis.tell("product_coverage", row))
    parts += [basis.tell("n_bound", row)] if not pd.isna(row.n_bound) else []
    return joined([*parts, *_risk(row)])


def find_never_bound(basis: ListBasis) -> Found:
    """Find products held whose service was never bound, not even once; one row per customer and service.

    The largest churn probability stands first, then the longest held.
    """
    today = basis.today
    if lack := today.lacks("bindings"):
        return Found(None, lack)
    services = pd.DataFrame(
        [(name, service.product) for name, service in today.config.services.items()], columns=["service", "product"]
    ).astype("str")
    possible = basis.holdings().merge(services, on="product")
    ever = today.tables["bindings"].filter(nw.col("bound_on") < today.day).select("customer_id", "service").unique()
    bound = to_pandas(ever).assign(was_bound=True)
    possible = possible.merge(bound, on=["customer_id", "service"], how="left")
    never = possible[possible["was_bound"].isna()]
    rows = basis.customers.merge(never, on="customer_id")
    rows = rows.assign(days_held=today.day - rows["opened_on"])
    rows = listing.order(rows, {"churn_probability": False, "days_held": False, "customer_id": True, "service": True})
    return Found(rows, listing.note_unknown(basis, {"scores": "churn_probability"}))


def _why_never(basis: ListBasis, row: Any) -> Said:
    config = basis.today.config
    held = message("{product} held for {span}", product=config.products[row.product].name, span=Span(row.days_held))
    never = message("{service} never bound", service=config.services[row.service].name)
    return joined([held, never, *_risk(row)])


def _risk(row: Any) -> list[Message]:
    if pd.isna(row.churn_probability):
        return []
    return [message("churn probability {share}", share=Share(row.churn_probability))]


POTENTIAL_VIPS = ManagerList(
    name="potential_vips",
    title=message("Potential VIPs seen at the counter"),
    tab=message("Potential VIPs"),
    columns=("n_large_transactions", "largest_cny", "sum_large_cny", "days_since_large", "aum_cny",
             "churn_probability"),
    find=find_potential_vips,
    why=_why_seen,
)  # fmt: skip
UPGRADES = ManagerList(
    name="upgrades",
    title=message("Candidates for the next tier"),
    tab=message("Upgrades"),
    columns=("next_tier", "aum_cny", "floor_cny", "gap_cny", "aum_growth_3m", "churn_probability"),
    find=find_upgrades,
    why=_why_upgrade,
)
THINLY_BOUND = ManagerList(
    name="thinly_bound",
    title=message("Good customers with few ties"),
    tab=message("Few ties"),
    columns=("aum_cny", "aum_at_risk_cny", "product_coverage", "n_bound", "churn_probability"),
    find=find_thinly_bound,
    why=_why_thin,
)
NEVER_BOUND = ManagerList(
    name="never_bound",
    title=message("Products held whose service was never bound"),
    tab=message("Never bound"),
    columns=("product", "service", "days_held", "churn_probability"),
    find=find_never_bound,
    why=_why_never,
)
