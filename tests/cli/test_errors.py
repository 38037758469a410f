"""Bad calls and bad input: one line that says what, where and what to do; exit code 2; nothing written."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from churn.files import hash_file
from other_bank import make_tables, write_tables

SCORE_DATE = "2025-01-01"


@pytest.fixture
def copy(bank, tmp_path) -> Path:
    return shutil.copytree(bank, tmp_path / "bank")


@pytest.fixture
def model_copy(model, tmp_path) -> Path:
    return shutil.copytree(model, tmp_path / "model")


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hash_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_refused(result, *words: str) -> None:
    assert result.code == 2
    line = result.err.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert "Traceback" not in result.err
    for word in words:
        assert word in line, line


def test_no_such_folder(run, tmp_path):
    result = run("check", tmp_path / "nowhere")
    assert_refused(result, "nowhere", "no such file or folder", "give the folder")
    assert result.out == ""


@pytest.mark.parametrize("table", ["customers", "holdings"])
def test_a_required_table_missing_names_it_and_what_is_there(run, copy, tmp_path, table):
    (copy / f"{table}.parquet").unlink()
    result = run("train", copy, "-o", tmp_path / "out")
    assert_refused(result, f"required table {table}", "pnl.parquet")
    assert not (tmp_path / "out").exists()


def test_a_required_column_missing_lists_the_columns_there_are(run, copy, tmp_path):
    table = pd.read_parquet(copy / "holdings.parquet")
    table.drop(columns="product").to_parquet(copy / "holdings.parquet")
    result = run("features", copy, "--as-of", SCORE_DATE, "-o", tmp_path / "f.parquet")
    assert_refused(result, "holdings.parquet", "product", "account_class")
    assert not (tmp_path / "f.parquet").exists()


def test_a_parquet_file_cut_short(run, copy, model, tmp_path):
    path = copy / "pnl.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    result = run("score", copy, "--model", model, "--as-of", SCORE_DATE, "-o", tmp_path / "s.parquet")
    assert_refused(result, "pnl.parquet", "not a whole Parquet file")
    assert list(tmp_path.glob("s.*")) == []


def test_an_empty_required_table(run, copy):
    pd.read_parquet(copy / "customers.parquet").head(0).to_parquet(copy / "customers.parquet")
    assert_refused(run("check", copy), "customers", "empty")


def test_an_empty_file(run, copy):
    (copy / "holdings.parquet").unlink()
    (copy / "holdings.csv").write_bytes(b"")
    assert_refused(run("check", copy), "holdings.csv", "empty")


def test_a_table_found_twice(run, copy):
    pd.read_parquet(copy / "contacts.parquet").to_csv(copy / "contacts.csv", index=False)
    assert_refused(run("check", copy), "contacts", "found twice")


@pytest.mark.parametrize("date", ["2035-01-01", "1990-01-01"])
def test_an_as_of_outside_the_data(run, bank, model, tmp_path, date):
    result = run("score", bank, "--model", model, "--as-of", date, "-o", tmp_path / "s.parquet")
    assert_refused(result, date, "--as-of")
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_whose_horizon_is_not_over(run, bank, tmp_path):
    result = run("train", bank, "--as-of", "2024-06-01", "-o", tmp_path / "m")
    assert_refused(result, "2024-06-01", "2024-01-02")


def test_data_too_short_for_the_horizon(run, bank, tmp_path):
    assert_refused(run("train", bank, "--horizon", "1000", "-o", tmp_path / "m"), "too short", "--horizon")


def test_a_model_trained_on_other_columns(run, copy, model, tmp_path):
    (copy / "bindings.parquet").unlink()
    result = run("score", copy, "--model", model, "--as-of", SCORE_DATE, "-o", tmp_path / "s.parquet")
    assert_refused(result, "bound_online_banking")
    assert list(tmp_path.glob("s.*")) == []


def change_a_byte(folder: Path) -> None:
    path = folder / "trees.txt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_trees(folder: Path) -> None:
    path = folder / "trees.txt"
    path.write_bytes(path.read_bytes()[:1000])


def add_a_file(folder: Path) -> None:
    (folder / "more.txt").write_text("more")


def remove_a_file(folder: Path) -> None:
    (folder / "metrics.json").unlink()


def change_the_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace("365", "364"))


@pytest.mark.parametrize("harm", [change_a_byte, cut_trees, add_a_file, remove_a_file, change_the_manifest])
def test_a_model_folder_that_is_not_as_it_was_written(run, bank, model_copy, tmp_path, harm: Callable[[Path], None]):
    harm(model_copy)
    result = run("score", bank, "--model", model_copy, "--as-of", SCORE_DATE, "-o", tmp_path / "s.parquet")
    assert_refused(result, str(model_copy))
    assert list(tmp_path.glob("s.*")) == []


def test_a_broken_csv_row_is_left_out_and_listed_and_the_rest_is_scored(run, model, tmp_path):
    folder = write_tables(make_tables(300, seed=5), tmp_path / "bank")
    path = folder / "contacts.csv"
    lines = path.read_text().splitlines()
    lines.insert(3, "only,three,cells")
    path.write_text("\n".join(lines) + "\n")
    result = run("score", folder, "--model", model, "--as-of", SCORE_DATE, "-o", tmp_path / "s.parquet")
    assert result.code == 0
    left_out = pd.read_csv(tmp_path / "s.quarantine.csv", keep_default_na=False)
    assert left_out.to_dict("records") == [
        {"table": "contacts", "file": "contacts.csv", "row": 3, "column": "", "rule": "broken_row"}
    ]
    assert len(pd.read_parquet(tmp_path / "s.parquet")) > 100
    assert run("check", folder).code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("score",), ("Missing",)),
        (("train", "x", "-o", "y", "--horizon", "many"), ("--horizon",)),
        (("train", "x", "-o", "y", "--as-of", "31.12.2024"), ("2025-01-31",)),
        (("check", "x", "--colour"), ("--colour",)),
        (("predict",), ("predict",)),
    ],
)
def test_a_wrong_call_is_one_line_that_points_to_the_help(run, arguments, words):
    result = run(*arguments)
    assert_refused(result, *words, "--help")
    assert len(result.err.strip().splitlines()) == 1


def test_a_configuration_with_an_unknown_setting(run, bank, tmp_path):
    path = tmp_path / "bank.toml"
    path.write_text("[label]\nsilence = true\n")
    assert_refused(run("check", bank, "--config", path), "bank.toml", "label.silence")


def test_a_configuration_that_is_not_toml(run, bank, tmp_path):
    path = tmp_path / "bank.toml"
    path.write_text("[label\n")
    assert_refused(run("check", bank, "--config", path), "bank.toml", "TOML")


def test_a_file_without_a_flat_section(run, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text("a,b\n1,2\n")
    assert_refused(run("train", path, "-o", tmp_path / "m"), "[flat]", "--config")


def test_a_folder_of_somebodys_own_is_not_replaced(run, bank, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "letter.txt").write_text("keep")
    assert_refused(run("train", bank, "-o", own), "own", "other files")
    assert contents(own).keys() == {"letter.txt"}


def test_a_scores_file_of_no_known_form(run, bank, model, tmp_path):
    result = run("score", bank, "--model", model, "--as-of", SCORE_DATE, "-o", tmp_path / "s.docx")
    assert_refused(result, ".parquet or .csv")


def test_scoring_tables_needs_a_date(run, bank, model, tmp_path):
    assert_refused(run("score", bank, "--model", model, "-o", tmp_path / "s.parquet"), "--as-of is missing")


def test_earlier_scores_survive_a_failed_scoring(run, copy, model, tmp_path):
    out = tmp_path / "out" / "s.parquet"
    assert run("score", copy, "--model", model, "--as-of", SCORE_DATE, "-o", out).code == 0
    before = contents(out.parent)
    (copy / "transactions.parquet").write_bytes(b"PAR1")
    assert run("score", copy, "--model", model, "--as-of", SCORE_DATE, "-o", out).code == 2
    assert contents(out.parent) == before
