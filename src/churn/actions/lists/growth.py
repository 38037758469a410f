"""Who could become a VIP: seen at the counter, or by assets."""

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churn.actions.lists.facts import Facts
from churn.actions.lists.listing import Found, ManagerList, not_made, note_unknown, order
from churn.actions.lists.wording import join_words, tell
from churn.actions.plan_words import TIER_WORDS
from churn.actions.today import to_pandas
from churn.explanation.reasons.amounts import Pair, money, percent, span
from churn.features.activity import amount_moved, is_large_ordinary
from churn.features.expressions import count, since, total
from churn.tables.contract import TIERS, to_date


def find_potential_vips(facts: Facts) -> Found:
    """Find ordinary customers with a large counter transaction on an ordinary ticket in the last days.

    The largest sum of such transactions stands first. The note compares their share of each day's counter customers
    with what the practice expects.
    """
    if lack := facts.lacks("transactions", "transactions.queue_ticket"):
        return not_made(lack)
    if not _has_recent(facts):
        (en, zh), date = span(facts.settings.counter_days), to_date(facts.day)
        said = f"transactions holds no row of the {en} before {date}", f"transactions 表没有 {date} 之前 {zh}的数据"
        return not_made([said])
    visits = _read_visits(facts).merge(facts.customers, on="customer_id")
    seen = visits[(visits["n_large"] > 0) & (visits["tier"] == TIERS[0])]
    by_customer = seen.groupby("customer_id").agg(
        n_large_transactions=("n_large", "sum"),
        largest_cny=("largest", "max"),
        sum_large_cny=("sum_large", "sum"),
        last=("transacted_on", "max"),
    )
    rows = facts.customers.merge(by_customer, on="customer_id")
    rows = rows.assign(
        largest_cny=rows["largest_cny"] / 100,
        sum_large_cny=rows["sum_large_cny"] / 100,
        days_since_large=facts.day - rows["last"],
    )
    rows = order(rows, {"sum_large_cny": False, "days_since_large": True})
    notes = (*_note_share(facts, visits, seen), *note_unknown(facts, {"pnl": "aum_cny"}))
    return Found(tell(rows, lambda row: _why_seen(facts, row)), notes)


def _has_recent(facts: Facts) -> bool:
    recent = facts.tables["transactions"].filter(since("transacted_on", facts.day, facts.settings.counter_days))
    return bool(recent.head(1).collect(backend="pyarrow").shape[0])


def _read_visits(facts: Facts) -> pd.DataFrame:
    """Return one row a customer and day at the counter, with what was large on an ordinary ticket, in cents."""
    s = facts.settings
    at_counter = (nw.col("channel") == nw.lit("counter")) & since("transacted_on", facts.day, s.counter_days)
    large = is_large_ordinary(round(s.large_counter_cny * 100))
    visits = facts.tables["transactions"].filter(at_counter).group_by("customer_id", "transacted_on")
    return to_pandas(
        visits.agg(
            count(large, "n_large"),
            nw.when(large).then(amount_moved()).otherwise(0).max().alias("largest"),
            total(large, amount_moved(), "sum_large"),
        )
    )


def _note_share(facts: Facts, visits: pd.DataFrame, seen: pd.DataFrame) -> tuple[Pair, ...]:
    """Compare with the share of a day's counter customers that the practice expects; nothing where nobody came."""
    if visits.empty:
        return ()
    visitors = visits.groupby("transacted_on")["customer_id"].nunique()
    found = seen.groupby("transacted_on")["customer_id"].nunique().reindex(visitors.index, fill_value=0)
    under = int((found / visitors < facts.settings.counter_share).sum())
    (en, zh), (en_least, zh_least) = percent(found.sum() / visitors.sum()), percent(facts.settings.counter_share)
    en_told = (
        f"Counted by day, those left out included, they are {en} of the counter's customers; the practice expects"
        f" {en_least} at least, and {under} of {len(visitors)} days stay under it"
    )
    zh_told = f"按日计（含未列入者）占柜面客户 {zh}；经验值至少 {zh_least}，{len(visitors)} 天中有 {under} 天低于此值"
    return ((en_told, zh_told),)


def _why_seen(facts: Facts, row: Any) -> Pair:
    s, several = facts.settings, row.n_large_transactions > 1
    (en_large, zh_large), (en_size, zh_size) = money(s.large_counter_cny), money(row.largest_cny)
    (en_days, zh_days), (en_ago, zh_ago) = span(s.counter_days), span(row.days_since_large)
    n = f"{row.n_large_transactions:,}"
    en = f"{n} counter transaction{'s' * several} of {en_large} or more on an ordinary ticket in {en_days}"
    zh = f"{zh_days}内普通号柜面 {zh_large}及以上交易 {n} 笔"
    largest = ("the largest ", "最大 ") if several else ("", "金额 ")
    last = ("the last ", "最近一笔在 ") if several else ("", "")
    parts = [
        (en, zh),
        (f"{largest[0]}{en_size}", f"{largest[1]}{zh_size}"),
        (f"{last[0]}{en_ago} ago", f"{last[1]}{zh_ago}前"),
    ]
    return join_words(parts)


def find_upgrades(facts: Facts) -> Found:
    """Find customers whose assets reach, or nearly reach, the floor of a higher tier.

    The next tier is the highest whose floor is reached, or else the one above today's. The smallest gap, as a share
    of the floor, stands first; among those who have reached it the largest assets.
    """
    if lack := facts.lacks("pnl"):
        return not_made(lack)
    s = facts.settings
    floors = np.array([0.0, s.gold_floor_cny, s.platinum_floor_cny])
    rows = facts.customers[facts.customers["tier_level"] < len(TIERS) - 1]
    earned = np.searchsorted(floors, rows["aum_cny"].to_numpy(dtype=np.float64), side="right") - 1
    following = np.maximum(earned, rows["tier_level"].to_numpy() + 1)
    floor = floors[following]
    gap = np.maximum(floor - rows["aum_cny"], 0).round(2)  # whole cents
    rows = rows.assign(
        next_tier=np.asarray(TIERS, dtype=object)[following], floor_cny=floor, gap_cny=gap, gap_share=gap / floor
    )[rows["aum_cny"] / floor >= s.upgrade_share]
    rows = order(rows, {"gap_share": True, "aum_cny": False})
    return Found(tell(rows, lambda row: _why_upgrade(facts, row)), (_note_floors(facts),))


def _note_floors(facts: Facts) -> Pair:
    (en_gold, zh_gold), (en_platinum, zh_platinum) = (
        money(floor) for floor in (facts.settings.gold_floor_cny, facts.settings.platinum_floor_cny)
    )
    en_share, zh_share = percent(facts.settings.upgrade_share)
    return (
        f"Assumed: gold from {en_gold} of assets, platinum from {en_platinum}; candidates from {en_share} of the floor",
        f"假定：资产达到 {zh_gold}为金卡，{zh_platinum}为白金卡；候选为达到门槛 {zh_share} 的客户",
    )


def _why_upgrade(facts: Facts, row: Any) -> Pair:
    (en_tier, zh_tier), (en_floor, zh_floor) = TIER_WORDS[row.next_tier], money(row.floor_cny)
    if not row.gap_cny:
        reached = f"enough for {en_tier} (from {en_floor})", f"已达{zh_tier}门槛（{zh_floor}）"
        return join_words([facts.tell("tier_level", row), facts.tell("aum_cny", row), reached])
    en_gap, zh_gap = money(row.gap_cny)
    short = f"{en_gap} short of {en_tier} (from {en_floor})", f"距{zh_tier}门槛（{zh_floor}）还差 {zh_gap}"
    return join_words([facts.tell("tier_level", row), facts.tell("aum_cny", row), short])


POTENTIAL_VIPS = ManagerList(
    "potential_vips",
    ("Potential VIPs seen at the counter", "柜面潜在贵宾客户"),
    {
        "n_large_transactions": "Int64",
        "largest_cny": "float64",
        "sum_large_cny": "float64",
        "days_since_large": "Int64",
        "aum_cny": "float64",
        "churn_probability": "float64",
    },
    is_marketing=True,
    find=find_potential_vips,
)
UPGRADES = ManagerList(
    "upgrades",
    ("Candidates for the next tier", "升级候选客户"),
    {
        "next_tier": "str",
        "aum_cny": "float64",
        "floor_cny": "float64",
        "gap_cny": "float64",
        "aum_growth_3m": "float64",
        "churn_probability": "float64",
    },
    is_marketing=True,
    find=find_upgrades,
)
