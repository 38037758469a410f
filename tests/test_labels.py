import dataclasses
import datetime as dt

import pytest

from churn.config import Config, LabelSettings
from churn.data import open_bank
from churn.errors import TimeRangeError
from churn.labels import silent_known
from churn.tables.contract import to_days
from churn.timeline import Seen
from conftest import CUSTOMERS
from other_bank import CASES, has_left

AS_OF, HORIZON = dt.date(2020, 6, 10), 60  # to 2020-08-08
END = dt.date(2020, 12, 31)
ONE = "customer_id,branch_id,opened_on,closed_on,tier\nA,N,2020-01-10,{},gold\nB,N,2020-01-10,,gold\n"
HELD = "holding_id,customer_id,product,opened_on,closed_on\nH3,B,fund,2020-02-20,\n"
VALUED = "holding_id,customer_id,month,market_value\n"


def label(folder, parts=None, as_of=AS_OF, horizon=HORIZON, data_end=END):
    config = Config(label=LabelSettings(**(parts or {})))
    with open_bank(folder, config, data_end=data_end) as bank:
        snapshot = bank.labelled(as_of, horizon)
    return dict(zip(snapshot.customer_id.tolist(), snapshot.churned.tolist(), strict=True))


def only(part):
    return {name: name == part for name in ("closed", "holdings", "silent")}


@pytest.mark.parametrize(
    ("closed_on", "churned"),
    [("", 0), ("2020-06-10", 1), ("2020-08-08", 1), ("2020-08-09", 0), ("2020-12-01", 0)],
)
def test_relationship_closed_within_the_horizon_is_churn_and_its_end_is_open(make_folder, closed_on, churned):
    folder = make_folder(customers=ONE.format(closed_on))
    assert label(folder, only("closed")) == {"A": churned, "B": 0}


@pytest.mark.parametrize(
    ("holdings", "churned"),
    [
        ("H1,A,fund,2020-02-01,\n", 0),
        ("H1,A,fund,2020-02-01,2020-06-10\n", 1),
        ("H1,A,fund,2020-02-01,2020-08-08\n", 1),
        ("H1,A,fund,2020-02-01,2020-08-09\n", 0),
        ("H1,A,fund,2020-02-01,2020-07-01\nH2,A,cts,2020-02-01,\n", 0),
        ("H1,A,fund,2020-02-01,2020-07-01\nH2,A,cts,2020-02-01,2020-07-02\n", 1),
        ("H1,A,fund,2020-02-01,2020-07-01\nH2,A,cts,2020-08-08,\n", 0),  # one opened since, on the last day
        ("H1,A,fund,2020-02-01,2020-07-01\nH2,A,cts,2020-08-09,\n", 1),  # opened after the horizon
        ("H1,A,fund,2020-02-01,2020-07-01\nH2,A,cts,2020-06-10,2020-06-11\n", 0),  # opened since, though closed again
        ("H1,A,fund,2020-02-01,2020-07-01\nH2,A,cts,2020-02-01,2020-03-01\n", 1),  # gone before
    ],
)
def test_every_holding_closed_and_none_opened_since_is_churn(make_folder, holdings, churned):
    assert label(make_folder(holdings=HELD + holdings), only("holdings")) == {"A": churned, "B": 0}


MONTHS = ("2020-05-31", "2020-06-30", "2020-07-31", "2020-08-31", "2020-09-30", "2020-10-31")
LONG = 120  # from AS_OF to 2020-10-07; assets count at 06-30, 08-31 and 09-30


def valued(*assets, months=MONTHS):
    """A pnl table of A's assets at the ends of months, None for no row; B has ten yuan throughout."""
    rows = [f"H1,A,{month},{value}" for month, value in zip(months, assets, strict=False) if value is not None]
    return VALUED + "\n".join([*rows, *(f"H3,B,{month},10" for month in months)]) + "\n"


@pytest.mark.parametrize(
    ("assets", "churned"),
    [
        ((None, 5000, 5000, 1000, 1000), 1),  # exactly 20 %
        ((None, 5000, 5000, 1000.01, 1000), 0),
        ((None, 5000, 5000, 1000, 1000.01), 0),
        ((None, 5000, None, None, None), 1),  # nothing is left
        ((None, 5000, 5000, None, 5000), 0),  # a month-end with nothing, and back on the next
        ((None, 5000, None, None, 5000), 0),  # two, and back before the end
        ((None, 5000, 5000, 5000, None), 0),  # one alone, at the end
        ((None, 1000, None, None, None), 1),
        ((None, 999.99, None, None, None), 0),  # below the floor
        ((None, 0.05, None, None, None), 0),
        ((None, -5, -5, -5, -5), 0),
        ((5000, None, None, None, None), 0),  # left before the first month-end on or after the date
        ((5000, 1200, 1200, 200, 200), 1),  # what was left of it then went
        ((None, 5000, 5000, 5000, 5000, None), 0),  # October's is not known on 10-07
    ],
)
def test_assets_that_fall_to_a_fifth_and_stay_there_are_silent_attrition(make_folder, assets, churned):
    folder = make_folder(pnl=valued(*assets))
    assert label(folder, only("silent"), horizon=LONG) == {"A": churned, "B": 0}


def test_assets_are_those_of_all_holdings(make_folder):
    rows = "".join(f"H1,A,{m},{a}\nH2,A,{m},{b}\n" for m, a, b in zip(MONTHS[1:5], (60, 60, 19, 19), (40, 40, 1, 2)))  # noqa: B905
    pnl = valued() + rows
    assert label(make_folder(pnl=pnl), only("silent") | {"silent_floor_cny": 100}, horizon=LONG) == {"A": 0, "B": 0}
    pnl = pnl.replace("H2,A,2020-09-30,2\n", "H2,A,2020-09-30,1\n")
    again = make_folder("again", pnl=pnl)
    assert label(again, only("silent") | {"silent_floor_cny": 100}, horizon=LONG) == {"A": 1, "B": 0}


def test_money_that_left_before_the_date_makes_no_label(make_folder):
    """On 20 December it went; at 31 December the features show it, and the label does not tell it once more."""
    months = ("2019-11-30", "2019-12-31", "2020-04-30", *MONTHS)
    folder = make_folder(
        customers=CUSTOMERS.replace("2020-01-10", "2019-01-10").replace("2020-02-20", "2019-02-20"),
        holdings="holding_id,customer_id,product,opened_on\nH1,A,fund,2019-01-10\nH3,B,fund,2019-02-20\n",
        pnl=valued(5000, None, months=months),
    )
    assert label(folder, only("silent"), dt.date(2019, 12, 31), 180) == {"A": 0, "B": 0}
    assert label(folder, only("silent"), dt.date(2019, 11, 30), 240) == {"A": 1, "B": 0}


@pytest.mark.parametrize(
    ("assets", "gone"),
    [
        ((5000, None, None), True),
        ((5000, 1000, 1000), True),
        ((5000, 1000, 1000.01), False),
        ((5000, 5000, None), False),  # at one month-end only
        ((5000, None, None, 900), True),  # a little came back
        ((5000, None, None, 1500), False),  # and so much that it is a customer's again
        ((999, None, None), False),
        ((5000, None, None, 1000, 500, 1000), True),
    ],
)
def test_who_has_gone_in_silence_before_the_date_is_outside_and_counted(make_folder, assets, gone):
    months = [f"2020-{month:02}-{28 if month == 2 else 30 + month % 2}" for month in range(1, 7)]
    months[1] = "2020-02-29"
    held = "holding_id,customer_id,product,opened_on\nH1,A,fund,2020-01-10\nH3,B,fund,2020-02-20\n"
    folder = make_folder(holdings=held, pnl=valued(*assets, months=months[: max(len(assets), 3)]))
    as_of = dt.date(2020, 7, 1) if len(assets) > 3 else dt.date(2020, 4, 1)
    with open_bank(folder, data_end=END) as bank:
        assert bank.count_silently_gone(as_of) == gone
        assert list(bank.labelled(as_of, 30).customer_id) == ["B"] if gone else ["A", "B"]
    old = Config(label=LabelSettings(silent_rule="month_end_before"))
    with open_bank(folder, old, data_end=END) as bank:
        assert bank.count_silently_gone(as_of) == 0
        assert list(bank.labelled(as_of, 30).customer_id) == ["A", "B"]


def test_nobody_leaves_twice_in_silence(open_other):
    """Of a bank whose assets jump, those whose leaving was counted are no customers again until they are back."""
    left, year = 0, dt.timedelta(days=365)
    for seed in (1, 2, 3):
        bank = open_other(seed)
        config = replace_label(bank, only("silent"))
        for quarter in range(4):
            date = dt.date(2022, 3, 1) + quarter * dt.timedelta(days=92)
            first, second = (config.labelled(day, 365) for day in (date, date + year))
            gone = set(first.customer_id[first.churned == 1])
            left += len(gone)
            assert not gone & set(second.customer_id)
    assert left > 20


def replace_label(bank, parts):
    return dataclasses.replace(bank, config=bank.config.model_copy(update={"label": LabelSettings(**parts)}))


def test_the_rule_of_the_first_releases_can_be_kept(make_folder):
    old = only("silent") | {"silent_rule": "month_end_before"}
    rows = "H1,A,2020-05-31,100\nH1,A,2020-07-31,{}\nH3,B,2020-05-31,1\nH3,B,2020-07-31,1\n"
    for number, (value, churned) in enumerate([(20, 1), (20.01, 0), (0, 1)]):
        folder = make_folder(f"bank{number}", pnl=VALUED + rows.format(value))
        assert label(folder, old) == {"A": churned, "B": 0}
    lone = make_folder("lone", pnl=VALUED + "H1,A,2020-06-30,100\nH1,A,2020-07-31,1\nH3,B,2020-05-31,1\n")
    assert label(lone, old) == {"A": 0, "B": 1}  # what was there at the end of June was not known on the 10th


@pytest.mark.parametrize("missing", ["2020-06-30", "2020-08-31", "2020-09-30"])
def test_without_a_month_end_silent_attrition_is_off_with_a_warning(make_folder, caplog, missing):
    pnl = "".join(line + "\n" for line in valued(None, 5000).splitlines() if missing not in line)
    assert label(make_folder(pnl=pnl), horizon=LONG) == {"A": 0, "B": 0}
    assert "silent attrition is not part of the label" in caplog.text
    with pytest.raises(TimeRangeError, match="silent attrition is the only label"):
        label(make_folder("again", pnl=pnl), only("silent"), horizon=LONG)


def test_a_horizon_without_two_month_ends_after_the_first_sees_no_silence(make_folder, caplog):
    assert label(make_folder(pnl=valued(5000, 5000)), horizon=HORIZON) == {"A": 0, "B": 0}
    assert "the horizon is too short" in caplog.text


def test_without_pnl_silent_attrition_is_off_with_a_warning(make_folder, caplog):
    assert label(make_folder()) == {"A": 0, "B": 0}
    assert "no pnl table" in caplog.text


def test_switched_off_silence_warns_of_nothing(make_folder, caplog):
    assert label(make_folder(), {"silent": False}) == {"A": 0, "B": 0}
    assert caplog.text == ""


def test_parts_that_are_switched_off_do_not_count(make_folder):
    folder = make_folder(
        customers=ONE.format("2020-07-01"),
        holdings=HELD + "H1,A,fund,2020-02-01,\n",
        pnl=VALUED + "H3,B,2020-06-30,5000\nH1,A,2020-08-31,1\nH1,A,2020-09-30,1\n",
    )
    assert label(folder, horizon=LONG) == {"A": 1, "B": 1}
    assert label(folder, {"silent": False}, horizon=LONG) == {"A": 1, "B": 0}
    assert label(folder, {"closed": False}, horizon=LONG) == {"A": 0, "B": 1}
    assert label(folder, only("holdings"), horizon=LONG) == {"A": 0, "B": 0}


def test_labels_table_replaces_all_parts_and_others_are_left_out(make_folder):
    customers = CUSTOMERS + "C,N,,2020-01-10,2020-07-01,,gold\n"
    holdings = HELD + "H1,A,fund,2020-02-01,\nH4,C,fund,2020-02-01,\n"
    labels = "customer_id,as_of,churned\nA,2020-06-10,1\nB,2020-06-09,1\nC,2020-06-10,0\n"
    folder = make_folder(customers=customers, holdings=holdings, labels=labels)
    assert label(folder) == {"A": 1, "C": 0}
    assert label(folder, horizon=9999) == {"A": 1, "C": 0}  # the bank's own outcome needs no horizon in the data
    with pytest.raises(TimeRangeError, match="nobody has a label"):
        label(folder, as_of=dt.date(2020, 6, 11))


def test_own_labels_still_need_data_of_their_time(make_folder):
    labels = "customer_id,as_of,churned\nA,2021-06-10,1\n"
    with pytest.raises(TimeRangeError, match="after the data end"):
        label(make_folder(labels=labels), as_of=dt.date(2021, 6, 10))


def test_label_is_made_only_where_the_horizon_is_complete(make_folder):
    assert label(make_folder(), data_end=dt.date(2020, 8, 8)) == {"A": 0, "B": 0}
    with pytest.raises(TimeRangeError, match="the last that fits is 2020-06-09"):
        label(make_folder("again"), data_end=dt.date(2020, 8, 7))


def test_month_ends_needed_for_silence_are_the_first_on_or_after_the_date_and_the_last_two(make_folder):
    rows = "".join(f"H1,A,{month},1\n" for month in MONTHS[:4])
    with open_bank(make_folder(pnl=VALUED + rows)) as bank:
        for day, end, known in [
            ("2020-05-31", "2020-08-31", 1),  # 05-31, 06-30 and 07-31
            ("2020-06-01", "2020-08-31", 0),  # of 06-30 and 07-31 one is the first
            ("2020-06-01", "2020-09-01", 1),
            ("2020-06-01", "2020-10-01", 0),  # 09-30 is not there
        ]:
            first, last = (to_days(dt.date.fromisoformat(date)) for date in (day, end))
            assert len(silent_known(Seen(bank.tables(), [first]), last - first, LabelSettings())) == known, day


@pytest.mark.parametrize(("seed", "as_of"), [case for case in CASES if case[1] < dt.date(2024, 6, 1)])
@pytest.mark.parametrize("horizon", [90, 200])
def test_label_equals_a_slow_calculation(other_bank, open_other, seed, as_of, horizon):
    rows, _ = other_bank(seed, as_of)
    snapshot = open_other(seed).labelled(as_of, horizon)
    expected = [int(has_left(rows, customer, as_of, horizon)) for customer in snapshot.customer_id]
    assert snapshot.churned.tolist() == expected
