import datetime as dt
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from churn.config import SERVICES, Config, CustomerSettings, Product, Service
from churn.data import build_frame, open_bank
from churn.errors import TimeRangeError
from churn.features.catalogue import available_features, build_features, catalogue, lost_features
from churn.speech import say
from churn.tables.contract import to_days
from churn.timeline import Seen, populations
from long_runs import examples
from other_bank import CASES, PURPOSES, make_tables, write_tables

AS_OF = dt.date(2023, 7, 20)
TABLES = make_tables(16, 4)
ENDS = {"customers": "closed_on", "holdings": "closed_on", "bindings": "unbound_on"}
BEGINS = {
    "customer_states": "valid_from",
    "holdings": "opened_on",
    "bindings": "bound_on",
    "contacts": "contacted_on",
    "pnl": "month",
    "transactions": "transacted_on",
    "referrals": "referred_on",
}
TODAY = {
    "tier": ["ordinary", "gold", "platinum"],
    "manager_id": [None, "M1", "M7"],
    "branch_id": ["N", "X"],
    "do_not_contact": [True, False],
}

later_days = st.integers(0, 400).map(lambda days: pd.Timestamp(AS_OF) + pd.Timedelta(days=days))


@pytest.fixture(scope="module")
def known_then():
    """The features of the bank as it stands, later rows and all."""
    return features(TABLES)


def features(tables):
    with TemporaryDirectory() as folder:
        place = write_tables(tables, Path(folder) / "bank", "parquet")
        with open_bank(place, data_end=AS_OF, n_threads=1) as bank:
            assert bank.is_ok
            return build_frame(bank, AS_OF)


def new_rows(draw, number):
    """Rows dated on or after `AS_OF`, under ids of their own, of a customer that is there or of a new one."""
    day = draw(later_days)
    customer = draw(st.sampled_from([*TABLES["customers"]["customer_id"], "NEW"]))
    month = day + pd.offsets.MonthEnd(0)
    held = {
        "product": draw(st.sampled_from(["fund", "cts", "debit_card"])),
        "account_class": draw(st.sampled_from("12")),
    }
    return {
        "customer_states": {"valid_from": day, "tier": "platinum", "manager_id": None, "branch_id": "S"},
        "holdings": {"holding_id": f"new{number}", "opened_on": day, "closed_on": pd.NaT, **held},
        "bindings": {"service": draw(st.sampled_from(sorted(SERVICES))), "bound_on": day, "unbound_on": pd.NaT},
        "contacts": {
            "contact_id": f"new{number}",
            "manager_id": "M1",
            "contacted_on": day,
            "channel": draw(st.sampled_from(["call", "meeting"])),
            "purpose": draw(st.sampled_from(PURPOSES)),
            "reached": draw(st.booleans()),
        },
        "pnl": {"holding_id": f"new{number}", "month": month, "market_value": 5e6, "cost_basis": 6e6},
        "transactions": {"transacted_on": day, "channel": "atm", "amount": 1e6, "queue_ticket": None},
        "referrals": {
            "referrer_id": customer,
            "referred_id": TABLES["customers"]["customer_id"][0],
            "referred_on": day,
        },
    }, customer


@st.composite
def other_futures(draw):
    """The same bank with another future: later rows removed and added, ends moved, today's values changed."""
    tables = {name: table.copy() for name, table in TABLES.items()}
    random = draw(st.randoms(use_true_random=False))
    for name, begin in BEGINS.items():
        gone = [day >= pd.Timestamp(AS_OF) and random.random() < 0.5 for day in tables[name][begin]]
        tables[name] = tables[name][~np.array(gone)].reset_index(drop=True)
    for name, end in ENDS.items():
        table = tables[name]
        for i in table.index[table[end].isna() | (table[end] >= pd.Timestamp(AS_OF))]:
            earliest = max(pd.Timestamp(AS_OF), table.loc[i, "opened_on" if name != "bindings" else "bound_on"])
            table.loc[i, end] = random.choice([pd.NaT, earliest, earliest + pd.Timedelta(days=random.randrange(900))])
    for column, values in TODAY.items():
        tables["customers"][column] = [random.choice(values) for _ in tables["customers"].index]
    added = [new_rows(draw, number) for number in range(draw(st.integers(0, 4)))]
    newcomer = {
        "customer_id": "NEW",
        "branch_id": "N",
        "opened_on": draw(later_days),
        "tier": "gold",
        "birth_year": 1970,
    }
    tables["customers"] = append(tables["customers"], [newcomer])
    for name in BEGINS:
        owner = {} if name == "referrals" else {"customer_id": None}
        rows = [{**row[name], **dict.fromkeys(owner, customer)} for row, customer in added]
        keys = {"customer_states": ["customer_id", "valid_from"], "bindings": ["customer_id", "service", "bound_on"]}
        tables[name] = append(tables[name], rows).drop_duplicates(keys.get(name))
    return tables


def append(table, rows):
    if not rows:
        return table
    more = pd.DataFrame(rows).reindex(columns=table.columns)
    return pd.concat([table, more.astype({c: t for c, t in table.dtypes.items() if more[c].notna().all()})])


@seed(1)
@settings(max_examples=examples(6, 20), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(tables=other_futures())
def test_no_future_changes_a_bit_of_any_feature(known_then, tables):
    pd.testing.assert_frame_equal(features(tables), known_then, check_exact=True)


def test_the_bank_of_the_future_test_has_rows_of_every_table_on_both_sides(known_then):
    assert len(known_then) >= 8
    for name, begin in BEGINS.items():
        later = TABLES[name][begin] >= pd.Timestamp(AS_OF)
        assert later.any(), name
        assert (~later).any(), name


def test_a_changed_past_does_change_features(known_then):
    tables = dict(TABLES)
    day = pd.Timestamp(AS_OF) - pd.Timedelta(days=1)
    first = known_then["customer_id"][0]
    tables["transactions"] = append(
        tables["transactions"], [{"customer_id": first, "transacted_on": day, "channel": "atm", "amount": 1.0}]
    )
    changed = features(tables)
    assert changed["days_since_transaction"][0] == 1
    assert changed["n_atm_90d"][0] == known_then["n_atm_90d"][0] + 1


def test_future_customer_reveals_no_earlier_referral():
    tables = {**TABLES, "customers": append(TABLES["customers"], [customer("NEW", AS_OF)])}
    referrer = TABLES["customers"]["customer_id"][0]
    referral = {
        "referrer_id": referrer,
        "referred_id": "NEW",
        "referred_on": pd.Timestamp(AS_OF) - pd.Timedelta(days=9),
    }
    tables["referrals"] = append(TABLES["referrals"], [referral])
    pd.testing.assert_frame_equal(features(tables), features(TABLES), check_exact=True)


def customer(name, opened):
    return {
        "customer_id": name,
        "branch_id": "N",
        "opened_on": pd.Timestamp(opened),
        "tier": "gold",
        "birth_year": 1970,
    }


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_csv_and_parquet_on_any_number_of_threads_give_the_same_bits(tmp_path, known_then, form, n_threads):
    with open_bank(write_tables(TABLES, tmp_path / form, form), n_threads=n_threads) as bank:
        pd.testing.assert_frame_equal(build_frame(bank, AS_OF), known_then, check_exact=True)


def test_order_of_rows_does_not_matter(known_then):
    shuffled = {name: table.sample(frac=1, random_state=3) for name, table in TABLES.items()}
    pd.testing.assert_frame_equal(features(shuffled), known_then, check_exact=True)


def test_frame_holds_the_catalogue_in_its_order_as_float64(known_then):
    names = [feature.name for feature in catalogue(Config())]
    assert list(known_then.columns) == ["customer_id", "as_of", *names]
    assert all(dtype == "float64" for dtype in known_then[names].dtypes)
    assert len(names) == len(set(names))


def test_every_feature_says_what_it_is_in_both_languages():
    for feature in catalogue(Config()):
        assert say(feature.meaning, "en"), feature.name
        assert any("一" <= letter <= "鿿" for letter in say(feature.meaning, "zh")), feature.name
        assert feature.unit in {"count", "0/1", "days", "years", "yuan", "share", "ratio", "level"}, feature.name


def test_unit_and_window_stand_in_the_name():
    for feature in catalogue(Config()):
        if feature.unit == "yuan":
            assert "_cny" in feature.name
        if feature.name.endswith("d") and feature.name[-2].isdigit():
            assert feature.name.endswith(f"_{feature.window_days}d")


def test_shares_and_flags_stay_in_their_range(other_bank):
    for case in CASES:
        _, frame = other_bank(*case)
        for feature in catalogue(Config()):
            found = frame[feature.name].dropna()
            if feature.unit == "share":
                assert found.le(1).all(), feature.name
            if feature.unit == "0/1":
                assert set(found) <= {0, 1}, feature.name
            if feature.unit in {"count", "days"}:
                assert found.ge(0).all(), feature.name


@pytest.mark.parametrize("table", ["bindings", "contacts", "pnl", "transactions", "customer_states", "referrals"])
def test_table_that_is_not_there_takes_its_features_and_no_others(tmp_path, known_then, table):
    tables = {name: rows for name, rows in TABLES.items() if name != table}
    with open_bank(write_tables(tables, tmp_path / "bank"), data_end=AS_OF) as bank:
        frame = build_frame(bank, AS_OF)
        lost = lost_features(bank.tables(), bank.catalogue)
    assert set(lost) == {table}
    assert lost[table]
    # Without assets nobody has gone in silence.
    frame = frame[frame["customer_id"].isin(known_then["customer_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(frame, known_then.drop(columns=lost[table]), check_exact=True)


def test_customers_and_holdings_alone_are_enough(make_folder):
    with open_bank(make_folder()) as bank:
        frame = build_frame(bank, dt.date(2020, 3, 2))
        available = [feature.name for feature in available_features(bank.tables(), bank.config)]
    assert list(frame.columns) == ["customer_id", "as_of", *available]
    assert {"product_coverage", "tenure_days", "age_years"} <= set(available)


def test_only_those_asked_for_get_a_row(make_folder):
    day = to_days(dt.date(2020, 3, 2))
    with open_bank(make_folder()) as bank:
        seen = Seen(bank.tables(), [day])
        frame = build_features(seen, populations(seen).filter(nw.col("customer_id") == "B"), bank.config)
        assert frame.collect("pyarrow")["customer_id"].to_list() == ["B"]


def test_bank_may_add_a_product_and_its_service(make_folder):
    config = Config.model_validate(
        {
            "products": {"safe": Product(en="safe box", zh="保管箱").model_dump()},
            "services": {"safe_fee": Service(product="safe", en="safe fee", zh="保管费").model_dump()},
        }
    )
    holdings = "holding_id,customer_id,product,opened_on\nH1,A,safe,2020-02-01\n"
    bindings = "customer_id,service,bound_on\nA,safe_fee,2020-02-02\n"
    with open_bank(make_folder(holdings=holdings, bindings=bindings), config) as bank:
        assert bank.is_ok
        row = build_frame(bank, dt.date(2020, 2, 10)).iloc[0]
    assert (row["holds_safe"], row["bound_safe_fee"], row["days_since_bound_safe_fee"], row["n_eligible"]) == (
        1,
        1,
        8,
        1,
    )


def test_static_columns_are_read_from_customers_at_any_date(tmp_path):
    config = Config(customers=CustomerSettings(static=("tier", "manager_id", "branch_id")))
    with ExitStack() as stack:
        bank = stack.enter_context(open_bank(write_tables(TABLES, tmp_path / "bank"), config))
        early = build_frame(bank, dt.date(2023, 1, 1)).set_index("customer_id")
        late = build_frame(bank, AS_OF).set_index("customer_id")
    both = early.index.intersection(late.index)
    assert len(both) > 3
    columns = ["tier_level", "is_managed"]
    pd.testing.assert_frame_equal(early.loc[both, columns], late.loc[both, columns])


def test_date_at_which_nobody_is_a_customer_is_refused(make_folder):
    with open_bank(make_folder()) as bank, pytest.raises(TimeRangeError, match="nobody"):
        build_frame(bank, dt.date(2019, 1, 1))
