import datetime as dt

import pytest

from churn.data import open_bank
from churn.errors import TimeRangeError
from churn.evidence import COLUMNS, build_offers, gather_evidence, outcome_date

# All of one day, 2022-06-01, unless the test says otherwise.
CUSTOMERS = """\
customer_id,branch_id,opened_on,closed_on,birth_year,tier
A,N,2020-01-10,,1980,gold
B,N,2020-01-10,,1980,gold
C,N,2020-01-10,2022-09-08,1980,gold
D,N,2020-01-10,2022-09-09,1980,gold
E,N,2022-06-01,,1980,gold
F,N,2020-01-10,2022-05-31,1980,gold
G,N,2020-01-10,,1980,gold
"""
HOLDINGS = """\
holding_id,customer_id,product,account_class,opened_on,closed_on
H1,A,debit_card,1,2020-01-10,
H2,A,fund,,2020-03-01,
H3,A,cts,,2020-03-01,2022-05-31
H4,B,debit_card,1,2020-01-10,
H5,C,debit_card,1,2020-01-10,
H6,D,debit_card,1,2020-01-10,
H7,E,debit_card,1,2022-06-01,
H8,F,debit_card,1,2020-01-10,
H9,G,debit_card,1,2020-01-10,2022-03-01
"""
CAMPAIGNS = """\
campaign_id,customer_id,service,assigned_on,arm
K1,A,cts,2022-06-01,treated
K1,B,cts,2022-06-01,control
K1,C,cts,2022-06-01,treated
K1,D,cts,2022-06-01,control
K1,E,cts,2022-06-01,treated
K1,F,cts,2022-06-01,control
K1,G,cts,2022-06-01,treated
"""
BOUND = "customer_id,service,bound_on,unbound_on\n"
DATA_END = dt.date(2022, 12, 31)
HORIZON = 100  # from 2022-06-01 up to 2022-09-08; 2022-09-09 is the first day after


@pytest.fixture
def offers(make_folder):
    """Write tables beside the customers above, and give the offers built from them."""

    def build(horizon_days=HORIZON, data_end=DATA_END, **tables):
        given = {"customers": CUSTOMERS, "holdings": HOLDINGS, "campaigns": CAMPAIGNS} | tables
        with open_bank(make_folder(**given), data_end=data_end, n_threads=1) as bank:
            return build_offers(bank.tables(), horizon_days, bank.data_end, bank.config)

    return build


def by_customer(frame, column):
    return dict(zip(frame["customer_id"], frame[column].tolist(), strict=True))


def test_offers_of_a_day_are_the_customers_of_that_day(offers):
    """E begins on that day, F was closed the day before, G holds nothing any more."""
    frame = offers()
    assert tuple(frame.columns) == COLUMNS
    assert by_customer(frame, "offered") == {"A": 1, "B": 0, "C": 1, "D": 0}
    assert set(frame["service"]) == {"cts"}
    assert set(frame["campaign_id"]) == {"K1"}


def test_who_was_called_and_offered_nothing_is_an_arm_of_its_own(offers):
    frame = offers(campaigns=CAMPAIGNS.replace("K1,D,cts,2022-06-01,control", "K1,D,cts,2022-06-01,call"))
    assert by_customer(frame, "offered") == {"A": 1, "B": 0, "C": 1, "D": 0}
    assert by_customer(frame, "called") == {"A": 0, "B": 0, "C": 0, "D": 1}


def test_coverage_is_of_the_day_of_the_draw(offers):
    frame = offers()
    assert by_customer(frame, "coverage") == {"A": 2, "B": 1, "C": 1, "D": 1}


def test_churn_counts_from_the_day_of_the_draw_up_to_the_last_day_of_the_horizon(offers):
    frame = offers()
    assert by_customer(frame, "churned") == {"A": 0, "B": 0, "C": 1, "D": 0}


def test_whoever_had_the_service_bound_already_is_left_out_of_both_arms(offers):
    bindings = (
        BOUND
        + "A,cts,2022-05-31,\nB,cts,2021-01-01,2022-06-01\nC,cts,2021-01-01,2022-05-31\nD,fund_trading,2021-01-01,\n"
    )
    frame = offers(bindings=bindings)
    # C had it until the day before; D has another one
    assert by_customer(frame, "took") == {"C": 0, "D": 0}


def test_offer_is_taken_up_from_the_day_itself_to_the_thirtieth_after_it(offers):
    bindings = BOUND + "A,cts,2022-06-01,\nB,cts,2022-07-01,\nC,cts,2022-07-02,\nD,fund_trading,2022-06-05,\n"
    frame = offers(bindings=bindings)
    assert by_customer(frame, "took") == {"A": 1, "B": 1, "C": 0, "D": 0}


def test_binding_that_was_given_up_again_was_taken_up(offers):
    frame = offers(bindings=BOUND + "A,cts,2022-06-10,2022-06-12\nA,cts,2022-12-01,\n")
    assert by_customer(frame, "took") == {"A": 1, "B": 0, "C": 0, "D": 0}


def test_without_a_table_of_bindings_nobody_took_anything(offers):
    frame = offers()
    assert by_customer(frame, "took") == {"A": 0, "B": 0, "C": 0, "D": 0}


@pytest.mark.parametrize(("data_end", "n_rows"), [("2022-09-08", 4), ("2022-09-07", 0)])
def test_wave_counts_once_the_last_day_of_its_horizon_is_in_the_data(offers, data_end, n_rows):
    frame = offers(data_end=dt.date.fromisoformat(data_end))
    assert len(frame) == n_rows
    assert tuple(frame.columns) == COLUMNS


def test_late_wave_leaves_the_earlier_ones_and_is_counted(offers):
    late = "K2,A,cts,2022-12-01,control\nK2,B,cts,2022-12-01,treated\n"
    frame = offers(campaigns=CAMPAIGNS + late)
    assert set(frame["campaign_id"]) == {"K1"}


def test_each_wave_is_judged_at_its_own_day(offers):
    """E is a customer by the second wave, C and D are gone; A bound the service between the two."""
    second = "".join(
        f"K2,{c},cts,2022-09-20,{arm}\n" for c, arm in zip("ABCDE", ["treated", "control"] * 3, strict=False)
    )
    frame = offers(campaigns=CAMPAIGNS + second, bindings=BOUND + "A,cts,2022-06-10,\n")
    waves = {name: by_customer(part, "offered") for name, part in frame.groupby("campaign_id")}
    assert waves == {"K1": {"A": 1, "B": 0, "C": 1, "D": 0}, "K2": {"B": 0, "E": 1}}


def test_service_of_each_wave_is_its_own(offers):
    """B has fund trading bound, and takes part in the wave of CTS alone."""
    other = "K0,A,fund_trading,2022-06-01,control\nK0,B,fund_trading,2022-06-01,treated\n"
    frame = offers(campaigns=CAMPAIGNS + other, bindings=BOUND + "B,fund_trading,2022-01-01,\nA,cts,2022-06-10,\n")
    took = {name: by_customer(part, "took") for name, part in frame.groupby("service")}
    assert took == {"cts": {"A": 1, "B": 0, "C": 0, "D": 0}, "fund_trading": {"A": 0}}


def test_labels_of_the_bank_are_the_outcome_and_who_has_none_is_left_out(offers):
    labels = "customer_id,as_of,churned\nA,2022-06-01,1\nB,2022-06-01,0\nC,2022-06-02,1\n"
    frame = offers(labels=labels)
    assert by_customer(frame, "churned") == {"A": 1, "B": 0}


def test_no_campaigns_give_an_empty_frame(offers):
    frame = offers(campaigns=None)
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 0


LABELS = """\
customer_id,as_of,churned
A,2020-06-01,0
B,2020-06-01,1
A,2020-08-01,0
A,2020-09-01,1
"""
UNBOUND = """\
customer_id,service,bound_on,unbound_on
B,cts,2020-03-01,2020-03-19
"""
END_OF_2020 = dt.date(2020, 12, 31)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2021-01-31", "2020-10-03"),  # 90 days from it end with 2020-12-31
        ("2020-10-04", "2020-10-03"),
        ("2020-10-03", "2020-10-03"),
        ("2020-06-15", "2020-06-15"),
    ],
)
def test_date_is_the_last_whose_outcome_is_complete(make_folder, as_of, expected):
    with open_bank(make_folder(), data_end=END_OF_2020, n_threads=1) as bank:
        assert outcome_date(bank.tables(), dt.date.fromisoformat(as_of), 90, bank.data_end).isoformat() == expected


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2020-12-31", "2020-09-01"),
        ("2020-09-01", "2020-09-01"),
        ("2020-08-31", "2020-08-01"),  # 31 days before the last: labels may lie close together
        ("2020-07-31", "2020-06-01"),
    ],
)
def test_with_labels_of_the_bank_it_is_the_last_labelled_date(make_folder, as_of, expected):
    with open_bank(make_folder(labels=LABELS), data_end=END_OF_2020, n_threads=1) as bank:
        assert outcome_date(bank.tables(), dt.date.fromisoformat(as_of), 90, bank.data_end).isoformat() == expected


def test_date_before_every_label_is_refused(make_folder):
    with (
        open_bank(make_folder(labels=LABELS), data_end=END_OF_2020, n_threads=1) as bank,
        pytest.raises(TimeRangeError, match="--as-of 2020-05-31: the labels table holds no outcome up to that date"),
    ):
        outcome_date(bank.tables(), dt.date(2020, 5, 31), 90, bank.data_end)


def test_history_has_the_rows_of_the_snapshot_in_its_order(make_folder):
    """A customer without any binding is there too."""
    with open_bank(make_folder(bindings=UNBOUND), data_end=END_OF_2020, n_threads=1) as bank:
        snapshot = bank.labelled(dt.date(2020, 4, 1), 90)
        evidence = gather_evidence(bank.tables(), snapshot, 90, bank.data_end, bank.config)
    assert evidence.snapshot is snapshot
    assert evidence.history["customer_id"].tolist() == snapshot.customer_id.tolist() == ["A", "B"]
    assert evidence.history["unbound_days_cts"].isna().tolist() == [True, False]
    assert evidence.history["unbound_days_cts"][1] == 13  # 2020-03-19 to 2020-04-01
    assert evidence.history["held_days_fund"][0] == 31  # 2020-03-01 to 2020-04-01
    assert evidence.offers.empty
