import json
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from churn.files import hash_file

AS_OF = "2025-01-01"


@pytest.fixture(scope="module")
def scored(bank, model, tmp_path_factory):
    from churn.cli.main import main

    out = tmp_path_factory.mktemp("scores") / "scores.parquet"
    with pytest.raises(SystemExit):
        main(["score", str(bank), "--model", str(model), "--as-of", AS_OF, "-o", str(out)])
    return out


def test_one_row_for_everyone_in_the_population_sorted_by_id(scored, bank):
    customers = pd.read_parquet(bank / "customers.parquet")
    holdings = pd.read_parquet(bank / "holdings.parquet")
    open_now = holdings[(holdings["opened_on"] < AS_OF) & ~(holdings["closed_on"] < AS_OF)]
    here = customers[(customers["opened_on"] < AS_OF) & ~(customers["closed_on"] < AS_OF)]
    expected = sorted(set(here["customer_id"]) & set(open_now["customer_id"]))
    assert pd.read_parquet(scored)["customer_id"].tolist() == expected


def test_bands_follow_the_thresholds_of_the_model(scored, model):
    thresholds = json.loads((model / "manifest.json").read_text())["thresholds"]
    scores = pd.read_parquet(scored)
    probability = scores["churn_probability"]
    assert probability.between(0, 1).all()
    assert ((probability >= thresholds["high"]) == (scores["risk_band"] == "high")).all()
    assert ((probability < thresholds["low"]) == (scores["risk_band"] == "low")).all()
    assert scores["risk_band"].nunique() >= 2


def test_reasons_are_features_of_the_model_and_differ(scored, model):
    names = set(json.loads((model / "manifest.json").read_text())["features"])
    scores = pd.read_parquet(scored)
    given = scores[["reason_1", "reason_2", "reason_3"]]
    assert set(given.to_numpy().ravel()) - {None} <= names
    complete = given.dropna()
    assert len(complete) > 0
    assert (complete.nunique(axis=1) == 3).all()
    # Later reasons are there only where the earlier ones are.
    assert not (given["reason_1"].isna() & given["reason_2"].notna()).any()


def test_the_manifest_says_what_was_scored_with_which_model(scored, bank, model):
    manifest = json.loads(scored.with_suffix(".manifest.json").read_text())
    n_customers = len(pd.read_parquet(bank / "customers.parquet"))
    assert manifest["rows_scored"] == len(pd.read_parquet(scored))
    assert manifest["rows_scored"] + manifest["outside_population"] == n_customers
    assert manifest["model_id"] == json.loads((model / "manifest.json").read_text())["model_id"]
    assert {entry["sha256"] for entry in manifest["inputs"]} == {hash_file(path) for path in bank.iterdir()}
    assert manifest["as_of"] == AS_OF
    assert manifest["quarantined"] == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_bytes_on_any_number_of_threads(run, bank, model, scored, tmp_path, threads):
    out = tmp_path / "scores.parquet"
    assert run("score", bank, "--model", model, "--as-of", AS_OF, "-o", out, "--threads", threads).code == 0
    assert out.read_bytes() == scored.read_bytes()


def test_partitions_change_no_score(run, bank, model, scored, tmp_path, monkeypatch):
    monkeypatch.setattr("churn.frame.PARTITION_SIZE", 100)
    out = tmp_path / "scores.parquet"
    assert run("score", bank, "--model", model, "--as-of", AS_OF, "-o", out).code == 0
    assert pq.ParquetFile(out).num_row_groups > 5
    pd.testing.assert_frame_equal(pd.read_parquet(out), pd.read_parquet(scored), check_exact=True)


def test_csv_scores_say_the_same_as_parquet_scores(run, bank, model, scored, tmp_path):
    out = tmp_path / "scores.csv"
    assert run("score", bank, "--model", model, "--as-of", AS_OF, "-o", out).code == 0
    csv = pd.read_csv(out)
    np.testing.assert_array_equal(csv["churn_probability"], pd.read_parquet(scored)["churn_probability"])


def test_what_happens_after_the_date_changes_no_score(run, bank, model, tmp_path):
    folder = shutil.copytree(bank, tmp_path / "bank")
    for name, column in {"transactions": "transacted_on", "contacts": "contacted_on", "pnl": "month"}.items():
        table = pd.read_parquet(folder / f"{name}.parquet")
        table[table[column] < "2024-07-01"].to_parquet(folder / f"{name}.parquet")
    outs = [tmp_path / "all.parquet", tmp_path / "cut.parquet"]
    for data, out in zip((bank, folder), outs, strict=True):
        assert run("score", data, "--model", model, "--as-of", "2024-07-01", "-o", out).code == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_static_columns_of_a_model_are_named_in_its_card_and_asked_for_again(run, bank, tmp_path):
    config = tmp_path / "bank.toml"
    config.write_text('[customers]\nstatic = ["tier"]\n')
    assert run("train", bank, "-o", tmp_path / "m", "--as-of", "2023-06-01", "--config", config).code == 0
    assert "tier" in (tmp_path / "m" / "MODEL_CARD.md").read_text().split("## Limits")[1]
    out = tmp_path / "s.parquet"
    result = run("score", bank, "--model", tmp_path / "m", "--as-of", AS_OF, "-o", out)
    assert result.code == 2
    assert "static = ['tier']" in result.err
    assert run("score", bank, "--model", tmp_path / "m", "--as-of", AS_OF, "-o", out, "--config", config).code == 0
