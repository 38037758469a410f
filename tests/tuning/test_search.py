import json
from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics

from churn.errors import ConfigError
from churn.files import render_json
from churn.model.development import develop
from churn.model.split import Folds, KeptApart, OutOfTime, Split, stack
from churn.model.trees import TreeParameters, parameters_from_json, parameters_to_json
from churn.threads import use_threads
from churn.tuning.search import Gain, Tuned, conclude, judge, read_parameters, search, split_loss
from churn.tuning.study import Trial, distributions, open_study, read_trials, tuned_part
from tuning.conftest import DAYS_APART, snapshot, without_numbers


def test_the_defaults_come_first_and_the_best_is_never_worse(found, found_otherwise):
    for trials in (found, found_otherwise):
        assert trials[0].state == "complete"
        assert trials[0].parameters == pytest.approx(tuned_part(TreeParameters()))
        assert min(one.objective for one in trials if one.objective is not None) <= trials[0].objective


def test_an_objective_is_the_split_loss_of_models_made_before_each_date(apart, tried, recipe, snapshots):
    [defaults] = tried(apart, 1)
    expected = []
    for judged, learnt in ((2, snapshots[:1]), (3, snapshots[:2]), (4, snapshots[:3])):
        held_out = snapshots[judged]
        probability = develop(Split(stack(learnt), held_out, out_of_time=True), recipe).probability
        expected.append(sklearn.metrics.log_loss(held_out.churned, probability))
    assert defaults.losses == pytest.approx(expected, rel=1e-12)
    assert defaults.objective == pytest.approx(np.mean(expected), rel=1e-12)


def test_the_final_snapshot_changes_nothing_whatever_it_holds(snapshots, tried, found):
    last = snapshots[-1]
    other = snapshot(9, n=500, seed=5)
    changed = [
        replace(other, as_of=last.as_of),
        replace(last, churned=1 - last.churned),
        replace(last, features=last.features * 1e6),
    ]
    for one in changed:
        assert tried(OutOfTime(DAYS_APART).keep_apart([*snapshots[:-1], one]), 3) == found[:3]


def test_the_same_seed_tries_the_same_on_one_thread_and_two_and_another_tries_others(
    apart, tried, found, found_otherwise
):
    with use_threads(2):
        assert tried(apart, 13) == found[:13]
    pairs = zip(found[1:3], found_otherwise[1:3], strict=True)
    assert all(one.parameters != other.parameters for one, other in pairs)
    assert len({tuple(one.parameters.values()) for one in found}) == 16


def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(apart, recipe, found, tmp_path):
    path = tmp_path / "killed.db"
    for n_trials in (1, 4, 13):
        with open_study(path, "s", {}) as study:
            search(study, apart, recipe, n_trials=n_trials)
            study.ask(distributions())  # begun, and never ended
    with open_study(path, "s", {}) as study:
        trials = read_trials(study)
    assert sum(one.state == "failed" for one in trials) == 3
    assert without_numbers([one for one in trials if one.state != "failed"]) == without_numbers(found[:13])


def test_the_defaults_are_tried_again_where_they_were_killed(apart, recipe, tmp_path):
    with open_study(tmp_path / "o.db", "s", {}) as study:
        study.enqueue_trial(tuned_part(TreeParameters()))
        study.ask(distributions())
    with open_study(tmp_path / "o.db", "s", {}) as study:
        search(study, apart, recipe, n_trials=1)
        assert [one.state for one in read_trials(study)] == ["failed", "complete"]
        assert read_trials(study)[1].parameters == pytest.approx(tuned_part(TreeParameters()))


def test_what_is_given_up_was_worse_than_the_median_of_the_complete_after_as_many_splits(apart, found, found_otherwise):
    n_pruned = 0
    for trials in (found, found_otherwise):
        reference = np.array(trials[0].losses)

        def means(one, reference=reference):
            n = len(one.losses)
            return np.cumsum(np.array(one.losses) - reference[:n]) / np.arange(1, n + 1)

        for at, one in enumerate(trials):
            complete = [means(before) for before in trials[:at] if before.state == "complete"]
            worse = [
                len(complete) >= 5 and means(one)[:n].min() > np.median([before[n - 1] for before in complete])
                for n in range(1, min(len(one.losses), len(apart.splits) - 1) + 1)
            ]
            assert (one.state == "pruned") == worse[-1]
            assert not any(worse[:-1])
            n_pruned += one.state == "pruned"
    assert n_pruned > 4


def test_without_time_left_the_defaults_alone_are_tried(apart, tried):
    assert len(tried(apart, 5, seconds=0)) == 1


def test_trials_of_earlier_calls_count(apart, recipe, tmp_path):
    begun = []
    for n_trials in (2, 2, 3):
        with open_study(tmp_path / "o.db", "s", {}) as study:
            search(study, apart, recipe, n_trials=n_trials, on_step=begun.append)
    assert [line.split(":")[0] for line in begun] == ["trial 1 of 2", "trial 2 of 2", "trial 3 of 3"]


def test_a_trial_that_is_interrupted_is_failed_and_the_interruption_goes_on(apart, recipe, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with open_study(tmp_path / "o.db", "s", {}) as study:
        search(study, apart, recipe, n_trials=2)
        with monkeypatch.context() as patch:
            patch.setattr("churn.tuning.search.split_loss", interrupt)
            with pytest.raises(KeyboardInterrupt):
                search(study, apart, recipe, n_trials=5)
        assert [one.state for one in read_trials(study)] == ["complete", "complete", "failed"]


def test_a_flat_file_is_searched_by_its_folds(tried):
    apart = Folds().keep_apart([replace(snapshot(0, n=400), as_of=None)])
    [defaults] = tried(apart, 1)
    assert len(defaults.losses) == 5


def test_the_loss_of_a_split_does_not_depend_on_threads(apart, recipe):
    losses = []
    for n in (1, 2):
        with use_threads(n):
            losses.append(split_loss(apart.splits[0], recipe))
    assert losses[0] == losses[1]


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
