import json
from pathlib import Path

import pytest

from churn.errors import ModelError
from churn.estimates import Estimate
from churn.model.documents import Baselines, Effects, Manifest, Metrics
from documents import make_manifest

ROW = {
    "product_coverage": "5+", "n": 40, "stated": None, "observed": 0.6, "observed_low": 0.4, "observed_high": 0.7,
    "predicted": 0.61, "verdict": "not_stated",
}  # fmt: skip


def read(kind, document, name="document.json"):
    return kind.from_json(Path("models") / name, json.dumps(document))


def test_a_manifest_comes_back_with_every_key_in_its_order():
    manifest = make_manifest(learners=("scorecard",)).to_json()
    shuffled = {"of_a_later_version": [1, {"a": None}]} | dict(reversed(manifest.items()))
    del shuffled["calibration_chosen"]

    found = read(Manifest, shuffled)

    assert list(found.to_json().items()) == list(shuffled.items())
    assert found.calibration_chosen is None
    assert found.learners == ("scorecard",)


def test_what_is_added_to_a_manifest_stands_at_its_end():
    written = make_manifest(files={"trees.txt": "ab"}).to_json()

    found = read(Manifest, written).model_copy(update={"tuned_on": ("2024-01-01",), "files": {"trees.txt": "cd"}})

    assert list(found.to_json()) == [*written, "tuned_on"]
    assert found.to_json()["files"] == {"trees.txt": "cd"}


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"horizon_days": "365"}, "horizon_days"),
        ({"horizon_days": 36.5}, "horizon_days"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"snapshots": ["2024-01-01", "soon"]}, "snapshots.1"),
        ({"held_out": {"rows": 5}}, "held_out.as_of"),
        ({"thresholds": {"high": None, "low": 0.1}}, "thresholds.high"),
        ({"out_of_time": "yes"}, "out_of_time"),
        ({"files": ["trees.txt"]}, "files"),
    ],
)
def test_a_value_of_another_type_is_named_by_file_and_key(changed, key):
    with pytest.raises(ModelError) as error:
        read(Manifest, make_manifest().to_json() | changed, "manifest.json")

    assert str(error.value).startswith(f"models/manifest.json: {key} is not of this version (")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [Manifest, Metrics, Baselines, Effects])
def test_a_document_that_is_something_else_is_refused(kind):
    with pytest.raises(ModelError, match=r"document\.json: the document is not of this version"):
        read(kind, "a text")


def test_a_row_that_lacks_a_number_is_refused_with_its_place():
    with pytest.raises(ModelError, match=r"document\.json: 1\.predicted is not of this version"):
        read(Baselines, [ROW, {name: value for name, value in ROW.items() if name != "predicted"}])


def test_metrics_hold_what_was_computed_and_nothing_else():
    document = {"roc_auc": {"value": 0.8, "low": 0.7, "high": None}, "out_of_time": True}

    found = read(Metrics, document)

    assert found.to_json() == document
    assert found.estimates == {"roc_auc": Estimate(0.8, 0.7, None)}
    assert found.ece == Estimate(None, None, None)
    assert not found.before_anchoring


def test_metrics_and_baselines_are_tables():
    metrics = Metrics(roc_auc=Estimate(0.8, 0.7, None), ece=Estimate(0.01, 0.0, 0.02)).to_frame()
    baselines = read(Baselines, [ROW]).to_frame()

    assert list(metrics.index) == ["roc_auc", "ece"]
    assert metrics["low"].tolist() == [0.7, 0.0]
    assert metrics.isna().to_numpy().sum() == 1
    assert list(baselines) == list(ROW)
    assert baselines.to_dict("records") == [ROW]
    assert list(Baselines().to_frame()) == list(ROW)


def test_baselines_come_back_as_they_were():
    rows = [ROW, ROW | {"product_coverage": 1, "of_a_later_version": 3}]

    found = read(Baselines, rows)

    assert found.to_json() == rows
    assert [row.product_coverage for row in found] == ["5+", 1]
    assert found[0].observed_low == 0.4
