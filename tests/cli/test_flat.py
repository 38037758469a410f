"""One flat file, from training to scores; on real files where they are there."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import churn
from commands import call
from made_once import made_once

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
BANKCHURNERS = SHARED / "bankchurners" / "BankChurners.csv"
TELCO = SHARED / "telco" / "IBM_Telco-Customer-Churn.csv"


def needs(path: Path, source: str):
    return pytest.mark.skipif(not path.exists(), reason=f"{path.name} is not there; get it from {source}")


def write_flat(folder: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    products = rng.integers(1, 7, 600)
    frame = pd.DataFrame(
        {
            "客户号": [f"{i:04d}" for i in range(600)],
            "products": products,
            "city": rng.choice(["北京", "上海"], 600),
            "left": np.where(rng.random(600) < 0.7 / products, "yes", "no"),
            "note": "x",
        }
    )
    data, config = folder / "flat.csv", folder / "flat.toml"
    frame.to_csv(data, index=False)
    config.write_text(
        '[flat]\nid = "客户号"\nlabel = "left"\nchurned = "yes"\ncoverage = "products"\ndrop = ["note"]\n'
    )
    return data, config


@pytest.fixture
def flat(tmp_path) -> tuple[Path, Path]:
    return write_flat(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A model of the file, of another copy of it; only to be read."""

    def make(folder: Path) -> None:
        data, config = write_flat(folder)
        call("train", data, "--config", config, "-o", folder / "m")

    return made_once(tmp_path_factory, "cli-flat", make) / "m"


def test_a_model_keeps_the_flat_part_so_that_scoring_needs_only_the_file(run, flat, trained, tmp_path):
    data, _ = flat
    unlabelled = tmp_path / "new.csv"
    pd.read_csv(data, dtype=str).drop(columns="left").to_csv(unlabelled, index=False)
    result = run("score", unlabelled, "--model", trained, "-o", tmp_path / "s.parquet")
    assert result.code == 0, result.err
    scores = pd.read_parquet(tmp_path / "s.parquet")
    assert scores["customer_id"].tolist() == [f"{i:04d}" for i in range(600)]
    assert scores["product_coverage"].tolist() == pd.read_csv(data)["products"].tolist()
    assert scores["as_of"].isna().all()


def test_unseen_categories_are_counted_and_named_by_column_only(run, flat, trained, tmp_path):
    data, _ = flat
    other = pd.read_csv(data, dtype=str)
    other.loc[:4, "city"] = "CANARY"
    other.to_csv(tmp_path / "other.csv", index=False)
    result = run("score", tmp_path / "other.csv", "--model", trained, "-o", tmp_path / "s.parquet")
    assert result.code == 0
    assert "count as missing: city: 5" in result.err
    assert "CANARY" not in result.err + result.out
    manifest = json.loads((tmp_path / "s.manifest.json").read_text())
    assert manifest["unseen_categories"] == {"city": 5}


def test_a_flat_file_refuses_a_date(run, flat, tmp_path):
    data, config = flat
    result = run("train", data, "--config", config, "-o", tmp_path / "m", "--as-of", "2024-01-01")
    assert result.code == 2
    assert "a flat file has no time" in result.err


def test_a_missing_label_or_churned_value_is_one_line(run, flat, tmp_path):
    data, config = flat
    config.write_text(config.read_text().replace('churned = "yes"', 'churned = "gone"'))
    result = run("train", data, "--config", config, "-o", tmp_path / "m")
    assert result.code == 2
    assert "never has the value" in result.err
    config.write_text(config.read_text().replace('label = "left"', 'label = "Left"'))
    result = run("train", data, "--config", config, "-o", tmp_path / "m")
    assert result.code == 2
    assert "Left" in result.err


def test_check_reads_the_label_where_it_is_there(run, flat, tmp_path):
    data, config = flat
    frame = pd.read_csv(data, dtype=str)
    frame.loc[:2, "left"] = None
    frame.to_csv(data, index=False)
    findings = json.loads(run("check", data, "--config", config, "--json").out)["findings"]
    assert [(f["column"], f["rule"], f["count"]) for f in findings] == [("left", "missing_value", 3)]
    frame.drop(columns="left").to_csv(data, index=False)
    assert run("check", data, "--config", config).code == 0


def test_a_coverage_that_is_not_known_stays_so(run, flat, trained, tmp_path):
    data, _ = flat
    frame = pd.read_csv(data, dtype=str)
    frame.loc[0, "products"], frame.loc[1, "products"] = None, "2.5"
    frame.to_csv(data, index=False)
    assert run("score", data, "--model", trained, "-o", tmp_path / "s.parquet").code == 0
    coverage = pd.read_parquet(tmp_path / "s.parquet")["product_coverage"]
    assert coverage.isna().tolist() == [True, True] + [False] * 598


def test_baselines_of_a_flat_file_agree_with_those_of_its_training(run, flat, trained):
    data, _ = flat
    result = run("baselines", data, "--model", trained, "--json")
    assert json.loads(result.out) == json.loads((trained / "baselines.json").read_text())


@needs(BANKCHURNERS, "Kaggle, 'Credit Card customers'")
def test_bankchurners_reaches_its_reference(run, tmp_path):
    config = ROOT / "examples" / "bankchurners" / "flat.toml"
    assert run("train", BANKCHURNERS, "--config", config, "-o", tmp_path / "m").code == 0
    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text())
    assert metrics["roc_auc"]["value"] >= 0.992
    observed = [b["observed"] for b in json.loads((tmp_path / "m" / "baselines.json").read_text())]
    # By products held, counted in the file by hand: 25.6, 27.8, 17.4, 11.8 %; 5 and 6 together 11.3 %.
    assert [round(100 * rate, 1) for rate in observed] == [25.6, 27.8, 17.4, 11.8, 11.3]
    scored = ("--model", tmp_path / "m", "-o", tmp_path / "s.parquet", "--explain")
    assert run("score", BANKCHURNERS, *scored).code == 0
    assert len(pd.read_parquet(tmp_path / "s.parquet")) == 10_127
    page = tmp_path / "page.html"
    result = run("report", BANKCHURNERS, "--model", tmp_path / "m", "--scores", tmp_path / "s.parquet", "-o", page)
    assert result.code == 0, result.err
    said = page.read_text(encoding="utf-8")
    for name in (
        "8,500",
        "Income_Category",
        "Total_Trans_Ct",
        'id="chart-baselines"',
        "25.6\u202f%",
        "This page cannot show a plan or lists",
    ):
        assert name in said
    assert "have left, as the file says 1,627" in said  # counted in the file by hand
    assert "the model learned from these very customers" in said
    for section in ('id="today"', 'id="working"', 'id="chart-bindings"'):
        assert section not in said


def test_a_page_of_a_file_names_who_has_not_left_and_needs_no_outcome(run, flat, trained, tmp_path):
    data, _ = flat
    scores, page = tmp_path / "s.csv", tmp_path / "page.html"
    frame = pd.read_csv(data, dtype=str)
    for name, labels in {
        "nobody has left": ["no"] * 600,
        "some are not known": [None if at % 3 else label for at, label in enumerate(frame["left"])],
    }.items():
        today = tmp_path / f"{name}.csv"
        frame.assign(left=labels).to_csv(today, index=False)
        assert run("score", today, "--model", trained, "-o", scores).code == 0
        result = run("report", today, "--model", trained, "--scores", scores, "-o", page, "--json")
        assert result.code == 0, (name, result.err)
        facts = json.loads(result.out)
        gone = sum(label == "yes" for label in labels)
        assert facts["about"]["n_scored"] == 600 - gone, name
        assert dict(facts["unnamed"]).get("gone", 0) == gone, name
        assert "perhaps_seen" in facts["cannot"]


@needs(TELCO, "IBM/telco-customer-churn-on-icp4d")
def test_telco_reaches_its_reference_without_a_coverage(run, tmp_path):
    config = ROOT / "examples" / "telco" / "flat.toml"
    assert run("train", TELCO, "--config", config, "-o", tmp_path / "m", "--without-effects").code == 0
    assert json.loads((tmp_path / "m" / "metrics.json").read_text())["roc_auc"]["value"] >= 0.842
    assert run("score", TELCO, "--model", tmp_path / "m", "-o", tmp_path / "s.csv").code == 0
    assert len(pd.read_csv(tmp_path / "s.csv")) == 7_043
    result = run("baselines", TELCO, "--model", tmp_path / "m")
    assert result.code == 0


def test_a_score_does_not_depend_on_who_else_is_in_the_file(tmp_path):
    rng = np.random.default_rng(3)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, 300), "D")
    frame = pd.DataFrame(
        {"id": [f"K{n}" for n in range(300)], "since": days.strftime("%d.%m.%Y"), "x": rng.normal(size=300)}
    )
    frame["left"] = np.where(days + pd.to_timedelta(rng.integers(0, 400, 300), "D") > "2021-09-01", "Yes", "No")
    frame.to_csv(tmp_path / "all.csv", index=False)
    frame.iloc[:1].to_csv(tmp_path / "one.csv", index=False)
    config = churn.Config.model_validate({"flat": {"id": "id", "label": "left", "churned": "Yes"}})
    with churn.open_file(tmp_path / "all.csv", config) as file:
        model = churn.train(churn.build_snapshots(file), "scorecard", with_effects=False)
    for given in (config, None):
        with churn.open_file(tmp_path / "all.csv", given, model=model) as file:
            everybody = churn.score(model, file).set_index("customer_id")["churn_probability"]
        with churn.open_file(tmp_path / "one.csv", given, model=model) as file:
            alone = churn.score(model, file).set_index("customer_id")["churn_probability"]
        assert alone["K0"] == everybody["K0"]
    assert everybody.std() > 0.05
