import json

import pytest
import sklearn.metrics

from churn.errors import ConfigError
from churn.files import render_json
from churn.model.development import develop
from churn.model.split import KeptApart, OutOfTime
from churn.model.trees import TreeParameters, parameters_from_json, parameters_to_json
from churn.tuning.study import Trial, tuned_part
from churn.tuning.verdict import Gain, Tuned, conclude, judge, read_parameters
from tuning.conftest import DAYS_APART, snapshot

STUMP = TreeParameters(learning_rate=0.02, num_leaves=2, min_child=300, max_rounds=1)


@pytest.fixture
def large():
    """Enough customers for a difference to be seen."""
    return OutOfTime(DAYS_APART).keep_apart([snapshot(number, n=1500) for number in (0, 2, 4)])


def trial(number, objective, **parameters):
    return Trial(number, "complete", objective, (objective,), tuned_part(TreeParameters(**parameters)))


def concluded(best, low, high):
    gains = (
        Gain("log_loss", 0.5, 0.49, gain=0.01, low=low, high=high),
        Gain("roc_auc", 0.8, 0.9, gain=0.1, low=0.05, high=0.15, p_value=0.01),
    )
    return Tuned(
        trials=(trial(0, 0.5),),
        defaults=trial(0, 0.5),
        best=best,
        parameters=TreeParameters(),
        gains=gains,
        apart=KeptApart([], [], None),
        study={},
    )


def test_worse_parameters_lose_and_the_other_way_round_they_gain_as_much(large, recipe):
    lost = judge(large, recipe, STUMP)
    won = judge(large, type(recipe)(parameters=STUMP), recipe.parameters)
    assert [gain.metric for gain in lost] == ["log_loss", "roc_auc"]
    for there, back in zip(lost, won, strict=True):
        assert there.high < 0 < back.low
        assert there[1:3] == back[2:0:-1]
        assert (there.gain, there.low, there.high) == pytest.approx((-back.gain, -back.high, -back.low), abs=1e-15)


def test_values_are_those_of_models_made_before_the_final_date(large, recipe):
    loss, area = judge(large, recipe, STUMP)
    held_out, probability = large.final.held_out, develop(large.final, recipe).probability
    assert loss.defaults == pytest.approx(sklearn.metrics.log_loss(held_out.churned, probability), rel=1e-12)
    assert area.defaults == pytest.approx(sklearn.metrics.roc_auc_score(held_out.churned, probability), rel=1e-12)
    assert loss.gain == pytest.approx(loss.defaults - loss.tuned)
    assert area.gain == pytest.approx(area.tuned - area.defaults)


def test_the_same_parameters_gain_nothing(apart, recipe):
    for gain in judge(apart, recipe, recipe.parameters):
        assert (gain.gain, gain.low, gain.high, gain.p_value) == (0, 0, 0, 1)
        assert str(gain.gain) == "0.0"


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.001, 0.02, "helped"),
        (-0.001, 0.02, "not beyond noise"),
        (0.0, 0.02, "not beyond noise"),
        (-0.02, -0.001, "harmed"),
        (None, None, "not beyond noise"),
    ],
)
def test_the_interval_of_the_log_loss_decides(low, high, word):
    assert concluded(trial(3, 0.4, num_leaves=5), low, high).word == word


def test_where_the_defaults_were_best_there_is_nothing_to_say():
    assert concluded(trial(0, 0.5), 0.0, 0.0).word == "same parameters"


def test_the_best_complete_trial_is_judged_and_written(apart, recipe):
    trials = [trial(0, 0.5), trial(1, 0.45, num_leaves=4), Trial(2, "pruned", None, (0.1,), {}), trial(3, 0.46)]
    tuned = conclude(trials, apart, recipe, {"name": "s"})
    assert tuned.best.number == 1
    assert tuned.parameters == TreeParameters(num_leaves=4, max_rounds=40, patience=5)
    assert (tuned.count("complete"), tuned.count("pruned"), tuned.count("failed")) == (3, 1, 0)

    document = json.loads(render_json(tuned.document()))
    assert parameters_from_json(document["parameters"]) == tuned.parameters
    assert document["objective"]["splits"] == list(apart.names)
    assert (document["objective"]["defaults"], document["objective"]["tuned"]) == (0.5, 0.45)
    assert document["final"]["as_of"] == str(apart.final.held_out.as_of)
    assert [one["state"] for one in document["trials"]] == ["complete", "complete", "pruned", "complete"]


def test_parameters_are_read_as_they_were_written(tmp_path):
    path, parameters = tmp_path / "tuned.json", TreeParameters(num_leaves=5, l2=0.5)
    document = {"parameters": parameters_to_json(parameters), "objective": {"splits": ["2024-01-03", "2024-04-03"]}}
    path.write_text(json.dumps(document))
    found = read_parameters(path)
    assert (found.parameters, found.tuned_on) == (parameters, ("2024-01-03", "2024-04-03"))


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        '{"parameters": {"depth": 3}}',
        '{"parameters": {"num_leaves": 1}}',
        '{"parameters": {"learning_rate": "fast"}}',
        '{"parameters": {"subsample": 0}}',
        '{"parameters": {"l2": -1}}',
    ],
)
def test_file_that_holds_no_parameters_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "tuned.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"tuned\.json: holds no parameters; give a file from churn tune"):
        read_parameters(path)
