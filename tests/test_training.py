import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.config import Config
from churn.errors import ConfigError, DataError, TimeRangeError
from churn.files import render_json
from churn.frame import Snapshot
from churn.model.fitted import model_id
from churn.model.recipe import Recipe
from churn.model.storage import read_model, write_model
from churn.model.trees import TreeParameters
from churn.threads import use_threads
from churn.training import train
from labelled import dated, undated

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
BANKCHURNERS = SHARED / "bankchurners" / "BankChurners.csv"
TELCO = SHARED / "telco" / "IBM_Telco-Customer-Churn.csv"
FIRST = dt.date(2022, 1, 1)


def _snapshot(as_of, n=400, seed=0, coverage=True):
    """n customers of whom those with few products and a low tier leave; the same ones on every date."""
    customers, day = np.random.default_rng(seed), np.random.default_rng([seed, as_of.toordinal() if as_of else 0])
    products = customers.integers(1, 8, n)
    tier = customers.choice(["gold", "ordinary"], n)
    features = pd.DataFrame({"n_products": products, "tier": tier, "noise": day.normal(size=n)})
    risk = 1.0 - 0.5 * products + np.where(tier == "gold", -1.0, 1.0)
    churned = (day.random(n) < 1 / (1 + np.exp(-risk))).astype(np.int64)
    ids = np.array([f"C{number:05d}" for number in range(n)], dtype=object)
    return Snapshot(as_of, ids, features, churned, products if coverage else None)


def _snapshots(days=(0, 91, 182, 273), n=400):
    return [_snapshot(FIRST + dt.timedelta(days=day), n) for day in days]


def _train(snapshots, *, recipe=None, on_step=lambda _: None, **given):
    return train(dated(snapshots, **given), recipe, on_step=on_step)


def _train_flat(snapshot, *, config=None, recipe=None):
    return train(undated(snapshot, config or Config()), recipe)


@pytest.fixture(scope="module")
def trained():
    return _train(_snapshots())


def test_the_last_snapshot_judges_a_model_of_those_complete_by_then(trained):
    assert trained.metrics.out_of_time is True
    assert trained.manifest.held_out.as_of == dt.date(2022, 10, 1)
    assert trained.manifest.held_out.rows == 400
    assert 0.7 < trained.metrics.roc_auc.value < 0.95


def test_the_stored_model_is_refitted_on_all_snapshots(trained):
    assert [str(date) for date in trained.manifest.snapshots] == [
        "2022-01-01",
        "2022-04-02",
        "2022-07-02",
        "2022-10-01",
    ]
    assert trained.manifest.training_rows == 1600


def test_every_metric_has_a_value_and_an_interval(trained):
    estimates = {name: estimate._asdict() for name, estimate in trained.metrics.estimates.items()}

    assert {
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier_score",
        "ece",
        "calibration_slope",
        "calibration_intercept",
        "top_decile_lift",
    } <= estimates.keys()
    for estimate in estimates.values():
        assert list(estimate) == ["value", "low", "high"]
        assert estimate["low"] < estimate["high"]


def test_metrics_do_not_see_the_held_out_outcomes():
    # outcomes of the last snapshot turned round: a model of earlier ones is then as wrong as it was right
    *earlier, last = _snapshots()
    turned = Snapshot(last.as_of, last.customer_id, last.features, 1 - last.churned, last.product_coverage)

    right = _train([*earlier, last]).metrics.roc_auc.value
    wrong = _train([*earlier, turned]).metrics.roc_auc.value

    assert right + wrong == pytest.approx(1)


def test_probabilities_of_the_stored_model_are_calibrated_on_the_last_snapshot(trained):
    last = _snapshots()[-1]

    probability = trained.model.predict(last.features).probability

    assert probability.mean() == pytest.approx(last.churned.mean(), abs=0.03)


def test_the_stored_model_is_recalibrated_even_where_no_method_was_chosen():
    # Seeds differ in what they choose; whatever it is, the refitted trees get a fitted map.
    chosen = {}
    for seed in range(4):
        manifest = _train(
            _snapshots(days=(0, 91)), recipe=Recipe(parameters=TreeParameters(max_rounds=60), seed=seed)
        ).manifest
        chosen[manifest.calibration_chosen] = manifest.calibration_method

    assert chosen.pop("none") == "sigmoid"
    assert all(method == chosen_method for chosen_method, method in chosen.items())


def test_risk_bands_are_multiples_of_the_held_out_churn_rate(trained):
    rate = _snapshots()[-1].churned.mean()

    assert trained.manifest.thresholds.to_json() == {"high": pytest.approx(2 * rate), "low": pytest.approx(rate / 2)}


def test_baselines_are_those_of_the_held_out_snapshot(trained):
    last = _snapshots()[-1]

    assert [row.n for row in trained.baselines] == [
        *[int(np.sum(last.product_coverage == n)) for n in (1, 2, 3, 4)],
        int(np.sum(last.product_coverage >= 5)),
    ]
    assert trained.baselines[0].observed == last.churned[last.product_coverage == 1].mean()


def test_the_banks_own_baselines_and_horizon_are_used():
    config = Config.model_validate({"baselines": {"stated": {"2": 0.5}}})

    baselines = _train(_snapshots(), config=config).baselines

    assert [row.stated for row in baselines] == [None, pytest.approx(1 - 0.5 ** (91 / 365)), None, None, None]


def test_same_seed_and_snapshots_give_the_same_documents_on_any_number_of_threads(trained, tmp_path):
    with use_threads(1):
        again = _train(list(reversed(_snapshots())))

    write_model(tmp_path / "first", trained)
    write_model(tmp_path / "second", again)

    for file in (tmp_path / "first").iterdir():
        assert (tmp_path / "second" / file.name).read_bytes() == file.read_bytes()


def test_another_seed_gives_another_model(trained):
    assert _train(_snapshots(), recipe=Recipe(seed=1)).manifest.model_id != trained.manifest.model_id


def test_what_is_stored_is_what_was_trained(trained, tmp_path):
    write_model(tmp_path / "model", trained)
    again = read_model(tmp_path / "model")
    features = _snapshots()[-1].features

    np.testing.assert_array_equal(
        again.model.predict(features).probability, trained.model.predict(features).probability
    )
    assert again.manifest.model_id == trained.manifest.model_id == model_id(trained.model)
    assert again.metrics == trained.metrics
    assert again.baselines == trained.baselines
    assert again.card == trained.card


def test_training_changes_no_snapshot():
    snapshots = _snapshots()
    before = [snapshot.features.copy() for snapshot in snapshots]

    _train(snapshots)

    for snapshot, features in zip(snapshots, before, strict=True):
        pd.testing.assert_frame_equal(snapshot.features, features)


def test_without_an_earlier_complete_label_metrics_say_so():
    trained = _train(_snapshots(), horizon_days=365)

    assert trained.metrics.out_of_time is False
    assert trained.manifest.out_of_time is False
    assert 60 < trained.manifest.held_out.rows < 140  # a quarter of 400
    assert trained.manifest.training_rows == 1600
    assert "NOT out of time" in trained.card


def test_one_snapshot_alone_is_split_by_customer():
    trained = _train(_snapshots(days=(0,)))

    assert trained.metrics.out_of_time is False
    assert trained.manifest.snapshots == (dt.date(2022, 1, 1),)
    assert trained.manifest.training_rows == 400


def test_an_embargo_moves_the_development_snapshots_back():
    # 182 days lie between the two: a horizon of 91 leaves room for an embargo of 91, not of 92
    def out_of_time(days):
        config = Config.model_validate({"training": {"embargo_days": days}})
        return _train(_snapshots(days=(0, 182)), config=config).metrics.out_of_time

    assert out_of_time(91) is True
    assert out_of_time(92) is False


def test_customers_known_by_heart_do_not_flatter_the_calibration():
    # outcomes are coin tosses, the same for a customer on every date, and one column tells the customers apart:
    # trees that have seen a customer on another date know the outcome, and only honest folds know nothing
    n = 400
    toss = np.random.default_rng(0).integers(0, 2, n)
    features = pd.DataFrame({"number": np.arange(n, dtype=np.float64)})
    ids = np.array([f"C{number}" for number in range(n)], dtype=object)
    snapshots = [Snapshot(FIRST + dt.timedelta(days=day), ids, features, toss, None) for day in (0, 91, 182)]

    trained = _train(
        snapshots, recipe=Recipe(parameters=TreeParameters(num_leaves=100, min_child=1, l2=0.0, learning_rate=0.3))
    )

    assert min(trained.manifest.calibration_log_losses.values()) > 0.65  # ln 2 = 0.693 knows nothing


def test_steps_are_told_in_order():
    steps = []

    _train(_snapshots(), on_step=steps.append)

    assert steps == [
        "looking for leaks",
        "choosing rounds and calibration",
        "judging on the held-out snapshot",
        "refitting on all snapshots",
    ]


def test_the_callers_facts_are_in_the_manifest():
    assert _train(_snapshots(), facts={"static": ["tier"]}).manifest.static == ("tier",)


def test_documents_are_json(trained):
    for document in (trained.manifest, trained.metrics, trained.baselines):
        assert json.loads(render_json(document.to_json())) == document.to_json()


@pytest.mark.parametrize(
    ("snapshots", "error", "message"),
    [
        ([], DataError, "no snapshot"),
        ([_snapshot(None)], TimeRangeError, "without a date"),
        (_snapshots(days=(0, 0)), TimeRangeError, "two snapshots of one date"),
        (_snapshots(days=(0,), n=49), DataError, "49 rows"),
    ],
    ids=["none", "no date", "one date twice", "too few rows"],
)
def test_snapshots_that_cannot_be_learnt_from_are_refused(snapshots, error, message):
    with pytest.raises(error, match=message):
        _train(snapshots)


@pytest.mark.parametrize("train", [_train, lambda snapshots: _train_flat(snapshots[0])])
@pytest.mark.parametrize(
    ("churned", "message"),
    [
        (None, "without outcomes"),
        (np.zeros(400, dtype=np.int64), "400 rows, 0 of them churned"),
        (np.repeat([1, 0], [9, 391]), "400 rows, 9 of them churned"),
    ],
    ids=["no outcomes", "one outcome", "nine churners"],
)
def test_outcomes_that_cannot_be_learnt_from_are_refused(train, churned, message):
    snapshot = _snapshot(FIRST)

    with pytest.raises(DataError, match=message):
        train([Snapshot(FIRST, snapshot.customer_id, snapshot.features, churned, None)])


def test_fifty_rows_with_ten_churners_train_on_snapshots_and_flat():
    churned = np.repeat([1, 0], [10, 40])
    features = pd.DataFrame({"x": np.arange(50.0)})
    ids = np.array([f"C{number:02d}" for number in range(50)], dtype=object)

    for trained in (
        _train([Snapshot(FIRST, ids, features, churned, None)]),
        _train_flat(Snapshot(None, ids, features, churned, None), config=Config()),
    ):
        probability = trained.model.predict(features).probability
        assert probability[:10].mean() > probability[10:].mean()


def test_a_flat_file_is_judged_out_of_fold_and_refitted_on_all_rows():
    trained = _train_flat(_snapshot(None), config=Config())

    assert trained.manifest.as_of is None
    assert trained.manifest.snapshots == ()
    assert trained.manifest.training_rows == trained.manifest.held_out.rows == 400
    assert trained.metrics.out_of_time is False
    assert 0.7 < trained.metrics.roc_auc.value < 0.95
    assert trained.metrics.roc_auc.low < trained.metrics.roc_auc.value < trained.metrics.roc_auc.high


def test_noise_alone_on_a_flat_file_ranks_no_better_than_chance():
    generator = np.random.default_rng(0)
    ids = np.arange(600).astype(str).astype(object)
    features = pd.DataFrame(generator.normal(size=(600, 5)), columns=list("abcde"))
    snapshot = Snapshot(None, ids, features, generator.integers(0, 2, 600), None)

    found = _train_flat(snapshot, config=Config()).metrics.roc_auc

    assert found.low < 0.55
    assert found.value < 0.57


def test_a_flat_file_without_coverage_has_empty_buckets():
    trained = _train_flat(_snapshot(None, coverage=False), config=Config())

    assert [row.n for row in trained.baselines] == [0] * 5
    assert trained.manifest.held_out.without_coverage == 400


def test_the_same_flat_file_gives_the_same_model():
    found = []
    for n in (1, 2):
        with use_threads(n):
            found.append(_train_flat(_snapshot(None)))
    first, again = found

    assert first.manifest == again.manifest
    assert first.metrics == again.metrics


@pytest.mark.skipif(
    not BANKCHURNERS.is_file(),
    reason='needs ../shared/data/bankchurners/BankChurners.csv: "Credit Card customers" on Kaggle',
)
def test_bankchurners_reaches_its_reference_auc():
    table = pd.read_csv(BANKCHURNERS)
    features = table.drop(columns=["CLIENTNUM", "Attrition_Flag", *table.filter(like="Naive_Bayes").columns])
    trained = _train_table(features, table["Attrition_Flag"] == "Attrited Customer", table["Total_Relationship_Count"])

    assert trained.metrics.roc_auc.value >= 0.9935
    assert trained.metrics.ece.value < 0.01
    assert [round(row.observed, 3) for row in trained.baselines[:4]] == [0.256, 0.278, 0.174, 0.118]


@pytest.mark.skipif(
    not TELCO.is_file(),
    reason="needs ../shared/data/telco/IBM_Telco-Customer-Churn.csv: IBM/telco-customer-churn-on-icp4d on GitHub",
)
def test_telco_reaches_its_reference_auc():
    table = pd.read_csv(TELCO)
    features = table.drop(columns=["customerID", "Churn"])
    features["TotalCharges"] = pd.to_numeric(features["TotalCharges"], errors="coerce")
    trained = _train_table(features, table["Churn"] == "Yes", None)

    assert trained.metrics.roc_auc.value >= 0.847
    assert trained.metrics.ece.value < 0.02


def _train_table(features, churned, coverage):
    ids = np.arange(len(features)).astype(str).astype(object)
    known = None if coverage is None else coverage.to_numpy()
    return _train_flat(Snapshot(None, ids, features, churned.to_numpy(dtype=np.int64), known), config=Config())


def _with_bindings(snapshot):
    """The service cts, bound at random and the more churn for it, against what the constraint allows."""
    bound = np.random.default_rng([3, len(snapshot.customer_id)]).random(len(snapshot.customer_id)) < 0.5
    churned = np.where(bound & (np.arange(len(bound)) % 3 == 0), 1, snapshot.churned)
    features = snapshot.features.assign(
        bound_cts=bound.astype(float), days_since_bound_cts=np.where(bound, 9.0, np.nan)
    )
    return replace(snapshot, features=features, churned=churned)


def test_bindings_can_only_lower_the_risk_where_asked_for():
    snapshots = [_with_bindings(snapshot) for snapshot in _snapshots()]
    free, held = _train(snapshots), _train(snapshots, recipe=Recipe(monotone=True))
    features = snapshots[-1].features

    def rise(model):
        unbound, bound = (features.assign(bound_cts=value) for value in (0.0, 1.0))
        return model.predict(bound).probability - model.predict(unbound).probability

    assert (rise(held.model) <= 0).all()
    assert (rise(free.model) > 0).any()
    assert held.model.schema.names == ("n_products", "tier", "noise", "bound_cts")
    assert held.manifest.monotone.to_json() == {
        "falling": ["bound_cts"],
        "dropped": ["days_since_bound_cts"],
        "roc_auc": held.metrics.roc_auc.value,
        "roc_auc_unconstrained": pytest.approx(free.metrics.roc_auc.value),
    }
    assert free.manifest.monotone is None


def test_a_flat_file_holds_the_bindings_its_configuration_names():
    flat = {"id": "id", "label": "left", "churned": "1", "bindings": ["app"]}
    config = Config.model_validate({"flat": flat})
    snapshot = _with_bindings(_snapshot(None))
    snapshot = replace(snapshot, features=snapshot.features.rename(columns={"bound_cts": "app"}))

    free, held = (_train_flat(snapshot, config=config, recipe=Recipe(monotone=monotone)) for monotone in (False, True))
    without, with_app = (held.model.predict(snapshot.features.assign(app=value)).probability for value in (0.0, 1.0))

    assert (with_app <= without).all()
    assert held.manifest.monotone.roc_auc == held.metrics.roc_auc.value
    assert held.manifest.monotone.roc_auc_unconstrained == pytest.approx(free.metrics.roc_auc.value)
    assert "days_since_bound_cts" in held.model.schema.names  # of a flat file no column is known to be more


def test_without_any_binding_there_is_nothing_to_hold():
    with pytest.raises(DataError, match="hold no binding"):
        _train(_snapshots(), recipe=Recipe(monotone=True))
    with pytest.raises(ConfigError, match="names no column"):
        _train_flat(_snapshot(None), config=Config(), recipe=Recipe(monotone=True))


def test_a_binding_told_in_texts_is_refused():
    config = Config.model_validate({"flat": {"id": "id", "label": "left", "churned": "1", "bindings": ["tier"]}})

    with pytest.raises(DataError, match="column tier holds strings"):
        _train_flat(_snapshot(None), config=config, recipe=Recipe(monotone=True))


def test_a_model_held_monotone_is_read_back_as_it_was(tmp_path):
    held = _train([_with_bindings(snapshot) for snapshot in _snapshots()], recipe=Recipe(monotone=True))
    write_model(tmp_path / "model", held)

    again = read_model(tmp_path / "model")

    assert again.model.parameters.monotone == (3,)
    assert again.manifest.monotone == held.manifest.monotone
