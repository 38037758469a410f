"""`churn baselines --anchor` and `churn train --anchor`, on tables and on a flat file."""

import datetime as dt
import io
import json
import shutil
from contextlib import redirect_stderr

import numpy as np
import pandas as pd
import pytest

from churn.config.modelling import STATED_ANNUAL_CHURN
from churn.data import open_bank
from churn.model.storage import read_model
from commands import call

AS_OF = "2024-12-31"  # the day after the data end: nobody's outcome is known


def _baselines(folder):
    return json.loads((folder / "baselines.json").read_text())


def _manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def _scores(run, bank, model, path, as_of=AS_OF):
    result = run("score", bank, "--model", model, "--as-of", as_of, "-o", path)
    assert result.code == 0, result.err
    return pd.read_parquet(path)


@pytest.fixture(scope="module")
def anchored(bank, model, tmp_path_factory):
    """The model anchored where no outcome is known; what was said lies beside it."""
    folder, err = tmp_path_factory.mktemp("anchored") / "model", io.StringIO()
    with redirect_stderr(err):
        call("baselines", bank, "--model", model, "--as-of", AS_OF, "--anchor", "-o", folder)
    (folder.parent / "err.txt").write_text(err.getvalue(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def both_scores(bank, model, anchored, tmp_path_factory):
    """Everybody's scores by the model before and after anchoring."""
    folder = tmp_path_factory.mktemp("both")
    paths = folder / "before.parquet", folder / "after.parquet"
    for one, path in zip((model, anchored), paths, strict=True):
        call("score", bank, "--model", one, "--as-of", AS_OF, "-o", path)
    return tuple(map(pd.read_parquet, paths))


def test_scores_of_the_anchored_model_have_the_stated_means(both_scores):
    before, after = both_scores

    means = {}
    for name, scores in (("before", before), ("after", after)):
        bucket = scores["product_coverage"].clip(upper=5).replace(5, "5+").astype(str)
        means[name] = scores.groupby(bucket)["churn_probability"].mean()
    for bucket, rate in STATED_ANNUAL_CHURN.items():
        assert abs(means["after"][bucket] - rate) < 0.001
        assert abs(means["before"][bucket] - rate) > 0.02  # else this says nothing


def test_the_order_of_customers_of_one_coverage_is_that_of_the_model_before(both_scores):
    before, after = both_scores

    assert before["customer_id"].equals(after["customer_id"])
    buckets = before.groupby(before["product_coverage"].clip(upper=5)).indices
    assert set(buckets) >= {1, 2, 3, 4, 5}
    for rows in buckets.values():
        ranks = [scores["churn_probability"].iloc[rows].rank(method="dense") for scores in (before, after)]
        np.testing.assert_array_equal(*ranks)


def test_the_folder_says_what_was_done(model, anchored):
    manifest, before = _manifest(anchored), _manifest(model)
    done = manifest["anchored"]

    assert manifest["model_id"] != before["model_id"]
    assert done["from_model"] == before["model_id"]
    assert (done["as_of"], done["labelled"]) == (AS_OF, 0)
    assert {file["table"] for file in done["inputs"]} >= {"customers", "holdings"}
    assert [row["basis"] for row in done["buckets"]] == ["stated", "between", "stated", "between", "stated"]
    assert [row["shift"] for row in done["buckets"]] == list(read_model(anchored).model.anchoring.shifts)
    assert manifest["snapshots"] == before["snapshots"]


def test_risk_bands_become_multiples_of_the_mean_anchored_rate(model, anchored):
    manifest = _manifest(anchored)
    done = manifest["anchored"]

    assert manifest["thresholds"]["high"] == pytest.approx(2 * done["mean_predicted"])
    assert manifest["thresholds"]["low"] == pytest.approx(done["mean_predicted"] / 2)
    assert done["thresholds_before"] == _manifest(model)["thresholds"]


def test_metrics_of_before_are_not_presented_as_the_anchored_models(model, anchored):
    metrics = json.loads((anchored / "metrics.json").read_text())

    assert metrics == json.loads((model / "metrics.json").read_text()) | {"before_anchoring": True}
    assert _manifest(anchored)["anchored"]["metrics_describe"] == "the model before anchoring"
    card = (anchored / "MODEL_CARD.md").read_text()
    assert card.index("**Before anchoring.**") < card.index("| ROC-AUC |")
    assert "not forced" not in card
    assert "before anchoring" not in (model / "MODEL_CARD.md").read_text().lower()


def test_where_no_outcome_is_known_baselines_show_none_and_predict_the_stated_rates(anchored):
    assert (anchored / "MODEL_CARD.md").read_text().count("| no outcome known yet |") == 3
    for row in _baselines(anchored):
        assert (row["observed"], row["observed_low"], row["observed_high"]) == (None, None, None)
        assert row["verdict"] in {"too_few", "not_stated"}
        assert row["n"] > 0
        if row["stated"] is not None:
            assert abs(row["predicted"] - row["stated"]) < 0.001


def test_without_outcomes_the_warning_is_of_those_that_judged_the_training(model, anchored):
    departing = [row for row in _baselines(model) if row["verdict"] == "departs"]
    assert departing

    said = (anchored.parent / "err.txt").read_text(encoding="utf-8")
    warnings = [line for line in said.splitlines() if line.startswith("warning: with")]
    evidence = _manifest(anchored)["anchored"]["evidence"]["buckets"]
    assert len(warnings) == sum(row["verdict"] == "departs" for row in evidence)
    assert {row["product_coverage"] for row in departing} == {
        row["product_coverage"] for row in evidence if row["verdict"] == "departs" and row["stated"] is not None
    }
    assert _manifest(model)["as_of"] in warnings[0]
    assert f"{100 * departing[0]['observed']:.1f}\u202f%" in warnings[0]
    assert "contradict what it was anchored to" in (anchored / "MODEL_CARD.md").read_text()


def test_outcomes_of_the_population_itself_are_preferred_and_not_used(run, bank, model, tmp_path):
    result = run("baselines", bank, "--model", model, "--as-of", "2023-10-05", "--anchor", "-o", tmp_path / "m")

    assert result.code == 0
    done = _manifest(tmp_path / "m")["anchored"]
    assert done["labelled"] == done["rows"]
    assert done["evidence"]["as_of"] == "2023-10-05"
    rows = {row["product_coverage"]: row for row in _baselines(tmp_path / "m")}
    assert rows[1]["observed"] is not None
    assert abs(rows[1]["predicted"] - 0.62) < 0.001


def test_rates_the_outcomes_do_not_contradict_give_no_warning(run, bank, model, tmp_path):
    observed = {str(row["product_coverage"]): row["observed"] for row in _baselines(model)}
    lines = [f'"{bucket}" = {rate}' for bucket, rate in observed.items()]
    config = tmp_path / "bank.toml"
    config.write_text("[baselines.stated]\n" + "\n".join(lines) + "\n")

    result = run(
        "baselines", bank, "--model", model, "--config", config, "--as-of", AS_OF, "--anchor", "-o", tmp_path / "m"
    )

    assert result.code == 0
    assert "warning: with" not in result.err
    card = (tmp_path / "m" / "MODEL_CARD.md").read_text()
    assert (
        "own outcomes contradict none of the rates it was anchored to; 5 of 5 could be held against enough of them"
        in card
    )
    assert [row["target"] for row in _manifest(tmp_path / "m")["anchored"]["buckets"]] == pytest.approx(
        list(observed.values())
    )


def test_outcomes_contradict_a_rate_between_stated_ones_too(run, bank, model, tmp_path):
    observed = {str(row["product_coverage"]): row["observed"] for row in _baselines(model)}
    config = tmp_path / "bank.toml"
    # On the line between 0.9 and 0.9 nobody of 2 products is.
    config.write_text('[baselines.stated]\n"1" = 0.9\n"3" = 0.9\n')
    assert observed["2"] < 0.8

    result = run(
        "baselines", bank, "--model", model, "--config", config, "--as-of", AS_OF, "--anchor", "-o", tmp_path / "m"
    )

    assert result.code == 0
    assert f"warning: with 2 products {100 * observed['2']:.1f}\u202f% left" in result.err
    assert "anchored to 90.0\u202f%; no rate is stated for it" in result.err


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """A file of 600 customers, its configuration, and the same with the coverage left out."""
    place, rng = tmp_path_factory.mktemp("flat"), np.random.default_rng(0)
    products = rng.integers(0, 7, 600)
    left = np.where(rng.random(600) < 0.3 / np.maximum(products, 1), "yes", "no")
    frame = pd.DataFrame(
        {"id": [f"{i:04d}" for i in range(600)], "products": products, "age": rng.integers(20, 80, 600), "left": left}
    )
    frame.to_csv(place / "flat.csv", index=False)
    text = '[flat]\nid = "id"\nlabel = "left"\nchurned = "yes"\n'
    (place / "flat.toml").write_text(text + 'coverage = "products"\n')
    (place / "without.toml").write_text(text)
    return place / "flat.csv", place / "flat.toml", place / "without.toml"


@pytest.fixture(scope="module")
def first(flat, tmp_path_factory):
    """A model of that file."""
    folder = tmp_path_factory.mktemp("flat-model") / "first"
    call("train", flat[0], "--config", flat[1], "-o", folder)
    return folder


def test_customers_whose_products_are_not_known_are_not_counted_as_anchored(run, flat, first, tmp_path):
    data = flat[0]
    frame = pd.read_csv(data, dtype=str)
    frame.loc[:49, "products"] = ""
    some = frame[frame["products"] != "3"]
    some.to_csv(tmp_path / "some.csv", index=False)
    n, known = len(some), int((pd.to_numeric(some["products"]) >= 1).sum())
    assert n - known >= 50

    result = run("baselines", tmp_path / "some.csv", "--model", first, "--anchor", "-o", tmp_path / "m")

    assert result.code == 0
    assert f"warning: {n - known} of {n} customers hold no product, or an unknown number" in result.err
    assert "warning: a rate is stated for 3 products, which nobody holds yet" in result.err
    assert f"on {known} customers of one flat file" in (tmp_path / "m" / "MODEL_CARD.md").read_text()


def test_an_anchoring_that_cannot_be_done_names_the_file(run, flat, first, tmp_path):
    data = flat[0]
    pd.read_csv(data, dtype=str).assign(products="0").to_csv(tmp_path / "none.csv", index=False)
    result = run("baselines", tmp_path / "none.csv", "--model", first, "--anchor", "-o", tmp_path / "m")
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith(f"error: {tmp_path / 'none.csv'}: anchoring: nobody holds")


def test_a_bucket_of_few_customers_is_warned_of(run, flat, first, tmp_path):
    data = flat[0]
    frame = pd.read_csv(data, dtype=str)
    few = frame[frame["products"].isin(["1", "3"]) | (frame.index < 40)]
    n = int((few["products"].astype(int) >= 5).sum())
    assert 0 < n < 30 < (few["products"] == "1").sum()
    few.to_csv(tmp_path / "few.csv", index=False)

    result = run("baselines", tmp_path / "few.csv", "--model", first, "--anchor", "-o", tmp_path / "m")

    assert result.code == 0
    assert f"warning: coverage 5+ is anchored on the mean of {n} customers alone" in result.err
    assert "coverage 1 is anchored" not in result.err


def test_anchoring_an_anchored_model_starts_from_what_was_calibrated(run, bank, model, anchored, tmp_path):
    result = run("baselines", bank, "--model", anchored, "--as-of", AS_OF, "--anchor", "-o", tmp_path / "again")

    assert result.code == 0
    for name in ("model.json", "manifest.json", "metrics.json", "baselines.json", "MODEL_CARD.md"):
        assert (tmp_path / "again" / name).read_bytes() == (anchored / name).read_bytes()


def test_baselines_of_an_anchored_model_are_worked_out_by_it_at_the_held_out_date(run, bank, model, anchored, tmp_path):
    result = run("baselines", bank, "--model", anchored, "--json")

    assert result.code == 0
    row = json.loads(result.out)[0]
    scores = _scores(run, bank, anchored, tmp_path / "s.parquet", _manifest(model)["as_of"])
    one = scores.loc[scores["product_coverage"] == 1, "churn_probability"]
    assert row["observed"] == _baselines(model)[0]["observed"]
    assert (row["n"], row["predicted"]) == (len(one), pytest.approx(one.mean()))
    assert row["predicted"] != pytest.approx(_baselines(model)[0]["predicted"], abs=0.01)


def test_output_and_anchor_belong_together(run, bank, model, tmp_path):
    for arguments, says in (
        (("--anchor",), "--anchor: give the model folder to write with -o"),
        (("-o", tmp_path / "m"), "-o: only --anchor writes a model"),
        (("--anchor", "-o", model), "-o: is the model itself"),
    ):
        result = run("baselines", bank, "--model", model, *arguments)
        assert result.code == 2
        assert result.err.startswith(f"error: {says}")
        assert result.err.count("\n") == 1
    assert not (tmp_path / "m").exists()


@pytest.fixture
def labelled_bank(bank, tmp_path):
    """The bank with labels of its own: all who left and a quarter of those who stayed, at one date."""
    with open_bank(bank) as tables:
        snapshot = tables.labelled(dt.date(2023, 10, 5), 365)
    kept = (snapshot.churned == 1) | (np.arange(len(snapshot.churned)) % 4 == 0)
    folder = tmp_path / "labelled"
    shutil.copytree(bank, folder)
    pd.DataFrame(
        {"customer_id": snapshot.customer_id[kept], "as_of": dt.date(2023, 10, 5), "churned": snapshot.churned[kept]}
    ).to_parquet(folder / "labels.parquet")
    with open_bank(folder) as tables:  # by labels of its own nobody has gone in silence
        everybody = sum(len(part.customer_id) for part in tables.partitions(dt.date(2023, 10, 5)))
    return folder, everybody, int(kept.sum())


def test_training_on_a_sample_rich_in_churners_anchors_on_everybody(run, labelled_bank, tmp_path):
    folder, everybody, labelled = labelled_bank
    assert labelled < everybody

    result = run("train", "--without-effects", folder, "-o", tmp_path / "m", "--anchor")

    assert result.code == 0, result.err
    assert "before anchoring" in " ".join(result.out.split())
    done = _manifest(tmp_path / "m")["anchored"]
    assert (done["rows"], done["labelled"]) == (everybody, labelled)
    scores = _scores(run, folder, tmp_path / "m", tmp_path / "s.parquet", "2023-10-05")
    one = scores["product_coverage"] == 1
    assert abs(scores.loc[one, "churn_probability"].mean() - 0.62) < 0.001


@pytest.mark.parametrize("how", ["train", "baselines", "baselines, no label"])
def test_a_flat_file_is_anchored_by_its_coverage_column(run, flat, first, tmp_path, how):
    data, config, _ = flat
    unlabelled = tmp_path / "new.csv"
    pd.read_csv(data, dtype=str).drop(columns="left").to_csv(unlabelled, index=False)
    m = tmp_path / "m"
    if how == "train":
        assert run("train", data, "--config", config, "-o", m, "--anchor").code == 0
    else:
        file = unlabelled if "no label" in how else data
        result = run("baselines", file, "--model", first, "--anchor", "-o", m)
        assert result.code == 0, result.err

    assert _manifest(m)["anchored"]["labelled"] == (0 if "no label" in how else 600)
    assert json.loads((m / "model.json").read_text())["anchoring"]["feature"] == "products"
    result = run("score", unlabelled, "--model", m, "-o", tmp_path / "s.parquet")
    assert result.code == 0, result.err
    scores = pd.read_parquet(tmp_path / "s.parquet")
    mean = scores.groupby(scores["product_coverage"].clip(upper=5))["churn_probability"].mean()
    assert [mean[1], mean[3], mean[5]] == pytest.approx([0.62, 0.42, 0.12], abs=0.001)
    assert mean[0] < 0.5  # no rate is stated for nobody's product


def test_a_flat_file_without_coverage_cannot_be_anchored(run, flat, tmp_path):
    data, _, without = flat
    result = run("train", data, "--config", without, "-o", tmp_path / "m", "--anchor")
    assert result.code == 2
    *_, line = result.err.splitlines()
    assert line.startswith("error: ")
    assert "product coverage is not known" in line

    assert run("train", data, "--config", without, "-o", tmp_path / "m").code == 0
    result = run("baselines", data, "--model", tmp_path / "m", "--anchor", "-o", tmp_path / "n")
    assert result.code == 2
    assert "product coverage is not known" in result.err
    assert not (tmp_path / "n").exists()
