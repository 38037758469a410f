import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.config import Config
from churn.data import open_bank
from churn.evidence import build_history
from churn.explanation.effects.comparison import covariate_names, once_bound, settled
from churn.features.catalogue import catalogue
from churn.features.feature import own_features
from churn.tables.contract import to_days

AS_OF = dt.date(2022, 6, 1)
KNOWN = catalogue(Config())
HOLDINGS = """\
holding_id,customer_id,product,account_class,opened_on,closed_on
H1,A,debit_card,1,2020-01-10,
H2,A,cts,,2021-06-01,
H3,A,cts,,2022-05-01,
H4,A,fund,,2020-02-01,2022-06-01
H5,A,cash_sweep,,2020-02-01,2022-05-31
H6,B,debit_card,1,2020-02-20,
H7,B,cts,,2022-06-01,
"""
BINDINGS = """\
customer_id,service,bound_on,unbound_on
A,cts,2021-06-05,2022-01-01
A,cts,2022-01-05,2022-05-22
A,fund_trading,2021-06-05,2022-06-01
A,cash_sweep,2021-06-05,
"""


CAMPAIGNS = """\
campaign_id,customer_id,service,assigned_on,arm
K1,A,cts,2021-06-01,treated
K2,A,cts,2022-05-01,treated
K3,A,cts,2022-05-20,control
K4,A,fund_trading,2022-06-01,treated
K5,B,cts,2022-05-31,treated
K6,B,cash_sweep,2022-05-01,control
"""


def history_of(make_folder, bindings, campaigns=None):
    folder = make_folder(holdings=HOLDINGS, bindings=bindings, campaigns=campaigns)
    with open_bank(folder, n_threads=1) as bank:
        found = build_history(bank.tables(), to_days(AS_OF), bank.config)
        return found.collect(backend="pyarrow").to_native().to_pandas().set_index("customer_id").sort_index()


def whole(value):
    return None if pd.isna(value) else int(value)


def test_what_is_the_binding_itself_or_gives_it_away_is_not_held_equal():
    names = covariate_names("cts", catalogue(Config()))
    left_out = {feature.name for feature in catalogue(Config()) if feature.name not in names}
    contacts = {feature.name for feature in catalogue(Config()) if feature.family == "contacts"}
    assert {"days_since_contact", "n_offer_90d", "n_meetings_365d"} <= contacts
    binding = {
        "bound_cts",
        *(f"days_since_bound_{service}" for service in Config().services),
        "n_bound",
        "share_bound",
        "n_unbound_90d",
        "n_unbound_365d",
        "days_since_unbinding",
    }
    assert contacts | binding | {"n_referred_365d"} <= left_out
    # what other families make of contacts goes with them
    others = left_out - contacts - binding - {"n_referred_365d"}
    assert all("contacts" in feature.tables for feature in catalogue(Config()) if feature.name in others)


def test_other_services_assets_and_coverage_are_held_equal():
    names = set(covariate_names("cts", catalogue(Config())))
    assert {"bound_fund_trading", "n_eligible", "aum_cny", "product_coverage", "n_transactions_90d"} <= names
    assert "bound_cts" in covariate_names("fund_trading", catalogue(Config()))


def test_names_keep_the_order_of_the_catalogue_and_are_never_repeated():
    names = covariate_names("cts", catalogue(Config()))
    ranks = [feature.name for feature in catalogue(Config())]
    assert names == sorted(names, key=ranks.index)
    assert len(set(names)) == len(names)


def test_flat_file_holds_every_other_column_equal():
    columns = own_features(["age", "online", "card"], ["online", "card"])
    assert covariate_names("online", columns) == ["card", "age"]
    assert covariate_names("card", columns) == ["online", "age"]


def test_days_held_are_from_the_opening_of_the_oldest_that_is_still_open(make_folder):
    history = history_of(make_folder, BINDINGS)
    assert whole(history.loc["A", "held_days_cts"]) == 365  # the older of two
    assert whole(history.loc["A", "held_days_fund"]) == 851  # closed on the day itself: 334 + 365 + 152 days
    assert whole(history.loc["A", "held_days_cash_sweep"]) is None  # closed the day before
    assert whole(history.loc["B", "held_days_cts"]) is None  # opened on the day itself


def test_days_unbound_are_from_the_last_time_before_the_day(make_folder):
    history = history_of(make_folder, BINDINGS)
    assert whole(history.loc["A", "unbound_days_cts"]) == 10  # the later of two
    assert whole(history.loc["A", "unbound_days_fund_trading"]) is None  # on the day itself: still bound
    assert whole(history.loc["A", "unbound_days_cash_sweep"]) is None
    assert history.loc["B"].filter(like="unbound").isna().all()


def test_without_a_table_of_bindings_nobody_has_unbound_anything(make_folder):
    history = history_of(make_folder, None)
    assert [name for name in history if name.startswith("unbound_days_")] == []
    assert once_bound("cts", history).tolist() == [False, False]


@pytest.mark.parametrize("bindings", [BINDINGS, None])
def test_days_offered_are_from_the_last_offer_that_was_made_before_the_day(make_folder, bindings):
    """Whoever was drawn for the control arm was offered nothing."""
    history = history_of(make_folder, bindings, CAMPAIGNS)
    assert whole(history.loc["A", "offered_days_cts"]) == 31  # 2022-05-01 to 2022-06-01
    assert whole(history.loc["A", "offered_days_fund_trading"]) is None  # on the day itself
    assert whole(history.loc["B", "offered_days_cts"]) == 1
    assert whole(history.loc["B", "offered_days_cash_sweep"]) is None


def test_settled_are_those_with_product_and_service_for_91_days_or_without_the_service():
    rows = pd.DataFrame(
        [
            # product held, bound, bound since, settled
            (91, 0, np.nan, True),
            (90, 0, np.nan, False),
            (91, 1, 91, True),
            (400, 1, 90, False),
            (90, 1, 91, False),
            (np.nan, 0, np.nan, False),
            (np.nan, 1, 400, False),
        ],
        columns=["held", "bound_cts", "days_since_bound_cts", "settled"],
    )
    history = rows[["held"]].rename(columns={"held": "held_days_cts"})
    assert settled("cts", rows, history, KNOWN, 91).tolist() == rows["settled"].tolist()


@pytest.mark.parametrize("bound", [0, 1])
def test_settled_were_not_offered_the_service_within_90_days(bound):
    features = pd.DataFrame({"bound_cts": [bound] * 4, "days_since_bound_cts": [200.0 if bound else np.nan] * 4})
    history = pd.DataFrame(
        {
            "held_days_cts": [200] * 4,
            "offered_days_cts": [1, 90, 91, np.nan],
            "offered_days_fund_trading": [np.nan, np.nan, 1, 1],
        }
    )
    assert settled("cts", features, history, KNOWN, 91).tolist() == [False, False, True, True]


def test_settled_asks_for_the_product_that_the_service_needs():
    """Fund trading needs a fund."""
    features = pd.DataFrame({"bound_fund_trading": [0, 0], "days_since_bound_fund_trading": [np.nan, np.nan]})
    history = pd.DataFrame({"held_days_fund": [200, 10], "held_days_cts": [10, 200]})
    assert settled("fund_trading", features, history, KNOWN, 91).tolist() == [True, False]


def test_once_bound_is_who_gave_it_up_91_days_ago_or_earlier():
    history = pd.DataFrame({"unbound_days_cts": [np.nan, 1, 90, 91, 1000]})
    assert once_bound("cts", history).tolist() == [False, False, False, True, True]
