"""Adding a feature is an entry and an expression in its family's module, and its words in another language."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import churn
from other_bank import make_tables, write_tables

AS_OF = "2025-01-01"
ENTRY = """\
        new(name="years_known", unit="years", meaning=message("years since the relationship began")),
"""
EXPRESSION = """\
        ((as_of - nw.col("opened_on")) / 365.25).alias("years_known"),
"""
WORDS = """
msgid "years since the relationship began"
msgstr "建立关系年数"
"""
COMMANDS = """
import sys
from churn.actions.progress import series
from churn.cli.main import main
series.MONTHS = 2
for words in sys.argv[1:]:
    try:
        main(words.split())
    except SystemExit as stop:
        if stop.code:
            sys.exit(f"churn {words}: exit code {stop.code}")
"""
# What else would tell the same story, or any other.
WITHOUT = ("tenure_days", "age_years", "coverage", "contacts", "pnl", "activity")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package with a feature more, of which two files differ."""
    source = tmp_path_factory.mktemp("copy")
    shutil.copytree(Path(churn.__file__).parent, source / "churn", ignore=shutil.ignore_patterns("__pycache__"))
    family = source / "churn" / "features" / "relationship.py"
    text = family.read_text(encoding="utf-8")
    for after, added in (("    return (\n", ENTRY), ("    of_customers = [\n", EXPRESSION)):
        text = text.replace(after, after + added, 1)
    family.write_text(text, encoding="utf-8")
    with (source / "churn" / "speech" / "locales" / "zh.po").open("a", encoding="utf-8") as words:
        words.write(WORDS)
    return source


@pytest.fixture(scope="module")
def made(package, tmp_path_factory):
    """Outputs of the commands, all from one process of the copy."""
    folder = tmp_path_factory.mktemp("run")
    tables = make_tables(1000, seed=3)
    tables["bindings"] = tables["bindings"][tables["bindings"]["service"].isin(["cash_sweep", "online_banking"])]
    write_tables(tables, folder / "bank", "parquet")
    asked = f"bank --model model --as-of {AS_OF}"
    commands = [
        "features --catalogue --json",
        f"train bank -o model --without-effects --as-of 2024-01-02 {' '.join(f'--without {name}' for name in WITHOUT)}",
        f"score {asked} -o scores.parquet --explain",
        f"explain {asked} -o explained",
        "report bank --model model --scores scores.parquet --explained explained -o page.html",
    ]
    environment = os.environ | {"PYTHONPATH": str(package), "CHURN_NO_TRACK": "1"}
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, *commands],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    entries, _ = json.JSONDecoder().raw_decode(done.stdout)
    return folder, {entry["name"]: entry for entry in entries}


def test_the_catalogue_has_it_in_both_languages(made):
    entry = made[1]["years_known"]

    assert entry["family"] == "relationship"
    assert (entry["en"], entry["zh"]) == ("years since the relationship began", "建立关系年数")


def test_it_is_learnt_from_and_told_by_its_meaning_and_value(made):
    scores = pd.read_parquet(made[0] / "scores.parquet")
    told = [
        tuple(row)
        for rank in (1, 2, 3)
        for row in scores[[f"raises_{rank}_{what}" for what in ("features", "en", "zh")]].dropna().to_numpy()
        if row[0] == "years_known"
    ]

    assert len(told) > 10
    for _, en, zh in told:
        before, value = en.split(": ")
        assert (before, f"建立关系年数：{value}") == ("years since the relationship began", zh)
        assert 0 < float(value) < 100


def test_the_explanation_and_the_page_know_it(made):
    folder, _ = made
    importance = pd.read_csv(folder / "explained" / "importance.csv").set_index("feature")

    assert importance.loc["years_known", ["family", "meaning_zh"]].tolist() == ["relationship", "建立关系年数"]
    assert "years since the relationship began" in (folder / "page.html").read_text(encoding="utf-8")
