"""Whole banks: every list against plain Python, without each table, and what holds of any bank."""

import datetime as dt
import re
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

from churn.actions.lists.build import ALL_LISTS, build_lists
from churn.actions.today import in_hold_out, read_today
from churn.config import PRODUCTS, SERVICES, Config, ListSettings, PlanSettings
from churn.data import open_bank
from churn.scores import check_scores
from churn.speech import say
from churn.tables.contract import VIP_TIERS
from other_bank import CASES, customers_at, make_tables, of, read_rows, was_open, write_tables

# Of so few customers a week shows nobody at the counter, and few have large assets.
WIDE = ListSettings(counter_days=365, gold_floor_cny=30_000, platinum_floor_cny=90_000)
SERVICE_LISTS = ("unassigned_vips", "loss_alerts")
LAST = dt.date(2024, 12, 31)
OPTIONAL = ("customer_states", "bindings", "contacts", "pnl", "transactions", "referrals")
# Which lists cannot be made without a table, where everything else is there.
NEEDS = {
    "customer_states": set(),
    "bindings": {"never_bound"},
    "contacts": set(),
    "pnl": {"loss_alerts", "upgrades"},
    "transactions": {"potential_vips"},
    "referrals": set(),
}


def make_scores(customers, seed):
    rng = np.random.default_rng(seed)
    probability = rng.random(len(customers)).round(4)
    band = np.select([probability >= 0.6, probability < 0.2], ["high", "low"], "medium")
    return pd.DataFrame({"customer_id": customers, "churn_probability": probability, "risk_band": band})


def in_both(said):
    return say(said, "en"), say(said, "zh")


def lists_of_bank(bank, scores, date, config, settings=WIDE):
    """Make the lists of an open bank, with scores that say less than a file does, or none."""
    known = None if scores is None else check_scores(scores.assign(as_of=date.isoformat()))
    return build_lists(read_today(bank, known, date, config.model_copy(update={"lists": settings})))


@pytest.fixture(scope="module")
def wary_bank(tmp_path_factory):
    """A random bank of 300 of whom a fifth asked not to be contacted, and its scores."""
    tables = make_tables(300, 7)
    rng = np.random.default_rng(7)
    tables["customers"]["do_not_contact"] = rng.random(300) < 0.2
    folder = write_tables(tables, tmp_path_factory.mktemp("wary") / "bank")
    with open_bank(folder, n_threads=1) as bank:
        yield bank, tables, make_scores(sorted(tables["customers"]["customer_id"]), 7)


@pytest.fixture(scope="module")
def wary_lists(wary_bank):
    bank, _, scores = wary_bank
    return lists_of_bank(bank, scores, LAST, bank.config)


def cents(yuan):
    return round(yuan * 100)


def last_month_end(date):
    return date.replace(day=1) - dt.timedelta(days=1)


def values(rows, customer, date):
    """Assets, and the value and cost of what was bought, in cents, at the last month-end before a day."""
    now = [row for row in of(rows, "pnl", customer) if row["month"] == last_month_end(date)]
    bought = [row for row in now if row["cost_basis"] is not None]
    return (
        sum(cents(row["market_value"]) for row in now),
        sum(cents(row["market_value"]) for row in bought),
        sum(cents(row["cost_basis"]) for row in bought),
    )


def today(rows):
    return {row["customer_id"]: row for row in rows["customers"]}


def slow_unassigned(rows, date):
    people = customers_at(rows, date)
    branches = defaultdict(list)
    for customer in people:
        branches[today(rows)[customer]["manager_id"]].append(today(rows)[customer]["branch_id"])
    found = []
    for customer in people:
        own = today(rows)[customer]
        theirs = branches[own["manager_id"]]
        elsewhere = any(theirs.count(branch) * 2 > len(theirs) for branch in set(theirs) - {own["branch_id"]})
        if own["tier"] in VIP_TIERS and (own["manager_id"] is None or elsewhere):
            problem = "no_manager" if own["manager_id"] is None else "other_branch"
            found.append((own["tier"] == "gold", -values(rows, customer, date)[0], customer, problem))
    return [(customer, problem) for *_, customer, problem in sorted(found)]


def slow_losses(rows, date):
    found = []
    for customer in customers_at(rows, date):
        _, value, cost = values(rows, customer, date)
        words = [
            (date - row["contacted_on"]).days
            for row in of(rows, "contacts", customer)
            if row["reached"] and row["contacted_on"] < date and row["purpose"] in WIDE.word_purposes
        ]
        word = min(words, default=None)
        if (cost - value) * 20 >= cost > 0 or cost - value >= 1_000_000:
            found.append((word is not None and word <= 30, value - cost, customer, word))
    return [(customer, pnl / 100, word) for _, pnl, customer, word in sorted(found, key=lambda row: row[:3])]


def slow_potential(rows, date):
    found = []
    for customer in customers_at(rows, date):
        sizes = [
            (abs(cents(row["amount"])), (date - row["transacted_on"]).days)
            for row in of(rows, "transactions", customer)
            if row["channel"] == "counter"
            and row["queue_ticket"] == "ordinary"
            and abs(cents(row["amount"])) >= 10_000_000
            and 1 <= (date - row["transacted_on"]).days <= 365
        ]
        if sizes and today(rows)[customer]["tier"] == "ordinary":
            amounts, days = zip(*sizes, strict=True)
            found.append((-sum(amounts), min(days), customer, len(sizes), max(amounts) / 100))
    return [(customer, n, largest, days) for _, days, customer, n, largest in sorted(found)]


def slow_upgrades(rows, date):
    floors, tiers = (0, 3_000_000, 9_000_000), ("ordinary", "gold", "platinum")
    found = []
    for customer in customers_at(rows, date):
        aum, level = values(rows, customer, date)[0], tiers.index(today(rows)[customer]["tier"])
        if level < 2:
            reached = [at for at in range(level + 1, 3) if aum >= floors[at]]
            following = max(reached, default=level + 1)
            if aum * 10 >= floors[following] * 8:
                gap = max(floors[following] - aum, 0)
                found.append((gap / floors[following], -aum, customer, tiers[following], gap / 100))
    return [(customer, tier, gap) for *_, customer, tier, gap in sorted(found)]


def slow_never_bound(rows, date, risk):
    found = []
    for customer in customers_at(rows, date):
        bound = {row["service"] for row in of(rows, "bindings", customer) if row["bound_on"] < date}
        held = [row for row in of(rows, "holdings", customer) if was_open(row, "opened_on", "closed_on", date)]
        for name, service in SERVICES.items():
            opened = [row["opened_on"] for row in held if row["product"] == service.product]
            if opened and name not in bound:
                found.append((-risk[customer], -(date - min(opened)).days, customer, name))
    return [(customer, name, -days) for _, days, customer, name in sorted(found)]


def slow_referrers(rows, date, risk):
    opened = {row["customer_id"]: row["opened_on"] for row in rows["customers"]}
    brought = defaultdict(set)
    for row in rows["referrals"]:
        pair = row["referrer_id"], row["referred_id"]
        if row["referred_on"] < date and all(opened[who] < date for who in pair):
            brought[pair[0]].add(pair[1])
    found = []
    for customer in customers_at(rows, date):
        _, value, cost = values(rows, customer, date)
        reached = any(
            row["reached"] and 1 <= (date - row["contacted_on"]).days <= 365 for row in of(rows, "contacts", customer)
        )
        tenure, n = (date - opened[customer]).days, len(brought[customer])
        signs = [n > 0, value > cost, reached, risk[customer] == "low", tenure >= 365]
        if sum(signs) >= 3 and value >= cost and risk[customer] != "high":
            found.append((-sum(signs), -n, -tenure, customer))
    return [(customer, -signs, -n) for signs, n, _, customer in sorted(found)]


def held_out(customers):
    names = pd.Series(sorted(set(customers)), dtype="str")
    return set(names[in_hold_out(names, PlanSettings())])


def rows_of(frame, *columns):
    """A list's rows as plain values, None for an unknown one."""
    return [
        tuple(None if pd.isna(cell) else cell for cell in row)
        for row in frame[["customer_id", *columns]].itertuples(index=False)
    ]


@pytest.mark.parametrize(("seed", "date"), CASES)
def test_lists_equal_slow_calculations(open_other, other_bank, seed, date):
    rows, _ = other_bank(seed, date)
    bank = open_other(seed)
    scores = make_scores(sorted(row["customer_id"] for row in rows["customers"]), seed)
    lists = lists_of_bank(bank, scores, date, bank.config)
    frames, risk = lists.frames, dict(zip(scores["customer_id"], scores["churn_probability"], strict=True))
    band = dict(zip(scores["customer_id"], scores["risk_band"], strict=True))
    held = held_out(band)

    def offered(found):
        return [row for row in found if row[0] not in held]

    assert lists.not_made == ()
    assert rows_of(frames["unassigned_vips"], "problem") == slow_unassigned(rows, date)
    assert rows_of(frames["loss_alerts"], "unrealised_pnl_cny", "days_since_word") == slow_losses(rows, date)
    columns = ("n_large_transactions", "largest_cny", "days_since_large")
    assert rows_of(frames["potential_vips"], *columns) == offered(slow_potential(rows, date))
    assert rows_of(frames["upgrades"], "next_tier", "gap_cny") == offered(slow_upgrades(rows, date))
    never = offered(slow_never_bound(rows, date, risk))
    assert rows_of(frames["never_bound"], "service", "days_held") == never
    assert rows_of(frames["referrers"], "n_signs", "n_referred") == offered(slow_referrers(rows, date, band))


def test_slow_calculations_find_somebody_for_every_list(other_bank):
    found = defaultdict(int)
    for seed, date in CASES:
        rows, _ = other_bank(seed, date)
        people = [row["customer_id"] for row in rows["customers"]]
        found["unassigned"] += len(slow_unassigned(rows, date))
        found["losses"] += len(slow_losses(rows, date))
        found["potential"] += len(slow_potential(rows, date))
        found["upgrades"] += len(slow_upgrades(rows, date))
        found["never_bound"] += len(slow_never_bound(rows, date, dict.fromkeys(people, 0.5)))
        found["referrers"] += len(slow_referrers(rows, date, dict.fromkeys(people, "low")))
    assert min(found.values()) > 10, dict(found)


def test_every_list_is_of_customers_of_the_day_in_fixed_columns_and_ranked_from_1(wary_bank, wary_lists):
    _, tables, _ = wary_bank
    rows = {name: read_rows(table) for name, table in tables.items()}
    people, own = set(customers_at(rows, LAST)), today(rows)
    for kind in ALL_LISTS:
        frame = wary_lists.frames[kind.name]
        refuses = [] if kind.is_marketing else ["do_not_contact"]
        first = ["rank", "customer_id", "branch_id", "manager_id", "tier"]
        assert list(frame) == [*first, *kind.columns, *refuses, "why_en", "why_zh"]
        assert frame["rank"].tolist() == list(range(1, len(frame) + 1))
        assert set(frame["customer_id"]) <= people
        shown = rows_of(frame, "branch_id", "manager_id", "tier")
        assert shown == [(who, *(own[who][name] for name in ("branch_id", "manager_id", "tier"))) for who, *_ in shown]


def test_every_row_says_why_in_both_languages(wary_lists):
    for name, frame in wary_lists.frames.items():
        assert len(frame), name
        for en, zh in zip(frame["why_en"], frame["why_zh"], strict=True):
            assert re.search("[a-z]", en), name
            assert re.search("[一-鿿]", zh), name
            assert not re.search(r"\bnan\b|None|<NA>|not known|不详", en + zh), (name, en, zh)


def test_who_refuses_contact_is_on_service_lists_alone_and_counted_everywhere(wary_bank, wary_lists):
    _, tables, _ = wary_bank
    customers = tables["customers"]
    refuses = set(customers["customer_id"][customers["do_not_contact"]])
    n_left_out = 0
    for kind in ALL_LISTS:
        frame, (en, zh) = wary_lists.frames[kind.name], in_both(wary_lists.sentences[kind.name])
        listed = set(frame["customer_id"]) & refuses
        counted = [int(number) for number in re.findall(r"(\d+) (?:more|of them) asked not to be contacted", en)]
        if kind.name in SERVICE_LISTS:
            assert listed == set(frame["customer_id"][frame["do_not_contact"]])
            assert counted == [len(listed)]
        else:
            assert not listed
            n_left_out += sum(counted)
        assert ("拒绝" in zh) == bool(counted)
    assert n_left_out > 20


def test_hold_out_is_on_service_lists_alone_and_counted_on_the_others(wary_bank, wary_lists):
    _, tables, _ = wary_bank
    held, n_left_out = held_out(tables["customers"]["customer_id"]), 0
    for kind in ALL_LISTS:
        listed = set(wary_lists.frames[kind.name]["customer_id"])
        en, zh = in_both(wary_lists.sentences[kind.name])
        counted = re.search(r"(\d+) of the random hold-out (?:is|are) left out\.", en)
        assert (listed & held == set()) == (kind.name not in SERVICE_LISTS), kind.name
        assert [counted and counted[1]] == (re.findall(r"随机对照组 (\d+) 位未列入。", zh) or [None])
        assert not (counted and kind.name in SERVICE_LISTS)
        n_left_out += bool(counted)
    assert n_left_out >= 6


def test_bank_that_holds_nobody_out_has_everybody_listed(wary_bank, wary_lists):
    bank, tables, scores = wary_bank
    nobody = Config.model_validate({"plan": {"hold_out": 0}})
    lists = lists_of_bank(bank, scores, LAST, nobody)
    held = held_out(tables["customers"]["customer_id"])
    assert not any("hold-out" in say(said, "en") for said in lists.sentences.values())
    assert set(lists.frames["thinly_bound"]["customer_id"]) & held
    for name in SERVICE_LISTS:
        pd.testing.assert_frame_equal(lists.frames[name], wary_lists.frames[name])


def test_left_out_customers_would_have_been_listed(tmp_path, wary_bank, wary_lists):
    _, tables, scores = wary_bank
    willing = {**tables, "customers": tables["customers"].drop(columns="do_not_contact")}
    with open_bank(write_tables(willing, tmp_path / "bank"), n_threads=1) as bank:
        everybody = lists_of_bank(bank, scores, LAST, Config.model_validate({"plan": {"hold_out": 0}}))
    for kind in ALL_LISTS:
        if kind.name == "circles":
            continue  # whether there is a circle at all depends on who may be invited
        more = set(everybody.frames[kind.name]["customer_id"]) - set(wary_lists.frames[kind.name]["customer_id"])
        said = re.findall(r"(\d+) (?:more asked|of the random hold-out)", say(wary_lists.sentences[kind.name], "en"))
        assert len(more) == sum(int(number) for number in said), kind.name


def is_turned(text):
    """Whether an override that is never closed stands outside a text kept to itself, and turns what follows it."""
    return "\u202e" in re.sub("\u2068[^\u2069]*\u2069", "", text)


def turn(names):
    """Products or services whose names turn what follows them."""
    turned = {
        name: own.model_copy(update={"en": f"\u202e{own.en}", "zh": f"\u202e{own.zh}"}) for name, own in names.items()
    }
    return {name: own.model_dump() for name, own in turned.items()}


def test_names_that_turn_a_sentence_are_kept_to_themselves(tmp_path, wary_bank):
    _, tables, scores = wary_bank
    marked = {name: table.copy() for name, table in tables.items()}
    for table in marked.values():
        for column in {"customer_id", "referrer_id", "referred_id", "branch_id", "manager_id"} & set(table):
            table[column] = "\u202e" + table[column]  # None stays None
    catalogue = {"products": turn(PRODUCTS), "services": turn(SERVICES)}
    # M1's branch is stated, M2's is shown by customers; a circle of two is one
    stated = {"plan": {"managers": {"\u202eM1": {"branch": "\u202eS"}}}}
    config, settings = Config.model_validate(catalogue | stated), WIDE.model_copy(update={"circle_size": 2})
    with open_bank(write_tables(marked, tmp_path / "bank"), config, n_threads=1) as bank:
        lists = lists_of_bank(bank, scores.assign(customer_id="\u202e" + scores["customer_id"]), LAST, config, settings)
    named = set()
    for name, frame in lists.frames.items():
        whys = [*frame["why_en"], *frame["why_zh"], *in_both(lists.sentences[name])]
        assert not any(is_turned(why) for why in whys), name
        named |= {name for why in whys if "\u202e" in why}
    assert named == {"unassigned_vips", "circles", "never_bound"}
    told = " ".join(lists.frames["unassigned_vips"]["why_en"])
    assert "the manager of branch" in told
    assert "customers are of branch" in told


@pytest.mark.parametrize("column", ["empty", "absent"])
def test_bank_without_managers_gets_every_list_that_needs_none(tmp_path, wary_bank, wary_lists, column):
    _, tables, scores = wary_bank
    customers, states = tables["customers"], tables["customer_states"]
    left = (
        (customers.assign(manager_id=None), states.assign(manager_id=None))
        if column == "empty"
        else (customers.drop(columns="manager_id"), states.drop(columns="manager_id", errors="ignore"))
    )
    bare = {**tables, "customers": left[0], "customer_states": left[1]}
    with open_bank(write_tables(bare, tmp_path / "bank"), n_threads=1) as bank:
        lists = lists_of_bank(bank, scores, LAST, bank.config)
    assert lists.not_made == ((), ("unassigned_vips",))[column == "absent"]
    for name, frame in lists.frames.items():
        assert frame["manager_id"].isna().all()
        if name != "unassigned_vips":
            pd.testing.assert_frame_equal(
                frame.drop(columns="manager_id"), wary_lists.frames[name].drop(columns="manager_id")
            )
            assert lists.sentences[name] == wary_lists.sentences[name]
    if column == "absent":
        assert say(lists.sentences["unassigned_vips"], "en") == "Not made: customers has no column manager_id."
        return
    own = {row["customer_id"]: row for row in read_rows(customers)}
    people = customers_at({name: read_rows(table) for name, table in bare.items()}, LAST)
    vips = {who for who in people if own[who]["tier"] in VIP_TIERS}
    assert set(lists.frames["unassigned_vips"]["customer_id"]) == vips
    assert set(lists.frames["unassigned_vips"]["problem"]) == {"no_manager"}


def test_what_happens_on_the_day_or_later_changes_no_list(tmp_path, wary_bank):
    bank, tables, scores = wary_bank
    date = dt.date(2024, 5, 10)
    dated = {
        "contacts": "contacted_on", "transactions": "transacted_on", "pnl": "month", "referrals": "referred_on",
        "bindings": "bound_on", "customer_states": "valid_from",
    }  # fmt: skip
    cut = {name: table[table[dated[name]] < pd.Timestamp(date)] if name in dated else table
           for name, table in tables.items()}  # fmt: skip
    whole = lists_of_bank(bank, scores, date, bank.config)
    with open_bank(write_tables(cut, tmp_path / "cut"), n_threads=1) as earlier:
        before = lists_of_bank(earlier, scores, date, earlier.config)
    assert whole.sentences == before.sentences
    for name, frame in whole.frames.items():
        pd.testing.assert_frame_equal(frame, before.frames[name])


def test_order_of_rows_scores_and_threads_changes_no_list(tmp_path, wary_bank, wary_lists):
    _, tables, scores = wary_bank
    shuffled = {name: table.sample(frac=1, random_state=3) for name, table in tables.items()}
    with open_bank(write_tables(shuffled, tmp_path / "bank", "parquet"), n_threads=2) as bank:
        lists = lists_of_bank(bank, scores.sample(frac=1, random_state=5), LAST, bank.config)
    assert lists.sentences == wary_lists.sentences
    for name, frame in lists.frames.items():
        pd.testing.assert_frame_equal(frame, wary_lists.frames[name])


@pytest.mark.parametrize("table", OPTIONAL)
def test_table_that_is_not_there_costs_its_lists_alone(tmp_path, wary_bank, wary_lists, table):
    _, tables, scores = wary_bank
    left = {name: rows for name, rows in tables.items() if name != table}
    with open_bank(write_tables(left, tmp_path / "bank"), n_threads=1) as bank:
        lists = lists_of_bank(bank, scores, LAST, bank.config)
    assert set(lists.not_made) == NEEDS[table]
    for name, frame in lists.frames.items():
        assert list(frame) == list(wary_lists.frames[name])
        assert frame.dtypes.equals(wary_lists.frames[name].dtypes)
        en, zh = in_both(lists.sentences[name])
        assert (f"there is no {table} table" in en) == (f"缺少 {table} 表" in zh)
        if name in lists.not_made:
            assert frame.empty
            assert en == f"Not made: there is no {table} table."
        for row in frame.itertuples():
            assert not re.search(r"\bnan\b|None|<NA>|not known|不详", row.why_en + row.why_zh)


def test_bank_of_two_tables_gives_what_they_hold(make_folder):
    with open_bank(make_folder(), n_threads=1) as bank:
        lists = lists_of_bank(bank, None, dt.date(2020, 4, 1), bank.config)
    assert lists.frames["thinly_bound"]["customer_id"].tolist() == ["A"]
    assert len(lists.not_made) == 7


def test_customer_without_a_score_is_listed_without_a_risk(wary_bank, wary_lists):
    bank, _, scores = wary_bank
    first = wary_lists.frames["thinly_bound"]["customer_id"][0]
    lists = lists_of_bank(bank, scores[scores["customer_id"] != first], LAST, bank.config)
    row = lists.frames["thinly_bound"].set_index("customer_id").loc[first]
    assert np.isnan(row["churn_probability"])
    assert "churn probability" not in row["why_en"]


@pytest.mark.parametrize("scores", [None, make_scores(["nobody"], 1)])
def test_without_scores_lists_are_made_and_say_so(wary_bank, scores):
    bank, _, _ = wary_bank
    lists = lists_of_bank(bank, scores, LAST, bank.config)
    assert lists.not_made == ()
    for name in ("thinly_bound", "never_bound", "referrers"):
        assert lists.frames[name]["churn_probability"].isna().all()
        assert re.search("since (there are no scores|no customer has a score):", say(lists.sentences[name], "en"))


def test_scores_without_a_risk_band_still_give_probabilities(wary_bank, wary_lists):
    bank, _, scores = wary_bank
    lists = lists_of_bank(bank, scores.drop(columns="risk_band"), LAST, bank.config)
    assert "since the scores have no risk_band: risk_band." in say(lists.sentences["referrers"], "en")
    assert lists.frames["referrers"]["churn_probability"].notna().all()
    pd.testing.assert_frame_equal(lists.frames["thinly_bound"], wary_lists.frames["thinly_bound"])
