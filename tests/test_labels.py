import datetime as dt

import pytest

from churn.config import Config, LabelSettings
from churn.data import open_bank
from churn.errors import TimeRangeError
from churn.labels import silent_is_known
from churn.tables.contract import to_days
from conftest import CUSTOMERS
from other_bank import CASES, of, was_open

AS_OF, HORIZON = dt.date(2020, 6, 10), 60  # to 2020-08-08; the month-ends are 05-31 and 07-31
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


@pytest.mark.parametrize(
    ("rows", "churned"),
    [
        ("H1,A,2020-05-31,100\nH1,A,2020-07-31,20\n", 1),  # exactly 20 %
        ("H1,A,2020-05-31,100\nH1,A,2020-07-31,20.01\n", 0),
        ("H1,A,2020-05-31,100\n", 1),  # nothing is left
        ("H1,A,2020-05-31,0\nH1,A,2020-07-31,0\n", 0),  # had nothing
        ("H1,A,2020-05-31,-5\nH1,A,2020-07-31,-5\n", 0),
        ("H1,A,2020-06-30,100\nH1,A,2020-07-31,1\n", 0),  # the value at the end of June is not known on the 10th
        ("H1,A,2020-05-31,100\nH1,A,2020-07-31,90\nH1,A,2020-08-31,1\n", 0),  # nor August's on 08-09
        ("H1,A,2020-05-31,60\nH2,A,2020-05-31,40\nH1,A,2020-07-31,19\nH2,A,2020-07-31,1\n", 1),  # all holdings
        ("H1,A,2020-05-31,60\nH2,A,2020-05-31,40\nH1,A,2020-07-31,0\nH2,A,2020-07-31,21\n", 0),
    ],
)
def test_assets_at_a_fifth_or_less_are_silent_attrition(make_folder, rows, churned):
    valued = VALUED + rows + "H3,B,2020-05-31,1\nH3,B,2020-07-31,1\n"
    assert label(make_folder(pnl=valued), only("silent")) == {"A": churned, "B": 0}


def test_month_end_on_a_date_is_not_the_one_before_it(make_folder):
    valued = VALUED + "H1,A,2020-05-31,100\nH1,A,2020-06-30,1\nH3,B,2020-05-31,1\nH3,B,2020-04-30,1\n"
    # From 05-31 for 30 days the horizon ends before 06-30: assets are April's (none for A) and May's.
    assert label(make_folder(pnl=valued), only("silent"), dt.date(2020, 5, 31), 30) == {"A": 0, "B": 0}
    # From 06-01 for 30 days it ends before 07-01: May's and June's.
    assert label(make_folder("later", pnl=valued), only("silent"), dt.date(2020, 6, 1), 30) == {"A": 1, "B": 1}


def test_without_the_last_month_end_silent_attrition_is_off_with_a_warning(make_folder, caplog):
    valued = VALUED + "H1,A,2020-05-31,100\nH3,B,2020-06-30,1\n"
    assert label(make_folder(pnl=valued)) == {"A": 0, "B": 0}
    assert "silent attrition is not part of the label" in caplog.text
    with pytest.raises(TimeRangeError, match="silent attrition is the only label"):
        label(make_folder("again", pnl=valued), only("silent"))


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
        pnl=VALUED + "H3,B,2020-05-31,100\nH3,B,2020-07-31,1\n",
    )
    assert label(folder) == {"A": 1, "B": 1}
    assert label(folder, {"silent": False}) == {"A": 1, "B": 0}
    assert label(folder, {"closed": False}) == {"A": 0, "B": 1}
    assert label(folder, only("holdings")) == {"A": 0, "B": 0}


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


def test_month_end_needed_for_silence_is_the_last_before_the_end(make_folder):
    with open_bank(make_folder(pnl=VALUED + "H1,A,2020-07-31,1\n")) as bank:
        days = [dt.date(2020, 7, 31), dt.date(2020, 8, 1), dt.date(2020, 8, 31), dt.date(2020, 9, 1)]
        assert [silent_is_known(bank.tables(), to_days(day)) for day in days] == [False, True, True, False]


def last_month_end(date):
    return date.replace(day=1) - dt.timedelta(days=1)


def slow(rows, customer, as_of, horizon):
    end = as_of + dt.timedelta(days=horizon)
    own = next(row for row in rows["customers"] if row["customer_id"] == customer)
    closed = own["closed_on"] is not None and own["closed_on"] < end
    stays = False
    for row in of(rows, "holdings", customer):
        if was_open(row, "opened_on", "closed_on", as_of):
            stays = stays or row["closed_on"] is None or row["closed_on"] >= end
        elif as_of <= row["opened_on"] < end:
            stays = True
    assets = {}
    for row in of(rows, "pnl", customer):
        assets[row["month"]] = assets.get(row["month"], 0) + round(row["market_value"] * 100)
    before, after = (assets.get(last_month_end(date), 0) for date in (as_of, end))
    return int(closed or not stays or (before > 0 and after * 100 <= before * 20))


@pytest.mark.parametrize(("seed", "as_of"), [case for case in CASES if case[1] < dt.date(2024, 6, 1)])
@pytest.mark.parametrize("horizon", [90, 200])
def test_label_equals_a_slow_calculation(other_bank, open_other, seed, as_of, horizon):
    rows, _ = other_bank(seed, as_of)
    snapshot = open_other(seed).labelled(as_of, horizon)
    expected = [slow(rows, customer, as_of, horizon) for customer in snapshot.customer_id]
    assert snapshot.churned.tolist() == expected
