import datetime as dt
import hashlib
import json
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn.errors import ModelError, OutputError
from churn.estimates import Estimate
from churn.evaluation.baselines import build_baselines
from churn.model.calibration import Calibration, CalibrationChoice, fit_intervals
from churn.model.documents import HeldOutFacts, Metrics, MonotoneFacts, Thresholds
from churn.model.fitted import FittedModel, model_id
from churn.model.schema import encode, learn_schema
from churn.model.storage import StoredModel, build_manifest, read_model, write_model
from churn.model.trees import TreeParameters, fit_trees
from documents import make_manifest

FILES = [
    *("MODEL_CARD.md", "baselines.json", "effects.json", "intervals.json"),
    *("manifest.json", "metrics.json", "model.json", "trees.txt"),
]
FEATURES = pd.DataFrame({"age": np.arange(60) % 37, "客户等级": ["金卡", "普卡", "白金卡"] * 20})


def _model(calibration):
    schema = learn_schema(FEATURES)
    y = (FEATURES["age"] > 18).to_numpy(dtype=np.int64)
    booster = fit_trees(encode(FEATURES, schema).matrix, y, TreeParameters(), rounds=8)
    return FittedModel(schema, booster, calibration, intervals=fit_intervals(FEATURES["age"] - 18.0, y))


@pytest.fixture(scope="module")
def stored():
    return StoredModel(
        model=_model(Calibration("beta", {"a": 0.7, "b": 1.1, "c": 0.1})),
        manifest=make_manifest(features=("age", "客户等级"), later="kept"),
        metrics=Metrics(roc_auc=Estimate(0.8, 0.7, 0.9), out_of_time=True),
        baselines=build_baselines([1] * 60, [0, 1, 1] * 20, [0.5] * 60, stated={}),
        card="# 模型\n",
    )


@pytest.fixture
def folder(tmp_path, stored):
    write_model(tmp_path / "model", stored)
    return tmp_path / "model"


def _sum_anew(folder):
    """Make the checksums fit whatever is there, as somebody who tampers would."""
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in FILES]
    (folder / "SHA256SUMS").write_text("".join(lines))


def test_a_model_read_back_predicts_the_same_bits(folder, stored):
    found, expected = read_model(folder).model.predict(FEATURES), stored.model.predict(FEATURES)

    np.testing.assert_array_equal(found.probability, expected.probability)
    np.testing.assert_array_equal(found.margin, expected.margin)
    np.testing.assert_array_equal(found.low, expected.low)
    np.testing.assert_array_equal(found.high, expected.high)


def test_documents_come_back_as_they_were(folder, stored):
    again = read_model(folder)

    assert again.metrics == stored.metrics
    assert again.baselines == stored.baselines
    assert again.card == stored.card
    assert again.model.schema == stored.model.schema
    assert again.model.calibration == stored.model.calibration
    assert again.model.parameters == stored.model.parameters
    kept = again.manifest.model_copy(update={"model_id": stored.manifest.model_id}).to_json()
    assert stored.manifest.to_json().items() <= kept.items()
    assert kept["later"] == "kept"


def test_model_is_shown_in_a_line(stored):
    shown = f"<StoredModel {model_id(stored.model)}: lightgbm, 365 days, held-out ROC-AUC 0.8000>"
    assert repr(stored) == shown
    assert "365 days>" in repr(StoredModel(stored.model, make_manifest()))


def test_the_folder_holds_these_files_and_nothing_else(folder):
    assert sorted(entry.name for entry in folder.iterdir()) == sorted([*FILES, "SHA256SUMS"])


def test_manifest_names_the_model_and_the_hash_of_every_other_file(folder, stored):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))

    assert manifest["model_id"] == model_id(stored.model)
    assert manifest["files"] == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES if name != "manifest.json"
    }


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum, of GNU coreutils")
def test_sha256sum_agrees(folder):
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]

    assert subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode == 0


def test_the_same_model_gives_the_same_bytes(tmp_path, folder, stored):
    write_model(tmp_path / "again", stored)
    write_model(tmp_path / "reread", read_model(folder))

    for name in [*FILES, "SHA256SUMS"]:
        expected = (folder / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == expected
        assert (tmp_path / "reread" / name).read_bytes() == expected


def test_another_calibration_gives_another_model_id(stored):
    assert model_id(_model(Calibration())) != model_id(stored.model)
    assert model_id(_model(stored.model.calibration)) == model_id(stored.model)


def test_intervals_are_no_part_of_the_model_id_but_of_the_hashes(tmp_path, stored):
    wider = replace(stored.model, intervals=stored.model.intervals.widened(0.5))
    hashes = []
    for name, model in (("as it was", stored.model), ("wider", wider)):
        write_model(tmp_path / name, replace(stored, model=model))
        manifest = read_model(tmp_path / name).manifest
        assert manifest.model_id == model_id(stored.model)
        hashes.append(manifest.files["intervals.json"])
    assert hashes[0] != hashes[1]


def test_a_model_without_intervals_has_a_folder_without_their_file(tmp_path, stored):
    write_model(tmp_path / "model", replace(stored, model=replace(stored.model, intervals=None)))

    assert sorted(entry.name for entry in (tmp_path / "model").iterdir()) == sorted(
        {*FILES, "SHA256SUMS"} - {"intervals.json"}
    )
    assert read_model(tmp_path / "model").model.intervals is None


def test_intervals_that_the_checksums_do_not_list_are_not_used(tmp_path, folder, stored):
    write_model(tmp_path / "without", replace(stored, model=replace(stored.model, intervals=None)))
    shutil.copy(folder / "intervals.json", tmp_path / "without")

    with pytest.raises(ModelError, match=r"does not list exactly the model's files \(see intervals\.json\)"):
        read_model(tmp_path / "without")


STEPS = {"thresholds": [0.0], "low": [0.1, 0.2], "high": [0.2, 0.3], "widening": 0.0}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "the document is not of this version"),
        ({}, "thresholds is not of this version"),
        (STEPS | {"low": [0.1]}, "does not hold intervals of this version"),
        (STEPS | {"high": [0.3, 0.2]}, "does not hold intervals of this version"),
        (STEPS | {"low": [0.1, 1.2]}, "does not hold intervals of this version"),
        (STEPS | {"widening": 1e9}, "does not hold intervals of this version"),
    ],
)
def test_intervals_of_another_form_are_refused(folder, document, says):
    (folder / "intervals.json").write_text(json.dumps(document))
    _sum_anew(folder)

    with pytest.raises(ModelError, match=rf"model/intervals\.json: {says}"):
        read_model(folder)


def test_an_earlier_model_is_replaced_and_a_folder_of_somebodys_own_is_not(folder, stored, tmp_path):
    write_model(folder, stored)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "letter.txt").write_text("keep")

    with pytest.raises(OutputError, match="holds other files"):
        write_model(tmp_path / "own", stored)

    assert (tmp_path / "own" / "letter.txt").read_text() == "keep"
    assert read_model(folder).card == stored.card


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0, 0.5, 1], ids=["first", "middle", "last"])
def test_one_byte_changed_is_found(folder, name, place):
    content = bytearray((folder / name).read_bytes())
    at = min(int(place * len(content)), len(content) - 1)
    content[at] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(ModelError, match=f"{name}: was changed or cut short after training"):
        read_model(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_found(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])

    with pytest.raises(ModelError, match=f"{name}: was changed or cut short"):
        read_model(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()

    with pytest.raises(ModelError, match=f"{name}: missing from the model folder; restore"):
        read_model(folder)


@pytest.mark.parametrize("name", ["model.pkl", ".hidden", "trees.txt.bak"])
def test_an_added_file_is_named(folder, name):
    (folder / name).write_text("")

    with pytest.raises(ModelError, match=f"{name}: does not belong in a model folder"):
        read_model(folder)


def test_an_added_file_that_the_checksums_list_is_named_all_the_same(folder):
    (folder / "extra").write_text("")
    with (folder / "SHA256SUMS").open("a") as sums:
        sums.write(f"{hashlib.sha256(b'').hexdigest()}  extra\n")

    with pytest.raises(ModelError, match="extra: does not belong"):
        read_model(folder)


def test_an_added_folder_is_named(folder):
    (folder / "more").mkdir()

    with pytest.raises(ModelError, match="more: does not belong"):
        read_model(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_link_is_refused_even_to_the_same_content(folder, tmp_path, name):
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ModelError, match=f"{name}: is a link or a folder"):
        read_model(folder)


def test_a_folder_in_a_files_place_is_refused(folder):
    (folder / "metrics.json").unlink()
    (folder / "metrics.json").mkdir()

    with pytest.raises(ModelError, match=r"metrics\.json: is a link or a folder"):
        read_model(folder)


def test_checksums_that_are_missing_or_a_link_are_refused(folder, tmp_path):
    (folder / "SHA256SUMS").rename(tmp_path / "sums")
    with pytest.raises(ModelError, match="SHA256SUMS: missing or not a plain file"):
        read_model(folder)

    (folder / "SHA256SUMS").symlink_to(tmp_path / "sums")
    with pytest.raises(ModelError, match="SHA256SUMS: missing or not a plain file"):
        read_model(folder)


ZEROS = "0" * 64


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a sum\n",
        f"{ZEROS}  ../trees.txt\n".encode(),
        f"{ZEROS}  trees.txt\n".encode() * 2,
        f"{ZEROS[1:]}  trees.txt\n".encode(),
        b"\xff\xfe\n",
    ],
    ids=["empty", "prose", "a path", "a file twice", "too short", "no text"],
)
def test_malformed_checksums_are_refused(folder, content):
    (folder / "SHA256SUMS").write_bytes(content)

    with pytest.raises(ModelError, match="SHA256SUMS: is not a list of SHA-256 sums"):
        read_model(folder)


def test_checksums_that_leave_a_file_out_are_refused(folder):
    lines = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    (folder / "SHA256SUMS").write_text("".join(line for line in lines if "trees.txt" not in line))

    with pytest.raises(ModelError, match=r"does not list exactly the model's files \(see trees\.txt\)"):
        read_model(folder)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.95])
def test_cut_trees_never_reach_lightgbm_even_with_checksums_made_anew(folder, share):
    text = (folder / "trees.txt").read_text()
    (folder / "trees.txt").write_text(text[: int(share * text.index("end of trees"))])
    _sum_anew(folder)

    with pytest.raises(ModelError, match=r"trees\.txt: is not a whole tree text"):
        read_model(folder)


def test_trees_with_a_part_taken_out_are_refused(folder):
    text = (folder / "trees.txt").read_text()
    start = text.index("Tree=3")
    (folder / "trees.txt").write_text(text[:start] + text[start + 40 :])
    _sum_anew(folder)

    with pytest.raises(ModelError, match="not as long as its head says"):
        read_model(folder)


@pytest.mark.parametrize("name", ["model.json", "manifest.json", "metrics.json", "baselines.json", "intervals.json"])
def test_a_document_that_is_no_json_is_named(folder, name):
    (folder / name).write_text("{")
    _sum_anew(folder)

    with pytest.raises(ModelError, match=f"{name}: is not JSON"):
        read_model(folder)


def test_a_folder_of_another_format_is_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))
    _sum_anew(folder)

    with pytest.raises(ModelError, match="format 2, this version reads 1"):
        read_model(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "format is not of this version"),
        ({"schema": None}, "schema is not of this version"),
        ({"schema": {"names": ["age"]}}, "schema.levels is not of this version"),
        ({"schema": {"names": ["age", "age"], "levels": {}}}, "schema is not of this version .*there twice"),
        ({"schema": {"names": ["age", "n"], "levels": {"tier": []}}}, "schema is not of this version .*their column"),
        ({"calibration": {"method": "platt", "parameters": {}}}, "calibration.method is not of this version"),
        ({"calibration": {"method": "sigmoid", "parameters": {"a": -1.0, "b": 0.0}}}, "out of the bounds of sigmoid"),
        (
            {"calibration": {"method": "beta", "parameters": {"a": 1.0, "b": 1e9, "c": 0.0}}},
            "out of the bounds of beta",
        ),
        (
            {"calibration": {"method": "isotonic", "parameters": {"x": [0.0, 1.0], "y": [0.5, 0.2]}}},
            "out of the bounds of isotonic",
        ),
        ({"parameters": {"depth": 3}}, "is not a model document"),
        ({"parameters": {"num_leaves": "8"}}, "is not a model document"),
        ({"later": 1}, "later is not of this version"),
    ],
)
def test_a_model_document_of_another_form_is_refused(folder, change, says):
    document = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(document | change))
    _sum_anew(folder)

    with pytest.raises(ModelError, match=rf"model\.json: .*{says}"):
        read_model(folder)


def test_a_schema_that_does_not_fit_the_trees_is_refused(folder):
    document = json.loads((folder / "model.json").read_text())
    document["schema"] = {"names": ["age"], "levels": {}}
    (folder / "model.json").write_text(json.dumps(document))
    _sum_anew(folder)

    with pytest.raises(ModelError, match="names 1 columns, the trees take 2"):
        read_model(folder)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("metrics.json", "[" * 100_000, "is not JSON"),
        ("effects.json", '{"as_of": null, "services": [], "later": NaN}', "is not JSON"),
        ("effects.json", '{"as_of": null, "services": [], "later": 1e999}', "is not JSON"),
        ("effects.json", '{"as_of": null, "services": [], "later": ' + "9" * 400 + "}", "is not JSON"),
        ("MODEL_CARD.md", b"\xff", "is not UTF-8"),
        ("baselines.json", " " * (16 * 2**20) + "[]", "is larger than 16 MB"),
    ],
    ids=["too deep", "NaN", "infinite", "400 digits", "no text", "too large"],
)
def test_a_file_that_cannot_be_read_in_bounded_memory_is_named(folder, name, content, says):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    _sum_anew(folder)

    with pytest.raises(ModelError, match=f"{name}: {says}"):
        read_model(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model_id": "0123456789abcdef"}, "model_id is not that of the other files"),
        ({"features": ["age"]}, "features is not that of the other files"),
        ({"learners": ["scorecard"]}, "learners is not that of the other files"),
        ({"files": {}}, "files is not that of the other files"),
        ({"thresholds": {"high": 0.1, "low": 0.2}}, "thresholds is not of this version .*low begins above high"),
        ({"horizon_days": 10**9}, "horizon_days is not of this version"),
        ({"snapshots": ["9999-12-31"]}, "snapshots.0 is not of this version"),
        ({"training_rows": -1}, "training_rows is not of this version"),
        ({"flat": {"x": 1}}, "flat.id is not of this version"),
    ],
)
def test_a_manifest_that_does_not_fit_the_model_is_refused(folder, change, says):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | change))
    _sum_anew(folder)

    with pytest.raises(ModelError, match=rf"manifest\.json: {says}"):
        read_model(folder)


def test_trees_that_could_not_be_read_again_are_not_written(tmp_path, stored, monkeypatch):
    monkeypatch.setattr("churn.model.tree_check.MOST_STEPS", 10)

    with pytest.raises(ModelError, match="too deep to be explained"):
        write_model(tmp_path / "model", stored)

    assert not (tmp_path / "model").exists()


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file"):
        with pytest.raises(ModelError, match="is not a model folder; give one written by churn train"):
            read_model(tmp_path / name)


def test_errors_are_one_line(folder):
    (folder / "trees.txt").write_text("")

    with pytest.raises(ModelError) as caught:
        read_model(folder)

    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def model():
    features = pd.DataFrame({"b": np.arange(60), "a": np.arange(60) % 7})
    schema = learn_schema(features)
    y = (features["b"] > 30).to_numpy(dtype=np.int64)
    return FittedModel(schema, fit_trees(encode(features, schema).matrix, y, TreeParameters(), rounds=3))


def _build(model, facts=None, monotone=None):
    held_out = HeldOutFacts(
        as_of=dt.date(2024, 4, 1), rows=50, churned=10, churn_rate=0.2, without_coverage=2, segments=(), failures=()
    )
    given = {
        "horizon_days": 90,
        "snapshots": [dt.date(2024, 1, 1), dt.date(2024, 4, 1)],
        "rounds": 3,
        "out_of_time": True,
        "seed": 4,
        "monotone": monotone,
    }
    choice = CalibrationChoice("none", {"none": 0.5})
    return build_manifest(model, np.array([0, 0, 0, 1]), choice, held_out, **(given | (facts or {})))


def test_facts_of_the_training_are_kept(model):
    manifest = _build(model).to_json()

    expected = {
        "model_id": model_id(model),
        "horizon_days": 90,
        "as_of": "2024-04-01",
        "snapshots": ["2024-01-01", "2024-04-01"],
        "out_of_time": True,
        "training_rows": 4,
        "training_churn_rate": 0.25,
        "calibration_method": "none",
        "rounds": 3,
        "seed": 4,
        "features": ["b", "a"],
        "held_out": {
            "as_of": "2024-04-01",
            "rows": 50,
            "churned": 10,
            "churn_rate": 0.2,
            "without_coverage": 2,
            "segments": [],
            "failures": [],
        },
    }
    assert expected.items() <= manifest.items()


def test_high_risk_is_twice_and_low_risk_half_the_held_out_churn_rate(model):
    assert _build(model).thresholds == Thresholds(high=0.4, low=0.1)


def test_versions_name_python_and_the_libraries(model):
    assert {"python", "churn", "lightgbm", "numpy", "pandas", "scikit-learn"} <= _build(model).versions.keys()


def test_the_callers_facts_are_kept_and_replace_nothing(model):
    flat = {"id": "CLIENTNUM", "label": "Attrition_Flag", "churned": "Attrited Customer"}
    manifest = _build(model, {"flat": flat, "training_rows": 1})

    assert manifest.flat == flat
    assert manifest.training_rows == 4


def test_the_manifest_is_json(model):
    manifest = _build(model).to_json()

    assert json.loads(json.dumps(manifest, allow_nan=False)) == manifest


def test_what_bindings_are_held_to_is_kept_only_where_they_are(model):
    facts = MonotoneFacts(falling=("b",), dropped=(), roc_auc=0.8, roc_auc_unconstrained=0.81)

    assert _build(model, monotone=facts).to_json()["monotone"] == facts.to_json()
    assert "monotone" not in _build(model).to_json()
