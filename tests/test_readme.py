"""The README's commands run as they stand, on a smaller bank; its figures and links are true."""

import re
import shlex
from pathlib import Path

import pytest

from churn.cli.main import main
from churn.config import Config
from churn.features.catalogue import catalogue

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    blocks = re.findall(r"```\n(.*?)```", README, re.DOTALL)
    block = next(block for block in blocks if "churn simulate" in block)
    return [shlex.split(line, comments=True)[1:] for line in block.strip().splitlines()]


def test_the_commands_of_the_readme_run_one_after_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = []
    for words in commands():
        smaller = ["--customers", "1500"] if words[0] == "simulate" else []
        with pytest.raises(SystemExit) as exit_info:
            main([*words, *smaller])
        assert not exit_info.value.code, words
        ran.append(words[0])
    assert ran == ["simulate", "check", "train", "baselines", "score", "explain", "features"]
    assert (tmp_path / "scores.parquet").exists()


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
