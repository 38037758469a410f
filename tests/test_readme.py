"""The README's commands run as they stand, on a small bank and few dates; its Python, figures and links are true."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

import churn
from churn.cli.main import COMMANDS, main
from churn.config import Config
from churn.features.catalogue import catalogue

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.usefixtures("few_months")
README = (ROOT / "README.md").read_text(encoding="utf-8")
# two that are judged, each a year after what its models learn from
DATES = [word for date in ("2023-03-29", "2024-07-01", "2025-01-01") for word in ("--as-of", date)]


def commands() -> list[list[str]]:
    blocks = re.findall(r"```\n(.*?)```", README, re.DOTALL)
    block = next(block for block in blocks if "churn simulate" in block)
    return [shlex.split(line, comments=True)[1:] for line in block.strip().splitlines()]


def test_the_commands_of_the_readme_run_one_after_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHURN_NO_TRACK", raising=False)
    pair = ["--candidate", "scorecard", "--candidate", "lightgbm"]
    smaller = {"simulate": ["--customers", "1500"], "train": DATES, "compare": [*pair, *DATES]}
    ran = []
    for words in commands():
        with pytest.raises(SystemExit) as exit_info:
            main([*words, *smaller.get(words[0], [])])
        assert not exit_info.value.code, words
        ran.append(words[0])
    steps = "simulate check train compare champion baselines score explain plan report features"
    assert ran == steps.split()
    assert (tmp_path / "scores.parquet").exists()
    assert (tmp_path / "models" / "champion" / "trees.txt").exists()


def run_python(page: Path) -> doctest.TestResults:
    """Run the blocks of a page one after another, as one session, and compare what they print."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    session = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page.name, str(page), 0)
    return doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(session)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_python_on_the_pages_gives_what_stands_there(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    failed, attempted = run_python(ROOT / page)

    assert failed == 0
    assert attempted > 6
    assert (tmp_path / "models").is_dir()


def test_every_public_name_is_in_the_pages_table():
    described = (ROOT / "docs" / "python.md").read_text(encoding="utf-8").split("## Train")[0]

    assert [name for name in churn.__all__ if f"`{name}`" not in described] == []


def test_every_command_has_its_names_in_python():
    described = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", described.split("| name |")[0], re.MULTILINE))

    assert set(rows) == set(COMMANDS)
    assert [names for names in rows.values() if not set(re.findall(r"`(\w+)`", names)) & set(churn.__all__)] == [
        "all of these, one after another"
    ]


def test_every_public_name_stands_in_a_block_that_runs():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(encoding="utf-8"), re.DOTALL)
    used = set(re.findall(r"churn\.(\w+)", "\n".join(blocks)))

    assert [name for name in churn.__all__ if name not in used] == []


def test_the_number_of_features_is_that_of_the_catalogue():
    assert f"# {len(catalogue(Config()))} features" in README


def test_every_link_of_the_documents_leads_somewhere():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
