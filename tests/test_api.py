"""`import churn`: what it offers, that it costs nothing before it is used, and that it does what the commands do."""

import ast
import datetime as dt
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import churn
from churn.actions.plan.build import build_plan
from churn.actions.today import read_today
from churn.api import comparing
from churn.errors import ConfigError, DataError, MissingColumnError, ModelError, TimeRangeError
from churn.model.trees import TreeParameters
from churn.scores import read_scores
from churn.timeline import as_date
from commands import call
from other_bank import make_tables, write_tables


@pytest.fixture(scope="module")
def folder(commanded):
    return commanded / "bank"


@pytest.fixture(scope="module")
def bank(folder):
    with churn.open_bank(str(folder)) as opened:
        yield opened


@pytest.fixture(scope="module")
def snapshots(bank):
    return churn.build_snapshots(bank)


@pytest.fixture(scope="module")
def model(snapshots):
    return churn.train(snapshots)


@pytest.fixture(scope="module")
def flat(snapshots, tmp_path_factory):
    path = tmp_path_factory.mktemp("flat") / "customers.csv"
    latest = snapshots[-1]
    columns = ["product_coverage", "n_bound", "aum_cny", "bound_cts"]
    table = latest.features[columns].assign(card=latest.customer_id, left=latest.churned, tier=latest.segments["tier"])
    table.to_csv(path, index=False)
    config = churn.Config(
        flat={"id": "card", "label": "left", "churned": "1", "coverage": "product_coverage", "bindings": ["bound_cts"]}
    )
    return path, config


def test_the_public_names_are_sorted_and_each_is_there():
    assert churn.__all__ == sorted(churn.__all__)
    assert [name for name in churn.__all__ if not hasattr(churn, name)] == []
    assert set(churn.__all__) <= set(dir(churn))


def test_every_name_is_shown_to_type_checkers_where_it_is_defined():
    stub = ast.parse(Path(churn.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    places = {alias.asname: f"churn.{node.module}" for node in stub.body[1:] for alias in node.names}

    assert sorted(places) == churn.__all__
    assert {name: getattr(churn, name).__module__ for name in churn.__all__} == places


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="predict"):
        _ = churn.predict


def test_import_churn_loads_no_library_but_the_one_that_imports_at_first_use():
    code = "import sys; before = set(sys.modules); import churn; print(*set(sys.modules) - before)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()

    assert {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names == {"churn", "lazy_loader"}


def test_snapshots_say_what_they_are(snapshots):
    assert len(snapshots) == 8
    assert [one.as_of for one in snapshots] == sorted(one.as_of for one in snapshots)
    assert repr(snapshots).startswith("<Snapshots: 8, 2023-03-29 to 2025-01-01; ")
    assert snapshots.horizon_days == 365


def test_dates_may_be_texts_and_the_horizon_is_kept(bank):
    chosen = churn.build_snapshots(bank, ["2024-07-01", dt.date(2024, 1, 1), "2024-07-01"], horizon_days=90)

    assert [str(one.as_of) for one in chosen] == ["2024-01-01", "2024-07-01"]
    assert chosen.horizon_days == 90


def test_a_model_is_the_one_the_command_trains(model, commanded, tmp_path):
    churn.write_model(str(tmp_path / "model"), model)
    ours, theirs = churn.read_model(str(tmp_path / "model")), churn.read_model(commanded / "model")

    assert ours.manifest.model_id == theirs.manifest.model_id
    assert ours.manifest == theirs.manifest
    assert ours.metrics == theirs.metrics
    assert ours.baselines == theirs.baselines
    assert ours.effects == theirs.effects


def test_scores_are_those_of_the_score_file(bank, commanded):
    scores = churn.score(churn.read_model(commanded / "model"), bank, "2026-01-01", explain=True)

    pd.testing.assert_frame_equal(scores, pd.read_parquet(commanded / "s.parquet"))


def test_a_score_file_is_that_of_the_command(bank, commanded, tmp_path):
    model = churn.read_model(commanded / "model")
    manifest = churn.write_scores(tmp_path / "s.parquet", model, bank, "2026-01-01", explain=True)

    assert (tmp_path / "s.parquet").read_bytes() == (commanded / "s.parquet").read_bytes()
    theirs = json.loads((commanded / "s.manifest.json").read_text())
    assert {**manifest, "duration_seconds": 0} == {**theirs, "duration_seconds": 0}


def test_baselines_are_those_the_command_prints(bank, folder, commanded, capsys):
    call("baselines", folder, "--model", commanded / "model", "--json")
    found = churn.baselines(churn.read_model(commanded / "model"), bank)

    assert found.rows.to_json() == json.loads(capsys.readouterr().out)
    assert found.as_of == dt.date(2025, 1, 1)
    assert found.notes == []


def test_an_anchored_model_is_the_one_the_command_writes(bank, folder, commanded, tmp_path):
    there = ("--model", commanded / "model", "--as-of", "2026-01-01")
    call("baselines", folder, *there, "--anchor", "-o", tmp_path / "theirs")
    anchored = churn.anchor(churn.read_model(commanded / "model"), bank, "2026-01-01")
    churn.write_model(tmp_path / "ours", anchored)

    assert (tmp_path / "ours" / "SHA256SUMS").read_text() == (tmp_path / "theirs" / "SHA256SUMS").read_text()


def test_one_customer_is_explained_as_by_the_command(bank, folder, commanded, capsys):
    scores = pd.read_parquet(commanded / "s.parquet")
    who = scores["customer_id"][scores["next_binding"].notna()].iloc[0]
    there = ("--model", commanded / "model", "--as-of", "2026-01-01")
    call("explain", folder, *there, "--customer", who, "--json")
    found = churn.explain_customer(churn.read_model(commanded / "model"), bank, who, "2026-01-01")

    assert found.to_json() == json.loads(capsys.readouterr().out)
    assert found.next_step.binding == scores.set_index("customer_id")["next_binding"][who]
    assert found.base_rate + sum(found.points.values()) == pytest.approx(found.probability)


def test_the_bindings_are_those_of_bindings_json(bank, commanded):
    table = churn.explain_bindings(churn.read_model(commanded / "model"), bank, "2026-01-01")

    written = pd.DataFrame(json.loads((commanded / "explained" / "bindings.json").read_text()))
    assert list(table) == list(written)
    pd.testing.assert_frame_equal(table, written, check_dtype=False)


def test_effects_can_be_left_out_and_change_no_probability(snapshots, model):
    without = churn.train(snapshots, with_effects=False)

    assert without.effects.to_json() == {"as_of": None, "services": []}
    np.testing.assert_array_equal(
        without.model.predict(snapshots[-1].features).probability,
        model.model.predict(snapshots[-1].features).probability,
    )


def test_a_recipe_may_be_named(snapshots):
    assert churn.train(snapshots, "scorecard", with_effects=False).model.learners == ("scorecard",)


def test_a_leak_is_told_to_whoever_listens_and_else_logged(snapshots, caplog):
    spoilt = replace(
        snapshots,
        dated=tuple(replace(one, features=one.features.assign(form_sent=one.churned)) for one in snapshots),
    )
    few = churn.Recipe(parameters=TreeParameters(max_rounds=20))
    told = []

    churn.train(spoilt, few, with_effects=False, on_leak=told.append)
    assert [leak.feature for leak in told] == ["form_sent"]
    assert caplog.records == []
    churn.train(spoilt, few, with_effects=False)
    assert [record.getMessage() for record in caplog.records] == [churn.say(told[0].said, "en")]


def seen_by_backtest(monkeypatch, call):
    """Give the recipes that a comparison judges, without judging them."""
    found = {}

    def stop(_, recipes, **__):
        found.update(recipes)
        raise KeyboardInterrupt

    monkeypatch.setattr("churn.api.learning.backtest", stop)
    with pytest.raises(KeyboardInterrupt):
        call()
    return found


def test_recipes_are_compared_with_the_champion_whether_named_or_given(snapshots, model, monkeypatch):
    champion = comparing.Champion(7, model)
    given = {"small": churn.Recipe(("scorecard",))}

    for candidates in (given, ["scorecard"]):
        seen = seen_by_backtest(
            monkeypatch, lambda names=candidates: churn.compare(snapshots, names, champion=champion)
        )
        assert list(seen) == ["champion", *candidates]
        assert seen["champion"] == champion.recipe


def test_monotone_is_a_candidate_where_there_are_bindings(snapshots, monkeypatch):
    without = replace(snapshots, catalogue=tuple(one for one in snapshots.catalogue if one.role != "bound"))

    assert "monotone" in seen_by_backtest(monkeypatch, lambda: churn.compare(snapshots))
    assert "monotone" not in seen_by_backtest(monkeypatch, lambda: churn.compare(without))


def test_parameters_of_lightgbm_are_refused_for_others():
    with pytest.raises(ConfigError, match="the parameters are lightgbm's, and scorecard has no use for them"):
        churn.Recipe(("scorecard",), parameters=TreeParameters(num_leaves=4))


def test_snapshots_may_be_more_or_fewer(bank):
    few = churn.build_snapshots(bank, most=2, with_evidence=False)
    assert (len(few), few.evidence) == (2, None)


def test_a_backtest_takes_names_or_recipes_and_can_be_compared(snapshots):
    named = churn.backtest(snapshots, ["scorecard"], n_judged=2)
    given = churn.backtest(snapshots, {"mine": churn.Recipe(learners=("scorecard",))}, n_judged=2)

    np.testing.assert_array_equal(named.judged.predicted["scorecard"], given.judged.predicted["mine"])
    assert list(named.judged.snapshots()) == [one.as_of for one in snapshots][-2:]
    comparison = churn.compare_models(named.judged, n_boot=20)
    assert comparison.models["scorecard"]["roc_auc"].value > 0.6


def test_a_flat_file_goes_the_whole_way(flat, tmp_path):
    path, config = flat
    with churn.open_file(str(path), config) as file:
        rows = churn.build_snapshots(file)
        model = churn.train(rows)
        bindings = churn.explain_bindings(model, file)
        judged = churn.backtest(rows, ["scorecard", "lightgbm"]).judged
    call("train", path, "--config", _toml(tmp_path), "-o", tmp_path / "model")
    theirs = churn.read_model(tmp_path / "model")

    assert repr(rows).startswith("<Snapshots: 1, no date; ")
    assert judged.models == ("scorecard", "lightgbm")
    assert bindings["service"].tolist() == ["bound_cts"]
    assert model.metrics == theirs.metrics
    assert model.effects == theirs.effects
    call("score", path, "--model", tmp_path / "model", "-o", tmp_path / "s.parquet")
    with churn.open_file(path, model=theirs) as file:
        pd.testing.assert_frame_equal(churn.score(theirs, file), pd.read_parquet(tmp_path / "s.parquet"))


def test_a_file_to_be_scored_needs_no_label_and_its_unseen_categories_are_logged(flat, tmp_path, caplog):
    path, config = flat
    with churn.open_file(path, config) as file:
        model = churn.train(churn.build_snapshots(file), with_effects=False)
    new = pd.read_csv(path).drop(columns="left").assign(tier="jade")[::-1]
    new.to_csv(tmp_path / "new.csv", index=False)

    with churn.open_file(tmp_path / "new.csv", model=model) as file:
        scores = churn.score(model, file)
        with pytest.raises(DataError, match="without the label left"):
            churn.explain_bindings(model, file)

    assert scores["customer_id"].tolist() == sorted(new["card"])
    assert caplog.records[-1].getMessage() == (
        f"categories that fewer than 5 customers of the training had count as missing: tier: {len(new)}"
    )


def test_a_bank_without_bindings_is_trained_on_and_cannot_be_explained(tmp_path):
    tables = make_tables(1500, seed=3)
    del tables["bindings"]
    with churn.open_bank(write_tables(tables, tmp_path / "bank", "parquet")) as bank:
        snapshots = churn.build_snapshots(bank, ["2023-06-01", "2024-01-01"], horizon_days=180)
        model = churn.train(snapshots)
        with pytest.raises(DataError, match="table bindings is missing"):
            churn.explain_bindings(model, bank, snapshots[-1].as_of)

    assert snapshots.evidence is None
    assert model.effects.services == ()
    assert model.manifest.horizon_days == 180


@pytest.mark.parametrize("value", ["2026-13-01", "01.02.2026", "yesterday"])
def test_a_text_that_is_no_date_is_refused(value, bank, model):
    with pytest.raises(TimeRangeError, match="is not a date; write it as 2026-01-31"):
        churn.score(model, bank, value)


def test_a_moment_is_its_day():
    assert as_date(pd.Timestamp("2026-01-01 13:00")) == dt.date(2026, 1, 1)
    assert type(as_date(pd.Timestamp("2026-01-01"))) is dt.date


def test_calls_that_cannot_be_meant_are_refused_in_one_line(bank, model, flat, snapshots):
    path, config = flat
    with churn.open_file(path, config) as file:
        file_model = churn.train(churn.build_snapshots(file), with_effects=False)
        refused = [
            (lambda: churn.score(model, bank), TimeRangeError, "as-of is missing"),
            (lambda: churn.score(model, bank, "2030-01-01"), TimeRangeError, "more than 31 days after the data end"),
            (lambda: churn.score(file_model, bank, "2026-01-01"), DataError, "trained on a flat file"),
            (lambda: churn.score(file_model, file, "2026-01-01"), TimeRangeError, "a flat file has no time"),
            (lambda: churn.score(model, file), ModelError, "missing"),
            (lambda: churn.build_snapshots(file, ["2025-01-01"]), TimeRangeError, "a flat file has no time"),
            (lambda: churn.build_snapshots(bank, ["2025-07-01"]), TimeRangeError, "the last that fits is 2025-01-01"),
            (lambda: churn.train(snapshots, "oracle"), ModelError, "oracle"),
            (lambda: churn.backtest(snapshots, ["oracle"]), ModelError, "oracle"),
        ]
        for refuse, error, words in refused:
            with pytest.raises(error, match=words) as caught:
                refuse()
            assert isinstance(caught.value, churn.ChurnError)
            assert "\n" not in str(caught.value)


def test_a_file_that_nothing_describes_and_one_without_a_column_are_refused(flat, tmp_path):
    path, config = flat
    with pytest.raises(ConfigError, match="describe it in the section flat"), churn.open_file(path):
        pass
    pd.read_csv(path).drop(columns="left").to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(MissingColumnError, match="left"), churn.open_file(tmp_path / "short.csv", config):
        pass


def test_a_configuration_may_be_named_by_a_text(tmp_path):
    assert churn.read_config(str(_toml(tmp_path))).flat.id == "card"
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        churn.read_config("nowhere.toml")


def _toml(folder):
    path = folder / "flat.toml"
    path.write_text(
        '[flat]\nid = "card"\nlabel = "left"\nchurned = "1"\ncoverage = "product_coverage"\nbindings = ["bound_cts"]\n',
        encoding="utf-8",
    )
    return path


def test_a_day_planned_from_python_is_that_of_the_command(tmp_path):
    churn.simulate_bank(tmp_path / "bank", customers=300, months=24, truth=False)
    with churn.open_bank(tmp_path / "bank") as bank:
        day = dt.date(2025, 12, 1)
        people = read_today(bank, None, day, bank.config).customers
        scores = pd.DataFrame({"customer_id": people["customer_id"], "churn_probability": 0.5, "as_of": "2025-12-01"})
        scores.to_csv(tmp_path / "scores.csv", index=False)
        by_command = build_plan(read_today(bank, read_scores(tmp_path / "scores.csv"), day, bank.config))
        pd.testing.assert_frame_equal(churn.plan_day(bank, scores, "2025-12-01").rows, by_command.rows)
        with pytest.raises(churn.ChurnError, match="scores: column churn_probability is missing"):
            churn.plan_day(bank, scores[["customer_id", "as_of"]], "2025-12-01")
