"""What a command must never do to what is there already, whoever calls it and wherever."""

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest

AS_OF = "2025-01-01"


@pytest.fixture
def copy(bank, tmp_path):
    return shutil.copytree(bank, tmp_path / "bank")


@pytest.mark.parametrize("name", ["customers.parquet", "pnl.parquet"])
def test_an_output_never_takes_the_place_of_an_input(run, copy, model, name):
    before = (copy / name).read_bytes()
    result = run("score", copy, "--model", model, "--as-of", AS_OF, "-o", copy / name)
    assert result.code == 2
    assert "would write over the input" in result.err
    assert run("features", copy, "--as-of", AS_OF, "-o", copy / name).code == 2
    assert (copy / name).read_bytes() == before
    assert run("check", copy).code == 0


def test_scores_are_not_written_into_a_model_folder(run, bank, model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    result = run("score", bank, "--model", folder, "--as-of", AS_OF, "-o", folder / "s.parquet")
    assert result.code == 2
    assert run("score", bank, "--model", folder, "--as-of", AS_OF, "-o", tmp_path / "s.parquet").code == 0


def test_a_folder_with_checksums_and_something_else_is_kept(run, bank, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "SHA256SUMS").write_text("x")
    (own / "thesis.doc").write_text("precious")
    result = run("train", "--without-effects", bank, "-o", own, "--as-of", "2023-06-01")
    assert result.code == 2
    assert "thesis.doc" in result.err
    assert (own / "thesis.doc").read_text() == "precious"


def test_notes_put_into_a_simulated_bank_are_kept(run, tmp_path):
    out = tmp_path / "bank"
    assert run("simulate", out, "--customers", 60, "--months", 24).code == 0
    assert run("simulate", out, "--customers", 60, "--months", 24).code == 0
    (out / "notes.txt").write_text("mine")
    assert run("simulate", out, "--customers", 60, "--months", 24).code == 2
    assert (out / "notes.txt").read_text() == "mine"


def test_something_in_the_way_of_a_companion_leaves_all_three_as_they_were(run, bank, model, tmp_path):
    (tmp_path / "s.quarantine.csv").mkdir()
    result = run("score", bank, "--model", model, "--as-of", AS_OF, "-o", tmp_path / "s.parquet")
    assert result.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["s.quarantine.csv"]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_moments_with_a_zone_mean_the_same_wherever_the_machine_stands(copy, zone):
    customers = pd.read_parquet(copy / "customers.parquet")
    customers["opened_on"] = customers["opened_on"].dt.tz_localize("UTC")
    customers.to_parquet(copy / "customers.parquet")
    result = subprocess.run(
        [sys.executable, "-m", "churn", "check", str(copy)],
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_one_mistyped_date_that_moves_the_data_end_is_named(run, copy, tmp_path):
    transactions = pd.read_parquet(copy / "transactions.parquet")
    transactions.loc[7, "transacted_on"] = pd.Timestamp("2025-06-30")
    transactions.to_parquet(copy / "transactions.parquet")
    result = run("features", copy, "--as-of", AS_OF, "-o", tmp_path / "f.parquet")
    assert "transactions.transacted_on: 1 rows (such as 8) are later by over 31 days" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "BANK", "-o", "m", "--horizon", "99999999999"),
        ("train", "BANK", "-o", "m", "--data-end", "9999-12-31"),
        ("score", "BANK", "--model", "MODEL", "-o", "s.parquet", "--as-of", "0001-01-01"),
        ("check", "BANK", "--threads", "100000"),
        ("simulate", "bank2", "--customers", "99999999999999999999999"),
        ("simulate", "bank2", "--months", "30000"),
    ],
)
def test_numbers_and_dates_beyond_reason_are_one_line(run, bank, model, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    result = run(*({"BANK": bank, "MODEL": model}.get(word, word) for word in arguments))
    assert result.code == 2
    assert len(result.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def churn(*arguments, redirect="", **environment):
    words = " ".join(f"'{word}'" for word in (sys.executable, "-m", "churn", *arguments))
    return subprocess.run(
        ["/bin/sh", "-c", f"{words} {redirect}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_terminal_that_is_not_utf8_is_served(bank):
    result = churn("check", bank, PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert churn("features", "--catalogue", PYTHONIOENCODING="ascii").returncode == 0


@pytest.mark.parametrize("redirect", [">&-", "2>&-", "> /dev/full"])
def test_closed_and_full_streams_end_in_no_traceback(bank, model, tmp_path, redirect):
    out = tmp_path / "s.parquet"
    result = churn("score", bank, "--model", model, "--as-of", AS_OF, "-o", out, redirect=redirect)
    assert result.returncode == 0
    assert "Traceback" not in result.stderr
    assert out.exists()


def test_a_reader_that_has_seen_enough_is_no_failure(bank):
    result = churn("features", "--catalogue", "--json", redirect="| head -n 1; exit 0")
    assert "Traceback" not in result.stderr
