import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn.config import Config
from churn.errors import DataError, TimeRangeError
from churn.evaluation.backtest import Judged, backtest
from churn.evaluation.comparison import compare_models
from churn.evaluation.metrics import roc_auc
from churn.frame import Snapshot
from churn.model.recipe import Recipe
from churn.model.trees import TreeParameters
from churn.training import train
from labelled import dated, undated

FIRST = dt.date(2022, 1, 1)
QUICK = Recipe(parameters=TreeParameters(max_rounds=40, patience=10))


def _snapshot(as_of, n=300, flipped=False):
    day = np.random.default_rng(as_of.toordinal() if as_of else 0)
    features = pd.DataFrame({"x": day.normal(size=n), "noise": day.normal(size=n)})
    risk = features["x"].to_numpy() * (-2 if flipped else 2)
    churned = (day.random(n) < 1 / (1 + np.exp(-risk))).astype(np.int64)
    ids = np.array([f"C{number:05d}" for number in range(n)], dtype=object)
    segments = pd.DataFrame({"half": np.where(np.arange(n) < n // 2, "first", "second")})
    return Snapshot(as_of, ids, features, churned, None, segments)


def _snapshots(*days):
    return [_snapshot(FIRST + dt.timedelta(days=day)) for day in days]


def _run(snapshots, recipes=None, *, config=None, **more):
    return backtest(dated(snapshots, config=config or Config()), recipes or {"a": QUICK}, **more)


def test_the_last_snapshots_with_something_to_learn_from_are_judged():
    judged = _run(_snapshots(0, 91, 182, 273, 364), n_judged=3).judged
    assert [str(date) for date in judged.snapshots()] == ["2022-07-02", "2022-10-01", "2022-12-31"]
    assert len(judged.churned) == 900
    assert list(judged.segments["half"].value_counts()) == [450, 450]


def test_fewer_snapshots_are_judged_where_the_history_is_short():
    judged = _run(_snapshots(0, 91, 182), n_judged=4).judged
    assert [str(date) for date in judged.snapshots()] == ["2022-04-02", "2022-07-02"]


def test_history_too_short_to_judge_anything_is_refused_with_what_to_do():
    with pytest.raises(TimeRangeError, match=r"no snapshot lies 91 days after another.*a shorter --horizon"):
        _run(_snapshots(0, 60))


def test_embargo_keeps_a_snapshot_that_ends_just_before_out():
    snapshots = _snapshots(0, 91, 182)
    config = Config.model_validate({"training": {"embargo_days": 30}})
    judged = _run(snapshots, config=config).judged
    assert [str(date) for date in judged.snapshots()] == ["2022-07-02"]


def test_no_model_sees_an_outcome_that_was_not_complete_at_its_date():
    """Outcomes of all but the earliest snapshot turned round: what the second is judged by stays."""
    snapshots = _snapshots(0, 60, 91, 182)
    turned = [snapshots[0], *(replace(one, churned=1 - one.churned) for one in snapshots[1:])]
    plain, other = (_run(given).judged for given in (snapshots, turned))
    second = plain.as_of == np.datetime64("2022-04-02")
    assert plain.predicted["a"][second].tolist() == other.predicted["a"][second].tolist()
    assert plain.predicted["a"][~second].tolist() != other.predicted["a"][~second].tolist()


def test_a_judged_snapshot_is_predicted_as_training_judges_its_last():
    snapshots = _snapshots(0, 91, 182)
    judged = _run(snapshots, n_judged=1).judged
    trained = train(dated(snapshots), QUICK)
    assert roc_auc(judged.churned, judged.predicted["a"]) == trained.metrics.roc_auc.value


def test_a_model_of_the_wrong_world_is_judged_as_wrong():
    old = [_snapshot(FIRST + dt.timedelta(days=day), flipped=True) for day in (0, 10)]
    judged = _run([*old, _snapshot(FIRST + dt.timedelta(days=200))], n_judged=1).judged
    assert roc_auc(judged.churned, judged.predicted["a"]) < 0.3


def test_recipes_are_judged_on_the_same_rows_each_with_its_time():
    recipes = {"all": QUICK, "noise": replace(QUICK, only=("noise",)), "card": Recipe(("scorecard",))}
    found = _run(_snapshots(0, 91, 182), recipes)
    auc = {name: roc_auc(found.judged.churned, found.judged.predicted[name]) for name in recipes}
    assert found.judged.models == ("all", "noise", "card")
    assert auc["all"] > 0.8
    assert auc["card"] > 0.8
    assert auc["noise"] < 0.6
    assert all(seconds > 0 for seconds in found.seconds.values())


def test_what_is_done_is_told():
    told = []
    _run(_snapshots(0, 91, 182), on_step=told.append)
    assert told == ["looking for leaks", "a: 2022-04-02", "a: 2022-07-02"]


def test_feature_that_knows_the_outcome_is_named_before_anything_is_fitted():
    leaky = [replace(one, features=one.features.assign(sent=one.churned)) for one in _snapshots(0, 91, 182)]
    told = []
    _run(leaky, on_step=told.append, on_leak=lambda leak: told.append(leak.feature))
    assert told[:2] == ["looking for leaks", "sent"]
    flat = []
    snapshot = _snapshot(None, n=600)
    leaky_flat = replace(snapshot, features=snapshot.features.assign(sent=snapshot.churned))
    found = backtest(undated(leaky_flat), {"a": QUICK}, on_leak=flat.append)
    assert [leak.feature for leak in flat] == ["sent"]
    assert list(found.leaks) == flat


def test_judged_snapshot_without_a_churner_is_judged_by_what_it_defines():
    snapshots = _snapshots(0, 91, 182)
    nobody = replace(snapshots[2], churned=np.zeros_like(snapshots[2].churned))
    found = _run([*snapshots[:2], nobody])
    comparison = compare_models(found.judged, n_boot=20)
    assert (comparison.n_snapshots, comparison.n_one_class) == (2, 1)
    assert comparison.models["a"]["roc_auc"].value > 0.7


def test_flat_file_is_judged_out_of_fold():
    snapshot = _snapshot(None, n=600)
    shuffled = replace(snapshot, churned=np.random.default_rng(1).permutation(snapshot.churned))
    found = backtest(undated(snapshot), {"a": QUICK, "card": Recipe(("scorecard",))})
    nothing = backtest(undated(shuffled), {"a": QUICK})
    assert found.judged.snapshots().keys() == {None}
    assert roc_auc(found.judged.churned, found.judged.predicted["a"]) > 0.8
    assert 0.4 < roc_auc(nothing.judged.churned, nothing.judged.predicted["a"]) < 0.6


def _judged(**changed):
    """Return three rows of two customers, with what is `changed`."""
    columns = {
        "as_of": np.array(["2024-07-01", "2024-01-01", "2024-07-01"], dtype="datetime64[D]"),
        "customer_id": np.array(["A", "A", "B"], dtype=object),
        "churned": np.array([1, 0, 0]),
        "predicted": {"new": np.array([0.5, 0.0, 1.0]), "old": np.array([0.4, 0.1, 0.2])},
        "segments": pd.DataFrame({"tier": ["vip", "vip", None]}),
    }
    return Judged(**(columns | changed))


def test_models_keep_the_order_in_which_they_were_given():
    assert _judged().models == ("new", "old")


def test_snapshots_are_in_the_order_of_time_and_hold_each_row_once():
    found = _judged().snapshots()

    assert list(found) == [dt.date(2024, 1, 1), dt.date(2024, 7, 1)]
    assert [rows.tolist() for rows in found.values()] == [[False, True, False], [True, False, True]]


def test_a_flat_file_is_one_snapshot_without_a_date():
    undated = np.full(3, np.datetime64("NaT", "D"))

    found = _judged(as_of=undated, customer_id=np.array(["A", "C", "B"], dtype=object)).snapshots()

    assert {as_of: rows.tolist() for as_of, rows in found.items()} == {None: [True, True, True]}


def test_rows_of_a_customer_have_the_same_number():
    assert _judged().customers.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"churned": np.array([0, 1])}, r"unequal lengths \(as_of 3, customer_id 3, churned 2, predicted of new 3"),
        ({"predicted": {"new": np.array([0.5])}}, "predicted of new 1"),
        ({"segments": pd.DataFrame({"tier": ["vip"]})}, "segments 1"),
        ({"predicted": {}}, "3 rows of 0 models"),
        ({"as_of": np.array([], dtype="datetime64[D]")}, "0 rows of 2 models"),
        ({"churned": np.array([0, 2, 3])}, "churned: 2 outcomes are neither 0 nor 1"),
        ({"predicted": {"new": np.array([0.5, 1.5, np.nan])}}, r"predicted of new: 2 predictions are not in \[0, 1\]"),
        ({"customer_id": np.array(["A", "A", "A"], dtype=object)}, "customer_id: 1 rows repeat a customer and date"),
        (
            {"as_of": np.array(["2024-07-01", "NaT", "2024-07-01"], dtype="datetime64[D]")},
            "as_of: 1 of 3 rows have no date",
        ),
        ({"as_of": np.full(3, np.datetime64("NaT", "D"))}, "customer_id: 1 rows repeat a customer and date"),
    ],
    ids=[
        "outcomes are missing",
        "predictions are missing",
        "segments are missing",
        "no model",
        "no row",
        "a wrong outcome",
        "wrong probabilities",
        "a customer twice",
        "a date is missing",
        "a customer twice in a flat file",
    ],
)
def test_rows_that_cannot_be_judged_are_refused(changed, message):
    with pytest.raises(DataError, match=message):
        _judged(**changed)
