import datetime as dt
import json

import pandas as pd

from churn.model.storage import read_model
from cli.conftest import MODEL_DATES


def test_the_model_folder_holds_what_the_contract_names(model):
    manifest = json.loads((model / "manifest.json").read_text())
    assert manifest["snapshots"] == ["2022-04-05", "2022-10-04", "2024-01-02"]
    assert manifest["horizon_days"] == 365
    names = ("MODEL_CARD.md", "baselines.json", "effects.json", "intervals.json", "metrics.json", "model.json")
    others = {*names, "trees.txt"}
    assert set(manifest["files"]) == others
    assert {row["table"] for row in manifest["inputs"]} >= {"customers", "holdings", "pnl"}
    metrics = json.loads((model / "metrics.json").read_text())
    for name in (
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier_score",
        "ece",
        "calibration_slope",
        "calibration_intercept",
        "top_decile_lift",
    ):
        assert set(metrics[name]) == {"value", "low", "high"}, name
        assert metrics[name]["low"] <= metrics[name]["value"] <= metrics[name]["high"], name
    baselines = json.loads((model / "baselines.json").read_text())
    assert [bucket["product_coverage"] for bucket in baselines] == [1, 2, 3, 4, "5+"]


def test_customers_outside_the_population_are_counted(model, bank):
    manifest = json.loads((model / "manifest.json").read_text())
    n_customers = len(pd.read_parquet(bank / "customers.parquet"))
    assert [row["as_of"] for row in manifest["populations"]] == manifest["snapshots"]
    for row in manifest["populations"]:
        assert row["customers"] + row["outside"] == n_customers
        assert row["customers"] > 0
        assert row["outside"] > 0


def test_the_same_data_and_seed_give_the_same_bytes_on_one_thread_and_two(run, bank, model, tmp_path):
    assert run("train", bank, "-o", tmp_path / "again", "--threads", 1, *MODEL_DATES).code == 0
    names = sorted(path.name for path in model.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in names:
        assert (model / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_an_existing_model_is_replaced_whole(run, bank, tmp_path):
    out = tmp_path / "m"
    assert run("train", "--without-effects", bank, "-o", out, "--as-of", "2023-06-01").code == 0
    first = read_model(out).manifest.snapshots
    assert run("train", "--without-effects", bank, "-o", out, "--as-of", "2023-09-01").code == 0
    assert first == (dt.date(2023, 6, 1),)
    assert read_model(out).manifest.snapshots == (dt.date(2023, 9, 1),)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_bank_with_its_own_labels_trains_on_their_dates(run, bank, tmp_path):
    import shutil

    folder = shutil.copytree(bank, tmp_path / "bank")
    customers = pd.read_parquet(folder / "customers.parquet")
    labels = pd.concat(
        customers[["customer_id"]].assign(as_of=pd.Timestamp(date), churned=(customers.index % 3 == 0).astype(int))
        for date in ("2023-06-01", "2024-06-01", "2024-06-20")
    )
    labels.to_parquet(folder / "labels.parquet")
    result = run("train", "--without-effects", folder, "-o", tmp_path / "m", "--json")
    assert result.code == 0, result.err
    assert read_model(tmp_path / "m").manifest.snapshots == (dt.date(2023, 6, 1), dt.date(2024, 6, 20))
    assert json.loads(result.out)["metrics"]["roc_auc"]["value"] < 0.6


def test_bindings_held_monotone_are_told_with_their_cost(run, bank, tmp_path):
    result = run(
        "train",
        "--without-effects",
        bank,
        "-o",
        tmp_path / "m",
        "--as-of",
        "2023-06-01",
        "--as-of",
        "2023-09-01",
        "--monotone",
    )
    assert result.code == 0, result.err
    stored = read_model(tmp_path / "m")
    facts = stored.manifest.monotone
    line = f"{facts.roc_auc:.4f} against {facts.roc_auc_unconstrained:.4f} without"
    assert f"monotone in the bindings: held-out ROC-AUC {line}" in result.out
    assert line in stored.card
    assert len(facts.falling) == 10
    assert not any(name.startswith("days_since_bound") for name in stored.manifest.features)


def test_a_monotone_model_scores_the_same_tables(run, bank, tmp_path):
    assert (
        run(
            "train", "--without-effects", bank, "-o", tmp_path / "m", "--as-of", "2023-06-01", "--monotone", "--json"
        ).code
        == 0
    )
    result = run("score", bank, "--model", tmp_path / "m", "-o", tmp_path / "s.parquet", "--as-of", "2024-06-01")
    assert result.code == 0, result.err


def test_bindings_of_a_flat_file_must_be_named_to_be_held(run, tmp_path):
    (tmp_path / "flat.csv").write_text("id,left,x\n" + "".join(f"{i},{i % 2},{i}\n" for i in range(60)))
    (tmp_path / "flat.toml").write_text('[flat]\nid = "id"\nlabel = "left"\nchurned = "1"\n')
    result = run("train", tmp_path / "flat.csv", "--config", tmp_path / "flat.toml", "-o", tmp_path / "m", "--monotone")
    assert result.code == 2
    assert "[flat] bindings names no column" in result.err
