"""Whole banks: every measure against plain Python, without each table, and what holds of any bank."""

import datetime as dt
import re
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from churn.actions.progress.build import build_progress, progress_table
from churn.actions.progress.measures import MEASURES
from churn.actions.today import in_hold_out, read_today
from churn.config import Config
from churn.data import open_bank
from churn.errors import TimeRangeError
from churn.speech import LANGUAGES, message, say
from futures import other_future
from hostile_texts import HOSTILE
from long_runs import examples
from other_bank import customers_at, has_left, make_tables, of, read_rows, was_open, write_tables

HORIZON = 250
DATES = [dt.date(2023, 7, 15), dt.date(2024, 5, 20), dt.date(2024, 12, 31)]
EVERY_CASE = [(number, date) for number in (1, 2, 3) for date in DATES]
# A bank a date; the slow calculations themselves are looked at in every case.
CASES = EVERY_CASE[:: examples(4, 1)]
# Of so few customers the counter shows nobody in a month, and few lose or are contacted.
WIDE = Config.model_validate(
    {
        "plan": {"meetings": 0, "calls": 1, "hold_out": 0.4, "weekend": ["sunday"], "loss_return": 0.02},
        "lists": {"large_counter_cny": 20_000},
        "progress": {"window_days": 200, "loss_days": 20, "begun_on": "2020-01-01"},
    }
)
OPTIONAL = ("customer_states", "bindings", "contacts", "pnl", "transactions", "referrals")
CHURN = {"churn_observed", "churn_observed_where_stated", "churn_stated"}
DAYS = {"meetings_per_day", "calls_per_day", "days_kept"}
BASE = {"churn_predicted", "offers_difference"}
NEEDS = {
    "customer_states": {"potential_vips_converted"},
    "bindings": {"bindings_per_customer", "bindings_per_customer_change"},
    "contacts": DAYS | {"losses_contacted", "contacted_difference"},
    "pnl": {"losses_contacted", "value_kept"},
    "transactions": {"potential_vips_seen", "potential_vips_converted"},
    "referrals": {"referrals", "referrals_change"},
}
DATED = {
    "contacts": "contacted_on", "transactions": "transacted_on", "pnl": "month", "referrals": "referred_on",
    "bindings": "bound_on", "customer_states": "valid_from",
}  # fmt: skip


def ago(days, date):
    return date - dt.timedelta(days=days)


def month_end(date):
    return date.replace(day=1) - dt.timedelta(days=1)


class Slow:
    """One bank at one date in plain Python: for each measure, the values of the customers it is counted over."""

    def __init__(self, rows, date):
        self.rows, self.date = rows, date
        self.today = {row["customer_id"]: row for row in rows["customers"]}
        self.now = customers_at(rows, date)
        columns = {"pnl": "month", "transactions": "transacted_on", "contacts": "contacted_on"}
        past = [row[day] for table, day in columns.items() for row in rows[table] if row[day] < date]
        self.end = max(past)
        self.start = self.end + dt.timedelta(days=1 - HORIZON)
        owned = Counter((self.today[who]["manager_id"], self.today[who]["branch_id"]) for who in self.now)
        names = sorted({name for name, _ in owned if name is not None})
        self.homes = {name: min((-n, branch) for (who, branch), n in owned.items() if who == name)[1] for name in names}
        self.owned = owned

    def units(self):
        return [None, *sorted({row["branch_id"] for row in self.rows["customers"]}), *self.homes]

    def is_of(self, who, unit):
        return unit in (None, self.today[who]["branch_id"], self.today[who]["manager_id"])

    def within(self, table, column, first, last):
        return [row for row in self.rows[table] if first <= row[column] < last]

    def days(self):
        """(manager, meetings, calls) of every working day up to the end of the data."""
        first = ago(200, self.date)
        days = [first + dt.timedelta(days=n) for n in range((self.end - first).days + 1)]
        made = Counter((row["manager_id"], row["contacted_on"], row["channel"]) for row in self.rows["contacts"])
        return [
            (name, made[name, day, "meeting"], made[name, day, "call"])
            for name in self.homes for day in days if day.weekday() != 6
        ]  # fmt: skip

    def of_days(self, unit):
        return [day for day in self.days() if unit in (None, day[0], self.homes[day[0]])]

    def vips(self):
        found = []
        for who in self.now:
            own = self.today[who]
            total = sum(n for (name, _), n in self.owned.items() if name == own["manager_id"])
            homes = [b for (name, b), n in self.owned.items() if name == own["manager_id"] and 2 * n > total]
            if own["tier"] != "ordinary":
                found.append((who, own["manager_id"] is not None and homes in ([], [own["branch_id"]])))
        return found

    def felt(self, who, end):
        bought = [row for row in of(self.rows, "pnl", who) if row["month"] == end and row["cost_basis"] is not None]
        value = sum(round(100 * row["market_value"]) for row in bought)
        cost = sum(round(100 * row["cost_basis"]) for row in bought)
        return (value - cost <= -0.02 * cost and cost > 0) or value - cost <= -1_000_000

    def losses(self):
        found, end = [], month_end(self.date)
        for _ in range(6):
            if end + dt.timedelta(days=20) <= self.end:
                for who in self.today:
                    left = self.today[who]["closed_on"]
                    if (left is None or left > end) and self.felt(who, end) and not self.felt(who, month_end(end)):
                        heard = [row["reached"] and 0 < (row["contacted_on"] - end).days <= 20
                                 for row in of(self.rows, "contacts", who)]  # fmt: skip
                        found.append((who, any(heard)))
            end = month_end(end)
        return found

    def products(self, who, date):
        open_then = [row for row in of(self.rows, "holdings", who) if was_open(row, "opened_on", "closed_on", date)]
        return len({row["product"] for row in open_then})

    def services(self, who, date):
        bound = [row for row in of(self.rows, "bindings", who) if was_open(row, "bound_on", "unbound_on", date)]
        return len({row["service"] for row in bound})

    def changes(self, held):
        then = ago(HORIZON, self.date)
        both = set(self.now) & set(customers_at(self.rows, then))
        return [(who, held(who, self.date) - held(who, then)) for who in sorted(both)]

    def counter(self, first, last):
        found = {}
        for row in self.within("transactions", "transacted_on", first, last):
            if row["channel"] == "counter":
                large = abs(row["amount"]) >= 20_000 and row["queue_ticket"] == "ordinary"
                found.setdefault(row["customer_id"], []).append((row["transacted_on"], large))
        return found

    def seen(self):
        came = self.counter(ago(200, self.date), self.date)
        ordinary = [who for who in self.now if self.today[who]["tier"] == "ordinary" and who in came]
        return [(who, any(large for _, large in came[who])) for who in ordinary]

    def tier_at(self, who, day):
        states = [row for row in of(self.rows, "customer_states", who) if row["valid_from"] <= day]
        return max(states, key=lambda row: row["valid_from"])["tier"] if states else None

    def converted(self):
        begin = min(row["month"] for row in self.rows["pnl"])
        begin = min(begin, *(row["transacted_on"] for row in self.rows["transactions"]))
        begin = min(begin, *(row["contacted_on"] for row in self.rows["contacts"]))
        last = ago(365 if begin <= ago(365 + 200, self.date) else 180, self.date)
        found = []
        for who, visits in self.counter(ago(730, self.date), last).items():
            if any(large and self.tier_at(who, day) == "ordinary" for day, large in visits):
                found.append((who, who in self.now and self.today[who]["tier"] != "ordinary"))
        return found

    def referred(self, date):
        opened = {row["customer_id"]: row["opened_on"] for row in self.rows["customers"]}
        first = {}
        for row in self.rows["referrals"]:
            pair = row["referrer_id"], row["referred_id"]
            if row["referred_on"] < date and all(opened[who] < date for who in pair):
                first[pair] = min(first.get(pair, row["referred_on"]), row["referred_on"])
        return [pair[0] for pair, day in first.items() if day >= ago(365, date)]

    def assets(self, who, date):
        at = [row for row in of(self.rows, "pnl", who) if row["month"] == month_end(date)]
        return sum(round(100 * row["market_value"]) for row in at)

    def left(self):
        """(customer, left) of those of the horizon's first day."""
        there = customers_at(self.rows, self.start)
        return [(who, has_left(self.rows, who, self.start, HORIZON)) for who in there]

    def reached(self):
        spoken = self.within("contacts", "contacted_on", ago(90, self.start), self.start)
        return {row["customer_id"] for row in spoken if row["reached"]}


def expected(slow, unit):
    """Value and n of every measure of a unit that plain Python gives; None where nobody is counted."""

    def mine(pairs):
        return [value for who, value in pairs if slow.is_of(who, unit)]

    days, left = slow.of_days(unit), slow.left()
    stated = {1: 0.62, 3: 0.42} | dict.fromkeys(range(5, 14), 0.12)
    rates = [(who, gone, stated.get(slow.products(who, slow.start))) for who, gone in left]
    known = [(who, gone, 1 - (1 - p) ** (HORIZON / 365)) for who, gone, p in rates if p is not None]
    means = {
        "meetings_per_day": [meetings for _, meetings, _ in days],
        "calls_per_day": [calls for *_, calls in days],
        "days_kept": [calls >= 1 for *_, calls in days],
        "vip_responsibility": mine(slow.vips()),
        "losses_contacted": mine(slow.losses()),
        "product_coverage": mine((who, slow.products(who, slow.date)) for who in slow.now),
        "product_coverage_change": mine(slow.changes(slow.products)),
        "bindings_per_customer": mine((who, slow.services(who, slow.date)) for who in slow.now),
        "bindings_per_customer_change": mine(slow.changes(slow.services)),
        "potential_vips_seen": mine(slow.seen()),
        "potential_vips_converted": mine(slow.converted()),
        "churn_observed": mine(left),
        "churn_observed_where_stated": mine((who, gone) for who, gone, _ in known),
        "churn_stated": mine((who, rate) for who, _, rate in known),
    }
    found = {name: (np.mean(values) if values else None, len(values)) for name, values in means.items()}
    n = sum(slow.is_of(who, unit) for who in slow.now)
    events = sum(slow.is_of(who, unit) for who in slow.referred(slow.date))
    return found | {"referrals": (1000 * events / n if n else None, n)} | differences(slow, unit, left)


def differences(slow, unit, left):
    mine = [(who, gone) for who, gone in left if slow.is_of(who, unit)]
    names = pd.Series([who for who, _ in mine], dtype="str")
    arms = {
        "hold_out_difference": dict(zip(names, in_hold_out(names, WIDE.plan), strict=True)),
        "contacted_difference": {who: who in slow.reached() for who, _ in mine},
    }
    found = {}
    for name, first in arms.items():
        one = [gone for who, gone in mine if first[who]]
        other = [gone for who, gone in mine if not first[who]]
        found[name] = (np.mean(one) - np.mean(other) if one and other else None, len(mine))
    held, worth = arms["hold_out_difference"], 0.0
    for who, _ in mine:
        if not held[who]:
            worth += max(slow.assets(who, slow.start), 0) / 100 + 1000 * slow.products(who, slow.start)
    difference = found["hold_out_difference"][0]
    return found | {"value_kept": (None if difference is None else difference * worth, len(mine))}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Give, for a seed and a date, the plain rows of a random bank and what is measured of it."""
    found = {}
    for number, date in CASES:
        folder = write_tables(make_tables(40, number), tmp_path_factory.mktemp("progress") / "bank")
        with open_bank(folder, WIDE, n_threads=1) as bank:
            progress = build_progress(read_today(bank, None, date, WIDE), horizon_days=HORIZON)
        found[number, date] = rows_of(number), progress
    return found


@cache
def rows_of(number):
    return {name: read_rows(table) for name, table in make_tables(40, number).items()}


@pytest.mark.parametrize(("number", "date"), CASES)
def test_measures_equal_slow_calculations(measured, number, date):
    rows, progress = measured[number, date]
    slow = Slow(rows, date)
    assert set(progress.not_told) <= BASE | {"referrals_change"}
    for unit in slow.units():
        mine = progress.measures["unit"].isna() if unit is None else progress.measures["unit"] == unit
        found = progress.measures[mine].set_index("measure")
        for measure, (value, n) in expected(slow, unit).items():
            row = found.loc[measure]
            assert row["n"] == n, (unit, measure)
            assert row["value"] == pytest.approx(np.nan if value is None else value, nan_ok=True), (unit, measure)


def test_slow_calculations_count_somebody_for_every_measure():
    n, moved = Counter(), Counter()
    for number, date in EVERY_CASE:
        for measure, (value, size) in expected(Slow(rows_of(number), date), None).items():
            n[measure] += size
            moved[measure] += bool(value)
    assert min(n.values()) >= 30, dict(n)
    assert min(moved.values()) >= 3, dict(moved)


def test_intervals_of_a_whole_bank_are_those_of_statsmodels(measured):
    for (_, date), (rows, progress) in measured.items():
        slow, found = Slow(rows, date), progress.measures[progress.measures["level"] == "bank"].set_index("measure")
        left, met = slow.left(), slow.reached()
        gone = [gone for _, gone in left]
        low, high = proportion_confint(sum(gone), len(gone), method="wilson")
        assert found.loc["churn_observed", ["low", "high"]].tolist() == pytest.approx([low, high])
        one = [gone for who, gone in left if who in met]
        other = [gone for who, gone in left if who not in met]
        counts = sum(one), len(one), sum(other), len(other)
        ends = confint_proportions_2indep(*counts, method="newcomb", compare="diff", correction=False)
        assert found.loc["contacted_difference", ["low", "high"]].tolist() == pytest.approx(ends)


def test_every_unit_has_every_measure_told_in_one_order(measured):
    for rows, progress in measured.values():
        told = [name for name in MEASURES if name not in progress.not_told]
        frame = progress.measures
        assert list(frame) == ["level", "unit", "branch_id", "measure", "value", "low", "high", "n", "target"]
        units = frame[["level", "unit"]].drop_duplicates()
        assert frame["measure"].tolist() == told * len(units)
        assert units["level"].tolist() == sorted(units["level"])
        assert frame["unit"].iloc[0] is None
        branches = frame[frame["level"] == "branch"]
        assert (branches["unit"] == branches["branch_id"]).all()
        assert set(frame["branch_id"].dropna()) <= {row["branch_id"] for row in rows["customers"]}


def test_values_lie_in_their_intervals_and_nobody_has_no_value(measured):
    for _, progress in measured.values():
        frame = progress.measures
        assert frame.loc[frame["n"] == 0, ["value", "low", "high"]].isna().all(axis=None)
        known = frame.dropna(subset=["low", "high"])
        assert len(known) > 50
        assert (known["low"] <= known["value"] + 1e-12).all()
        assert (known["value"] <= known["high"] + 1e-12).all()


def measure(tables, date, *, n_threads=1, form="parquet"):
    with TemporaryDirectory() as folder:
        place = write_tables(tables, Path(folder) / "bank", form)
        with open_bank(place, WIDE, n_threads=n_threads) as bank:
            return build_progress(read_today(bank, None, date, WIDE), horizon_days=HORIZON)


def assert_same(one, other):
    pd.testing.assert_frame_equal(one.measures, other.measures, check_exact=True)
    pd.testing.assert_frame_equal(one.series, other.series, check_exact=True)
    assert (one.not_told, one.notes) == (other.not_told, other.notes)


def with_offers(tables, day):
    """Add a randomised offer of one day to everybody."""
    who = tables["customers"]["customer_id"]
    arm = ["treated" if number % 2 else "control" for number in range(len(who))]
    offers = pd.DataFrame({"campaign_id": "X", "customer_id": who, "service": "cts", "assigned_on": day, "arm": arm})
    return {**tables, "campaigns": offers}


LATER = dt.date(2024, 2, 10)
TABLES = with_offers(make_tables(30, 4), pd.Timestamp("2023-03-01"))


@pytest.fixture(scope="module")
def known_then():
    """The bank as it stands, later rows and all."""
    return measure(TABLES, LATER)


@pytest.mark.parametrize("number", range(examples(4, 12)))
def test_nothing_of_the_date_or_later_changes_a_bit(known_then, number):
    assert_same(measure(other_future(TABLES, LATER, number), LATER), known_then)


def test_the_bank_of_the_future_test_tells_everything_but_predictions(known_then):
    assert set(known_then.not_told) == {"churn_predicted"}
    for name, column in DATED.items():
        assert (TABLES[name][column] >= pd.Timestamp(LATER)).any(), name


def test_a_contact_of_the_eve_changes_figures(known_then):
    eve = (
        TABLES["contacts"]
        .head(1)
        .assign(contact_id="eve", manager_id="M1", contacted_on=pd.Timestamp(ago(1, LATER)), channel="call")
    )
    changed = measure({**TABLES, "contacts": pd.concat([TABLES["contacts"], eve])}, LATER).measures
    calls = changed.loc[changed["measure"] == "calls_per_day", "value"]
    before = known_then.measures.loc[known_then.measures["measure"] == "calls_per_day", "value"]
    assert calls.iloc[0] > before.iloc[0]


def test_order_of_rows_form_and_threads_change_no_bit(known_then):
    shuffled = {name: table.sample(frac=1, random_state=3) for name, table in TABLES.items()}
    assert_same(measure(shuffled, LATER, n_threads=2, form="csv"), known_then)


@pytest.mark.parametrize("table", OPTIONAL)
def test_table_that_is_not_there_costs_its_measures_alone(known_then, table):
    progress = measure({name: rows for name, rows in TABLES.items() if name != table}, LATER)
    always = set(known_then.not_told)
    assert set(progress.not_told) == always | NEEDS[table]
    assert progress.series["measure"].nunique() == 4 - {"bindings": 1, "contacts": 2}.get(table, 0)
    for measure_name in NEEDS[table] - always:
        assert progress.not_told[measure_name] == message("there is no {table} table", table=table)


def test_bank_of_two_tables_tells_what_they_hold(make_folder):
    with open_bank(make_folder(), data_end=dt.date(2022, 3, 31), n_threads=1) as bank:
        progress = build_progress(read_today(bank, None, dt.date(2022, 4, 1), bank.config))
    told = progress.measures["measure"].unique().tolist()
    assert told == ["vip_responsibility", "product_coverage", "product_coverage_change", *sorted(CHURN)]
    assert set(told) | set(progress.not_told) == set(MEASURES)
    assert all(re.search("[一-鿿]", say(why, "zh")) for why in progress.not_told.values())


def test_ids_may_be_any_text(known_then):
    tables = {name: table.copy() for name, table in TABLES.items()}
    texts = [text for text in HOSTILE if text.strip() and "\x00" not in text]
    ids = sorted(tables["customers"]["customer_id"])
    renamed = dict(zip(ids, (f"{texts[i % len(texts)]}{i}" for i in range(len(ids))), strict=True))
    for table in tables.values():
        for column in {"customer_id", "referrer_id", "referred_id"} & set(table):
            table[column] = table[column].map(renamed)
        for column, before in (("branch_id", ["N", "S"]), ("manager_id", ["M1", "M2"])):
            if column in table:
                table[column] = table[column].replace(dict(zip(before, ["'\"\u202e;--", "x" * 10_000], strict=True)))
    plain, hostile = known_then, measure(tables, LATER)
    assert set(hostile.measures["unit"].dropna()) == {"'\"\u202e;--", "x" * 10_000}
    # Another id is held out or not: these two measures are another draw.
    one, other = (
        frame[(frame["level"] != "manager") & ~frame["measure"].isin(["hold_out_difference", "value_kept"])]
        for frame in (plain.measures, hostile.measures)
    )
    columns = ["measure", "value", "n"]
    assert len(one) == len(other) > 30
    np.testing.assert_array_equal(*(frame.sort_values(columns)[["value", "n"]].to_numpy() for frame in (one, other)))


def test_names_of_a_bank_stand_in_no_sentence():
    tables = {name: table.copy() for name, table in TABLES.items()}
    for table in tables.values():
        for column in {"customer_id", "referrer_id", "referred_id", "branch_id", "manager_id", "campaign_id"} & set(
            table
        ):
            table[column] = "\u202e" + table[column]  # None stays None
    for kept in (tables, {name: tables[name] for name in ("customers", "holdings", "campaigns")}):
        progress = measure(kept, LATER)
        assert progress.measures["unit"].dropna().str.startswith("\u202e").all()
        said = [*progress.not_told.values(), *progress.notes]
        assert not any("\u202e" in say(one, language) for one in said for language in LANGUAGES)


@pytest.mark.parametrize("column", ["empty", "absent"])
def test_bank_without_managers_is_told_everything_that_needs_none(known_then, column):
    bare = {}
    for name in ("customers", "customer_states"):
        left = TABLES[name].drop(columns="manager_id", errors="ignore")
        bare[name] = left.assign(manager_id=None) if column == "empty" else left
    progress = measure({**TABLES, **bare}, LATER)
    of_managers = DAYS | ({"vip_responsibility"} if column == "absent" else set())
    assert set(progress.not_told) == set(known_then.not_told) | of_managers
    why = {
        "empty": "customers.manager_id names no manager of a current customer",
        "absent": "customers has no column manager_id",
    }
    assert {say(progress.not_told[name], "en") for name in of_managers} == {why[column]}
    same = progress.measures[progress.measures["measure"] != "vip_responsibility"].reset_index(drop=True)
    with_managers = known_then.measures
    left = ~with_managers["measure"].isin(DAYS | {"vip_responsibility"}) & (with_managers["level"] != "manager")
    pd.testing.assert_frame_equal(same, with_managers[left].reset_index(drop=True))
    assert set(progress.series["measure"]) == {"product_coverage", "bindings_per_customer"}
    if column == "empty":
        vips = progress.measures[progress.measures["measure"] == "vip_responsibility"]
        assert vips["value"].dropna().eq(0).all()
        assert vips["n"].max() > 0
    assert len(progress_table(progress)) == len(progress.measures) + len(progress.not_told)


def test_a_horizon_of_no_day_is_refused(make_folder):
    with open_bank(make_folder(), data_end=dt.date(2021, 12, 31), n_threads=1) as bank:
        today = read_today(bank, None, dt.date(2022, 1, 1), bank.config)
    with pytest.raises(TimeRangeError, match=r"^horizon_days: 0 is not above 0"):
        build_progress(today, horizon_days=0)
