import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from progress_rows import write_contacts, write_customers, write_holdings

CUSTOMERS = write_customers(
    "A,N,M1,2020-01-10,2024-01-01,ordinary",
    "B,N,M1,2020-01-10,,ordinary",
    "C,S,M2,2020-01-10,2024-02-01,ordinary",
    "D,S,M2,2020-01-10,,gold",
    "E,S,M2,2020-01-10,2024-07-01,gold",
    "F,S,M2,2023-07-02,,gold",
)
PRODUCTS = ["fund", "cts", "insurance", "debit_card", "mortgage"]
HELD = {"A": 1, "B": 1, "C": 2, "D": 3, "E": 5, "F": 1}
OPENED = dict.fromkeys("ABCDE", "2020-01-10") | {"F": "2023-07-02"}
HOLDINGS = write_holdings(*(f"{who},{product},{OPENED[who]}," for who, n in HELD.items() for product in PRODUCTS[:n]))
CONTACTS = write_contacts(
    "A,M1,2023-07-01,message,true",
    "B,M1,2023-04-03,call,true",
    "D,M2,2023-04-02,call,true",
    "E,M2,2023-07-01,call,false",
    "C,M2,2023-07-02,call,true",
)
TABLES = {"customers": CUSTOMERS, "holdings": HOLDINGS}


def test_churn_is_that_of_the_latest_horizon_complete_before_the_date(progress_of, told):
    progress = progress_of(**TABLES)
    # Of 2 July 2023: A to E. A and C left before 1 July 2024, E on that day; F came on the day.
    row = told(progress, "churn_observed")
    assert (row["value"], row["n"]) == (0.4, 5)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(2, 5, method="wilson"))
    assert [told(progress, "churn_observed", unit)["value"] for unit in ("N", "S", "M1")] == pytest.approx(
        [1 / 2, 1 / 3, 1 / 2]
    )
    assert any("customers of 2023-07-02, who left before 2024-07-01" in en for en, _ in progress.notes)


def test_stated_churn_is_of_the_same_customers_where_a_rate_is_stated(progress_of, told):
    progress = progress_of(**TABLES)
    # A and B with 1 product, D with 3, E with 5; C holds 2, for which nothing is stated.
    stated, observed = told(progress, "churn_stated"), told(progress, "churn_observed_where_stated")
    assert (stated["value"], stated["n"]) == (pytest.approx((2 * 0.62 + 0.42 + 0.12) / 4), 4)
    assert np.isnan([stated["low"], stated["high"]]).all()
    assert (observed["value"], observed["n"]) == (0.25, 4)
    assert told(progress, "churn_stated", "S")["value"] == pytest.approx((0.42 + 0.12) / 2)


def test_stated_rates_are_converted_to_the_horizon(progress_of, told):
    progress = progress_of(horizon_days=100, **TABLES)
    # Of 23 March 2024: B, D, E, and F with 1 product
    expected = 1 - np.array([0.38, 0.38, 0.58, 0.88]) ** (100 / 365)
    assert told(progress, "churn_stated")["value"] == pytest.approx(expected.mean())


def test_bank_states_its_own_rates(progress_of, told):
    config = {"baselines": {"stated": {"2": 0.3}}}
    assert (told(progress_of(config=config, **TABLES), "churn_stated")["value"]) == pytest.approx(0.3)
    nothing = progress_of(folder="nothing", config={"baselines": {"stated": {}}}, **TABLES)
    assert nothing.not_told["churn_stated"][0] == "no rate is stated for any number of products"


def test_predicted_churn_is_the_mean_of_todays_customers(progress_of, told):
    scores = pd.DataFrame({"customer_id": list("ABDEZ"), "churn_probability": [0.9, 0.2, 0.4, 0.1, 0.8]})
    progress = progress_of(scores=scores, **TABLES)
    row = told(progress, "churn_predicted")
    assert (row["value"], row["n"]) == (pytest.approx(0.7 / 3), 3)
    assert told(progress, "churn_predicted", "N")["value"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        (None, "there are no scores"),
        (pd.DataFrame({"customer_id": ["Z"], "churn_probability": [0.5]}), "no customer has a score"),
    ],
)
def test_without_scores_nothing_is_predicted(progress_of, scores, why):
    assert progress_of(scores=scores, **TABLES).not_told["churn_predicted"][0] == why


def test_those_contacted_are_those_reached_in_the_ninety_days_before_the_horizon(progress_of, told):
    progress = progress_of(contacts=CONTACTS, **TABLES)
    # A and B; D was reached a day too early, E was not reached, C was on the day itself.
    row = told(progress, "contacted_difference")
    assert (row["value"], row["n"]) == (pytest.approx(1 / 2 - 1 / 3), 5)
    expected = confint_proportions_2indep(1, 2, 1, 3, method="newcomb", compare="diff", correction=False)
    assert (row["low"], row["high"]) == pytest.approx(expected)
    # of N everybody was contacted: there is nobody to compare with
    assert np.isnan(told(progress, "contacted_difference", "N")["value"])
    assert "says nothing of what a contact does" in progress.notes[0][0]


def test_contacts_that_begin_later_tell_no_difference(progress_of):
    contacts = write_contacts("A,M1,2023-07-02,message,true")
    transactions = "customer_id,transacted_on,channel,amount\nA,2023-01-01,atm,1\n"
    progress = progress_of(contacts=contacts, transactions=transactions, **TABLES)
    assert progress.not_told["contacted_difference"][0] == (
        "contacts holds no row from 2023-04-03 on and before 2023-07-02"
    )


def test_labels_of_the_bank_are_used_from_which_a_horizon_has_passed(progress_of, told):
    labels = """\
customer_id,as_of,churned
A,2023-06-01,0
B,2023-06-01,1
A,2023-07-02,0
D,2023-07-03,1
"""
    row = told(progress_of(labels=labels, **TABLES), "churn_observed")
    # 2 July 2023 is 365 days before the date, 3 July is not.
    assert (row["value"], row["n"]) == (0, 1)
    late = progress_of(folder="late", labels="customer_id,as_of,churned\nD,2023-07-03,1\n", **TABLES)
    assert late.not_told["churn_observed"][0] == "labels holds no outcome 365 days before 2024-07-01"


def test_data_shorter_than_the_horizon_tell_no_churn(progress_of):
    progress = progress_of(contacts=CONTACTS, horizon_days=500, **TABLES)
    for measure in ("churn_observed", "churn_stated", "hold_out_difference", "contacted_difference"):
        assert progress.not_told[measure][0] == "the data begin on 2023-04-02, and 2023-02-17 is needed"


def test_silent_attrition_that_cannot_be_seen_is_noted(progress_of):
    said = "Customers whose assets went without a word are not counted as left"
    assert any(en.startswith(said) for en, _ in progress_of(**TABLES).notes)
    pnl = "holding_id,customer_id,month,market_value\nH0,B,2024-06-30,1\nH0,B,2023-06-30,1\n"
    with_pnl = progress_of(folder="pnl", pnl=pnl, **TABLES)
    assert not any(en.startswith(said) for en, _ in with_pnl.notes)
    closed = {"label": {"silent": False}}
    assert not any(en.startswith(said) for en, _ in progress_of(folder="off", config=closed, **TABLES).notes)
    only = progress_of(folder="only", config={"label": {"closed": False, "holdings": False}}, **TABLES)
    assert only.not_told["churn_observed"][0].startswith("silent attrition is the only label asked for")
