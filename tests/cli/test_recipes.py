import json

import numpy as np
import pytest

from churn.config import Config
from churn.features.catalogue import catalogue
from churn.model.recipe import recipe_of
from churn.model.storage import read_model
from churn.model.trees import TreeParameters, parameters_to_json

DATE = ("--as-of", "2023-06-01")


def test_what_parameters_were_tuned_on_is_kept_with_the_model(run, bank, tmp_path):
    path = tmp_path / "tuned.json"
    path.write_text(json.dumps({"parameters": {"num_leaves": 4}, "objective": {"splits": ["2023-04-04"]}}))
    words = ("--parameters", path, "--as-of", "2023-04-04")
    assert run("train", "--without-effects", bank, "-o", tmp_path / "model", *words).code == 0
    stored = read_model(tmp_path / "model")
    assert stored.manifest.tuned_on == ("2023-04-04",)
    assert recipe_of(stored.model, stored.manifest).tuned_on == ("2023-04-04",)


def test_training_takes_learner_parameters_and_what_to_leave_out(run, bank, tmp_path):
    tuned = tmp_path / "tuned.json"
    tuned.write_text(json.dumps({"parameters": parameters_to_json(TreeParameters(num_leaves=4))}))
    words = ("--learner", "scorecard+lightgbm", "--parameters", tuned, "--without", "contacts", "--seed", 5, *DATE)
    result = run("train", "--without-effects", bank, "-o", tmp_path / "model", *words)
    assert result.code == 0, result.err
    stored = read_model(tmp_path / "model")
    assert stored.model.learners == ("scorecard", "lightgbm")
    assert stored.model.parameters.num_leaves == 4
    contacts = {feature.name for feature in catalogue(Config()) if feature.family == "contacts"}
    assert contacts.isdisjoint(stored.manifest.features)
    assert stored.manifest.seed == 5
    assert stored.effects.services == ()
    assert "estimating what binding" not in result.err
    assert "Learner: scorecard + lightgbm" in stored.card


def test_model_of_any_learner_is_scored_with_reasons_that_are_its_own(run, bank, tmp_path):
    words = ("--learner", "histogram", *DATE)
    assert run("train", "--without-effects", bank, "-o", tmp_path / "model", *words).code == 0
    result = run(
        "score", bank, "--model", tmp_path / "model", "--as-of", "2025-01-01", "-o", tmp_path / "s.csv", "--explain"
    )
    assert result.code == 0, result.err
    header, first, *_ = (tmp_path / "s.csv").read_text().splitlines()
    assert "probability_low" in header
    assert first.count(",") >= header.count(",")


def test_leak_is_named_before_anything_is_fitted(run, tmp_path):
    path, config = tmp_path / "file.csv", tmp_path / "flat.toml"
    draw = np.random.default_rng(0).random(600)
    left = ["yes" if draw[n] < (n % 10) / 10 else "no" for n in range(600)]
    rows = [f"{n},{left[n]},{n % 10},{int(left[n] == 'yes')}" for n in range(600)]
    path.write_text("id,left,x,letter_sent\n" + "\n".join(rows), encoding="utf-8")
    config.write_text('[flat]\nid = "id"\nlabel = "left"\nchurned = "yes"\n', encoding="utf-8")
    result = run("train", path, "--config", config, "-o", tmp_path / "model")
    assert result.code == 0, result.err
    lines = result.err.splitlines()
    named = next(at for at, line in enumerate(lines) if "warning: letter_sent: alone it predicts" in line)
    assert named < lines.index("· choosing rounds and calibration, and judging, by five folds")
    assert not any("warning: x:" in line for line in lines)


def test_parameters_of_lightgbm_are_refused_where_they_have_no_use(run, bank, tmp_path):
    path = tmp_path / "tuned.json"
    path.write_text('{"parameters": {"num_leaves": 4}}')
    result = run("train", bank, "-o", tmp_path / "model", "--parameters", path, "--learner", "scorecard")
    assert result.code == 2
    assert "the parameters are lightgbm's, and scorecard has no use for them" in result.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--learner", "forest"), "'forest' is not a learner"),
        (("--learner", "scorecard", "--monotone"), "only lightgbm alone can be held monotone"),
        (("--without", "everything"), "--without everything: is neither a family"),
        (("--parameters", "nowhere.json"), "nowhere.json: cannot be read"),
    ],
)
def test_call_that_cannot_be_used_is_one_line(run, bank, tmp_path, words, says):
    result = run("train", "--without-effects", bank, "-o", tmp_path / "model", *DATE, *words)
    assert result.code == 2
    assert says in result.err
    assert not (tmp_path / "model").exists()
