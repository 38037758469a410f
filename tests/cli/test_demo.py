import json
import shutil

import pandas as pd

from churn.model.storage import read_model


def test_the_demo_goes_the_whole_way_and_says_where_to_look(demonstration):
    folder = demonstration.here / "own"
    for word in ("stated", "observed", "predicted", "Where to look"):
        assert word in demonstration.out
    stored = read_model(folder / "model")
    assert [bucket.product_coverage for bucket in stored.baselines] == [1, 2, 3, 4, "5+"]
    manifest = json.loads((folder / "scores.manifest.json").read_text())
    assert manifest["model_id"] == stored.manifest.model_id
    assert len(pd.read_parquet(folder / "scores.parquet")) == manifest["rows_scored"] > 500
    assert (folder / "baselines.png").read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(folder / "plan" / "plan.csv")) > 100
    lists = json.loads((folder / "plan" / "plan.json").read_text(encoding="utf-8"))["lists"]
    assert [name for name, one in lists.items() if not one["made"]] == []
    pages = sorted(path.name for path in (folder / "report").iterdir())
    assert pages == ["bank_en.html", "bank_zh.html", "branch_en.html", "branch_zh.html"]
    assert "今天做什么" in (folder / "report" / "branch_zh.html").read_text(encoding="utf-8")


def test_a_second_demo_replaces_the_first_and_somebodys_own_folder_is_refused(
    run, demonstration, tmp_path, monkeypatch
):
    monkeypatch.setattr("churn.cli.demo.CUSTOMERS", 600)
    monkeypatch.setattr("churn.cli.demo.MONTHS", 26)
    monkeypatch.setattr("churn.actions.progress.series.MONTHS", 2)
    folder = shutil.copytree(demonstration.here / "own", tmp_path / "demo")
    before = read_model(folder / "model").manifest.model_id

    again = run("demo", "--dir", folder, "--json")

    assert again.code == 0, again.err
    stored = read_model(folder / "model")
    assert stored.manifest.model_id != before
    printed = json.loads(again.out)
    assert printed["baselines"] == stored.baselines.to_json()
    assert printed["bindings"] == json.loads((folder / "explained" / "bindings.json").read_text())
    assert run("demo", "--dir", folder / "bank").code == 2
