import io
import json
import re
import shutil
from contextlib import redirect_stdout
from dataclasses import replace

import pandas as pd
import pytest

import churn
from commands import call

AS_OF = "2025-01-01"
pytestmark = pytest.mark.usefixtures("few_months")


@pytest.fixture(scope="module")
def scored(scores):
    return scores("--explain")


@pytest.fixture(scope="module")
def explained(explained_folder):
    return explained_folder


@pytest.fixture
def report(run, bank, model, scored, explained, tmp_path):
    def call(*arguments, data=bank, scores=scored, out=tmp_path / "report.html"):
        return run(
            "report", data, "--model", model, "--scores", scores, "--explained", explained, "-o", out, *arguments
        )

    return call


def text_of(page):
    """Give what a page says outside its scripts and its style."""
    bare = re.sub(r"<(script|style)[^>]*>.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare))


def test_the_page_answers_the_four_questions(report, bank, model, scored, explained, tmp_path):
    result = report("--json", "--measures", tmp_path / "measures.csv")
    assert result.code == 0, result.err
    measures = pd.read_csv(tmp_path / "measures.csv")
    assert set(measures["level"]) == {"bank", "branch", "manager"}
    with churn.open_bank(bank) as opened:
        pages = churn.page(opened, churn.read_model(model), scored, explained)
    assert pages.html() == (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(pages.measures) == len(measures)
    said, facts = text_of(tmp_path / "report.html"), json.loads(result.out)
    for part in ("Customers at risk", "Why", "Today's plan, January 1, 2025", "Is it working"):
        assert part in said
    n = len(pd.read_parquet(scored))
    assert facts["about"]["n_scored"] == n
    assert f"{n:,} customers, scored as of January 1, 2025" in said
    assert {head["key"] for head in facts["headlines"]} >= {"customers", "expected_leavers", "at_risk_cny"}
    assert [bucket["coverage"] for bucket in facts["baselines"]] == ["1", "2", "3", "4", "5+"]
    assert facts["working"]["whole"]["vip_responsibility"]["n"] > 0
    assert (tmp_path / "report.html").stat().st_size < 3_000_000


def test_python_refuses_what_the_command_does(bank, model, scored, explained):
    stored = churn.read_model(model)

    def with_manifest(**changed):
        return replace(stored, manifest=stored.manifest.model_copy(update=changed))

    with churn.open_bank(bank) as opened:
        for other, says in (
            (with_manifest(static=("birth_year",)), r"trained with \[customers\] static"),
            (with_manifest(model_id="another"), "was scored by another model"),
            (with_manifest(flat={"id": "id", "label": "left", "churned": "1"}), "trained on a flat file"),
        ):
            with pytest.raises(churn.ChurnError, match=says):
                churn.page(opened, other, scored, explained)
        with pytest.raises(churn.ChurnError, match="the scores are of 2025-01-01, later"):
            churn.page(opened, stored, scored, explained, date="2024-12-31")
        with pytest.raises(churn.ChurnError, match="nobody scored is a customer of that branch"):
            churn.page(opened, stored, scored, explained, branch_id="nowhere")


@pytest.fixture(scope="module")
def chinese_branch(bank, model, scored, explained, tmp_path_factory):
    """A branch, its page in Chinese and the facts on it."""
    branch = pd.read_parquet(bank / "customers.parquet")["branch_id"].dropna().iloc[0]
    page, out = tmp_path_factory.mktemp("branch") / "report.html", io.StringIO()
    words = ("--model", model, "--scores", scored, "--explained", explained, "-o", page, "--branch", branch)
    with redirect_stdout(out):
        call("report", bank, *words, "--lang", "zh", "--json")
    return branch, page, json.loads(out.getvalue())


def test_the_chinese_page_is_chinese(chinese_branch):
    said = text_of(chinese_branch[1])
    assert "谁可能流失" in said
    assert "2025年1月1日" in said
    assert "Customers at risk" not in said


def test_a_branch_page_names_its_own_customers_at_risk_alone(chinese_branch, bank):
    customers = pd.read_parquet(bank / "customers.parquet")
    branch, page, facts = chinese_branch
    assert facts["about"]["branch_id"] == branch
    assert 0 < facts["about"]["n_scored"] < len(customers)
    others = set(customers.loc[customers["branch_id"] != branch, "customer_id"])
    # a manager of the branch may be responsible for customers of another, so the plan is not looked at
    risk = page.read_text(encoding="utf-8").split('id="risk"')[1].split('id="why"')[0]
    assert (set(customers["customer_id"]) - others) & set(re.findall(r"\w+", risk))
    assert not others & set(re.findall(r"\w+", risk))


def test_each_branch_gets_a_page_beside_the_bank_s(report, tmp_path):
    folder = tmp_path / "pages"
    result = report("--each-branch", out=folder)
    assert result.code == 0, result.err
    names = sorted(path.name for path in folder.iterdir())
    assert names[-1] == "index.html"
    assert len(names) > 2
    assert report("--each-branch", out=folder).code == 0  # earlier pages are replaced
    (folder / "branch-notes.html").write_text("mine")
    assert report("--each-branch", out=folder).code == 2
    assert (folder / "branch-notes.html").read_text() == "mine"


def test_pages_of_somebodys_own_are_kept(report, tmp_path):
    for number, name in enumerate(("index.html", "branch-1.html")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / name).write_text("my page")
        result = report("--each-branch", out=folder)
        assert (result.code, "holds other files" in result.err) == (2, True)
        assert [path.read_text() for path in folder.iterdir()] == ["my page"]


def test_without_explained_it_finds_out_itself(run, bank, model, scored, tmp_path, explained):
    out = tmp_path / "report.html"
    result = run("report", bank, "--model", model, "--scores", scored, "-o", out, "--json")
    assert result.code == 0, result.err
    found = {row["service"]: row["verdict"] for row in json.loads(result.out)["bindings"]}
    kept = json.loads((explained / "bindings.json").read_text(encoding="utf-8"))
    assert found == {row["service"]: row["verdict"] for row in kept}


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ("contacts", "there is no contacts table"),
        ("pnl", "there is no pnl table"),
    ],
)
def test_a_missing_table_costs_a_sentence(run, bank, model, scored, explained, tmp_path, missing, why):
    poorer = tmp_path / "bank"
    shutil.copytree(bank, poorer)
    (poorer / f"{missing}.parquet").unlink()
    out = tmp_path / "report.html"
    # what the model was trained with is not needed where its explanation is given
    result = run("report", poorer, "--model", model, "--scores", scored, "--explained", explained, "-o", out)
    assert result.code == 0, result.err
    assert why in text_of(out)


@pytest.mark.parametrize("column", ["null", "absent"])
def test_a_bank_that_names_no_manager_gets_all_that_needs_none(run, bank, model, scored, explained, tmp_path, column):
    without = tmp_path / "bank"
    shutil.copytree(bank, without)
    customers = pd.read_parquet(bank / "customers.parquet")
    customers = customers.drop(columns="manager_id") if column == "absent" else customers.assign(manager_id=None)
    customers.to_parquet(without / "customers.parquet")
    out = tmp_path / "report.html"
    result = run("report", without, "--model", model, "--scores", scored, "--explained", explained, "-o", out, "--json")
    assert result.code == 0, result.err
    facts, said = json.loads(result.out), text_of(out)
    assert facts["about"]["n_scored"] > 0
    assert {one["name"] for one in facts["lists"] if one["is_made"]} >= {"loss_alerts", "upgrades"}
    assert facts["working"]["whole"]["product_coverage"]["n"] > 0
    assert "name no manager" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--branch", "nowhere"), "--branch: nobody scored is a customer of that branch"),
        (("--date", "2024-12-31"), "--date 2024-12-31: the scores are of 2025-01-01, later"),
        (("--date", "2031-01-01"), "--as-of"),
        (("--lang", "fr"), "'fr' is not one of 'en', 'zh'"),
        (("--each-branch", "--branch", "N"), "--each-branch"),
        (("--measures", "table.xlsx"), "--measures: a table ends in .csv"),
        (("--explained", "nowhere"), "nowhere: is not what churn explain wrote"),
    ],
)
def test_a_call_that_cannot_be_used_leaves_no_page(report, tmp_path, arguments, says):
    result = report(*arguments, **({"out": tmp_path / "pages"} if "--each-branch" in arguments else {}))
    assert result.code == 2
    assert says in result.err or says == "--as-of"
    assert result.err.strip().splitlines()[-1].startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_page_is_an_html_file_and_no_input(report, scored, tmp_path):
    assert "ends in .html" in report(out=tmp_path / "report.pdf").err
    inside = scored.parent / "scores.html"
    shutil.copy(scored, tmp_path / "copy.html")
    assert report(scores=tmp_path / "copy.html", out=inside).code == 2


def test_scores_of_another_model_are_refused(report, scored, tmp_path):
    manifest = scored.with_suffix(".manifest.json")
    shutil.copy(scored, tmp_path / "scores.parquet")
    other = json.loads(manifest.read_text()) | {"model_id": "another"}
    (tmp_path / "scores.manifest.json").write_text(json.dumps(other))
    result = report(scores=tmp_path / "scores.parquet")
    assert result.code == 2
    assert "than scores.manifest.json says" in result.err
    pd.read_parquet(scored).to_parquet(tmp_path / "scores.parquet", index=False)
    other.pop("scores")
    (tmp_path / "scores.manifest.json").write_text(json.dumps(other))
    assert "was scored by another model (another)" in report(scores=tmp_path / "scores.parquet").err


def test_a_manifest_or_an_explanation_that_cannot_be_read_is_no_missing_one(report, scored, explained, tmp_path):
    shutil.copy(scored, tmp_path / "scores.parquet")
    for text in ("", "{", "[]", "{}"):
        (tmp_path / "scores.manifest.json").write_text(text)
        result = report(scores=tmp_path / "scores.parquet")
        assert (result.code, "scores.manifest.json" in result.err) == (2, True)
    folder = shutil.copytree(explained, tmp_path / "explained")
    for text in ("", "{", "[]", "{}"):
        (folder / "about.json").write_text(text)
        result = report("--explained", folder)
        assert (result.code, "is not what churn explain wrote" in result.err) == (2, True)


@pytest.mark.parametrize("broken", ["{}", "[{}]", '[{"service": "a\\ud800b"}]', "no JSON", ""])
def test_an_explanation_that_was_changed_is_one_line(run, bank, model, scored, explained, tmp_path, broken):
    folder = shutil.copytree(explained, tmp_path / "explained")
    rows = json.loads((folder / "bindings.json").read_text(encoding="utf-8"))
    half = [row | {"text_en": "half a character"} for row in rows]
    text = json.dumps(half).replace("half a character", "\\ud800") if "ud800" in broken else broken
    (folder / "bindings.json").write_text(text, encoding="utf-8")
    out = tmp_path / "report.html"
    result = run("report", bank, "--model", model, "--scores", scored, "--explained", folder, "-o", out)
    assert result.code == 2
    assert "is not what churn explain wrote" in result.err
    assert not out.exists()


def test_an_explanation_of_another_model_is_refused(run, bank, model, scored, explained, tmp_path):
    folder = shutil.copytree(explained, tmp_path / "explained")
    (folder / "about.json").write_text('{"model_id": "another", "as_of": null}')
    result = run("report", bank, "--model", model, "--scores", scored, "--explained", folder, "-o", tmp_path / "r.html")
    assert result.code == 2
    assert "explains another model (another)" in result.err
    about = json.loads((explained / "about.json").read_text()) | {"as_of": "2024-06-01"}
    (folder / "about.json").write_text(json.dumps(about))
    result = run("report", bank, "--model", model, "--scores", scored, "--explained", folder, "-o", tmp_path / "r.html")
    assert "explains 2024-06-01, and the scores are of 2025-01-01" in result.err


def test_old_scores_are_warned_of(report):
    result = report("--date", "2025-02-03")
    assert result.code in (0, 2)
    assert "warning: the scores are of 2025-01-01, more than 31 days old" in result.err


def test_measures_do_not_lie_among_the_pages(report, tmp_path):
    result = report("--each-branch", "--measures", tmp_path / "pages" / "m.csv", out=tmp_path / "pages")
    assert result.code == 2
    assert "--measures: lies in the folder of the pages" in result.err
    assert not (tmp_path / "pages").exists()
