import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.config import PRODUCTS, SERVICES, Config
from churn.data import build_frame, open_bank
from churn.errors import ConfigError, DataError, MissingColumnError
from churn.explanation.what_if import change_features, predict_what_if
from churn.features.catalogue import catalogue
from churn.features.feature import own_features
from churn.model.estimator import ChurnModel
from churn.model.recipe import Recipe
from churn.simulation import simulate_bank
from churn.training import train
from labelled import dated
from other_bank import make_tables, write_tables

AS_OF = dt.date(2024, 1, 31)
YESTERDAY = pd.Timestamp(2024, 1, 30)
CONFIG = Config()
KNOWN = catalogue(CONFIG)
FLAT = own_features(["age", "app", "card"], ["app", "card"])
NAN = float("nan")


@pytest.fixture(scope="module")
def tables():
    return make_tables(300, 11)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Give the features of a bank's tables, by customer."""

    def features_of(tables):
        folder = write_tables(tables, tmp_path_factory.mktemp("bank") / "bank", "parquet")
        with open_bank(folder, n_threads=1) as bank:
            return build_frame(bank, AS_OF).set_index("customer_id").drop(columns="as_of")

    return features_of


@pytest.fixture(scope="module")
def features(tables, build):
    return build(tables)


def _same(changed, really):
    """As the bank's own, but for what nobody can know: the class of the account that was closed."""
    pd.testing.assert_frame_equal(
        changed.drop(columns="has_class_1_account"), really.drop(columns="has_class_1_account"), check_exact=True
    )


def _row_by_row(features, kind, chosen, to):
    """Change one thing of each customer."""
    rows = [change_features(features.loc[[customer]], KNOWN, **{kind: {name: to}}) for customer, name in chosen.items()]
    return pd.concat(rows)


def _round_robin(features, names, able):
    """Choose for each customer the next of the names that will do."""
    chosen = {}
    for at, (customer, row) in enumerate(features.iterrows()):
        fitting = [name for name in [*names[at % len(names) :], *names[: at % len(names)]] if able(row, name)]
        chosen |= {customer: fitting[0]} if fitting else {}
    assert len(chosen) > 60
    return chosen


def _is_open(table, begin, end):
    date = pd.Timestamp(AS_OF)
    return (table[begin] < date) & (table[end].isna() | (table[end] >= date))


def _end(table, begin, end, column, chosen):
    """End yesterday what is open of the thing chosen for each customer."""
    changed = table.copy()
    ends = _is_open(table, begin, end) & (table["customer_id"].map(chosen) == table[column])
    changed.loc[ends, end] = YESTERDAY
    return changed


def test_a_binding_changes_what_it_would_in_the_bank(tables, build, features):
    def able(row, name):
        return row[f"holds_{SERVICES[name].product}"] == 1 and row[f"bound_{name}"] == 0

    chosen = _round_robin(features, list(SERVICES), able)
    assert set(chosen.values()) == set(SERVICES)
    rows = pd.DataFrame({"customer_id": chosen.keys(), "service": chosen.values(), "bound_on": YESTERDAY})
    bindings = pd.concat([tables["bindings"], rows], ignore_index=True)

    really = build(tables | {"bindings": bindings}).loc[list(chosen)]

    _same(_row_by_row(features, "bindings", chosen, True), really)


def test_an_unbinding_changes_what_it_would_in_the_bank(tables, build, features):
    chosen = _round_robin(features, list(SERVICES), lambda row, name: row[f"bound_{name}"] == 1)
    bindings = _end(tables["bindings"], "bound_on", "unbound_on", "service", chosen)

    really = build(tables | {"bindings": bindings}).loc[list(chosen)]

    _same(_row_by_row(features, "bindings", chosen, False), really)


def test_an_opened_product_changes_what_it_would_in_the_bank(tables, build, features):
    chosen = _round_robin(features, list(PRODUCTS), lambda row, name: row[f"holds_{name}"] == 0)
    assert set(chosen.values()) >= set(PRODUCTS) - {"debit_card"}
    rows = pd.DataFrame({"customer_id": chosen.keys(), "product": chosen.values(), "opened_on": YESTERDAY})
    rows["holding_id"] = [f"N{number}" for number in range(len(rows))]

    really = build(tables | {"holdings": pd.concat([tables["holdings"], rows], ignore_index=True)}).loc[list(chosen)]

    _same(_row_by_row(features, "products", chosen, True), really)


def test_a_closed_product_changes_what_it_would_in_the_bank(tables, build, features):
    several = features[features["n_holdings"] > 1]
    chosen = _round_robin(several, list(PRODUCTS), lambda row, name: row[f"holds_{name}"] == 1)
    holdings = _end(tables["holdings"], "opened_on", "closed_on", "product", chosen)

    really = build(tables | {"holdings": holdings}).loc[list(chosen)]

    _same(_row_by_row(features, "products", chosen, False), really)


def test_by_hand_a_second_of_two_services_is_bound():
    two = Config.model_validate(
        {
            "catalogue": {"defaults": False},
            "products": {"fund": {"en": "fund", "zh": "基金"}, "cts": {"en": "custody", "zh": "存管"}},
            "services": {
                "trading": {"product": "fund", "en": "trading", "zh": "交易"},
                "custody": {"product": "cts", "en": "custody", "zh": "存管"},
            },
        }
    )
    before = pd.DataFrame(
        {
            "holds_fund": [1.0],
            "holds_cts": [1.0],
            "bound_trading": [1.0],
            "bound_custody": [0.0],
            "n_bound": [1.0],
            "n_eligible": [2.0],
            "share_bound": [0.5],
            "days_since_bound_trading": [40.0],
            "days_since_bound_custody": [NAN],
        }
    )

    after = change_features(before, catalogue(two), bindings={"custody": True})

    assert after.iloc[0].to_list() == [1, 1, 1, 1, 2, 2, 1.0, 40, 1]
    assert change_features(before, catalogue(two), bindings={"trading": False})["share_bound"].to_list() == [0.0]


def test_what_is_so_already_stays_as_it_is(features):
    bound = features[features["bound_online_banking"] == 1]

    pd.testing.assert_frame_equal(change_features(bound, KNOWN, bindings={"online_banking": True}), bound)
    pd.testing.assert_frame_equal(change_features(features, KNOWN), features)


def test_the_features_given_do_not_change(features):
    before = features.copy()

    change_features(features, KNOWN, bindings={"cts": False}, products={"insurance": True})

    pd.testing.assert_frame_equal(features, before)


def test_a_service_whose_product_is_not_held_cannot_be_bound(features):
    without = features[(features["holds_cts"] == 0) & (features["bound_cts"] == 0)]

    message = (
        rf"service cts cannot be bound by {len(without)} customers \(rows 1, 2, 3, 4, 5 and more\), who do not hold"
    )
    with pytest.raises(DataError, match=message):
        change_features(without, KNOWN, bindings={"cts": True})


def test_a_service_can_be_bound_with_the_product_it_needs(features):
    without = features[(features["holds_cts"] == 0) & (features["bound_cts"] == 0)]

    after = change_features(without, KNOWN, bindings={"cts": True}, products={"cts": True})

    assert (after[["holds_cts", "bound_cts", "days_since_bound_cts", "days_since_opening"]] == 1).all(axis=None)
    assert (after["n_eligible"] - without["n_eligible"] == 1).all()


def test_the_last_product_cannot_be_closed(features):
    one = features[(features["n_holdings"] == 1) & (features["holds_debit_card"] == 1)]

    with pytest.raises(DataError, match="nothing would be left"):
        change_features(one, KNOWN, products={"debit_card": False})


def test_columns_of_a_flat_file_become_one_and_zero():
    rows = pd.DataFrame({"app": [0.0, 1.0, NAN], "card": [1, 0, 1], "age": [30, 40, 50]})

    after = change_features(rows, FLAT, bindings={"app": True, "card": False})

    assert after["app"].to_list() == [1.0, 1.0, 1.0]
    assert after["card"].to_list() == [0, 0, 0]
    assert after["age"].to_list() == [30, 40, 50]


@pytest.mark.parametrize(
    ("known", "changes", "error", "message"),
    [
        (KNOWN, {"bindings": {"jade": True}}, ConfigError, "'jade' is not a service; take one of online_banking"),
        (KNOWN, {"products": {"jade": True}}, ConfigError, "'jade' is not a product"),
        (KNOWN, {"bindings": {"cts": True}}, MissingColumnError, "no column bound_cts"),
        (FLAT, {"bindings": {"jade": True}}, ConfigError, r"not a column of \[flat\] bindings; take one of app, card"),
        (FLAT, {"products": {"fund": True}}, ConfigError, "a flat file has no products"),
    ],
)
def test_what_is_not_there_cannot_change(known, changes, error, message):
    with pytest.raises(error, match=message):
        change_features(pd.DataFrame({"age": [1.0]}), known, **changes)


def test_probabilities_are_those_of_the_features_before_and_after(features):
    y = (features["bound_online_banking"] == 0).astype(int)
    model = ChurnModel(n_jobs=1, max_rounds=20).fit(features, y).fitted_
    able = features[features["holds_online_banking"] == 1]

    answer = predict_what_if(model, able, KNOWN, bindings={"online_banking": True})

    np.testing.assert_array_equal(answer.before, model.predict(able).probability)
    np.testing.assert_array_equal(answer.after, model.predict(answer.features).probability)
    assert list(answer.features.columns) == [feature.name for feature in catalogue(CONFIG)]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Labelled snapshots of a simulated bank."""
    folder = tmp_path_factory.mktemp("simulated") / "bank"
    simulate_bank(folder, customers=2500, months=48, seed=5, truth=False)
    with open_bank(folder, n_threads=1) as bank:
        return list(bank.snapshots(horizon_days=365, most=3, with_evidence=False))


@pytest.fixture(scope="module")
def held(simulated):
    return train(dated(simulated, 365, CONFIG), Recipe(monotone=True)).model


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_model_held_monotone_never_expects_more_churn_of_a_bound_service(service, simulated, held):
    features = simulated[-1].features
    unbound = features[f"bound_{service}"] == 0
    able = features[unbound & (features[f"holds_{SERVICES[service].product}"] == 1)]
    assert len(able) > 10

    answer = predict_what_if(held, able, KNOWN, bindings={service: True})

    assert (answer.after <= answer.before).all()


def test_a_model_that_is_not_held_does(simulated):
    free = train(dated(simulated, 365, CONFIG)).model
    features = simulated[-1].features
    rises = []
    for name, service in SERVICES.items():
        able = features[(features[f"bound_{name}"] == 0) & (features[f"holds_{service.product}"] == 1)]
        answer = predict_what_if(free, able, KNOWN, bindings={name: True})
        rises.append((answer.after > answer.before).any())

    assert any(rises)
