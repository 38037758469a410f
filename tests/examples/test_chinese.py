"""The extract of a Chinese core system scores to the last bit like the plain tables it was made of."""

import json
import runpy
from pathlib import Path

import pytest

from churn.cli.main import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "chinese"
CONFIG = EXAMPLE / "bank.toml"


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    return int(exit_info.value.code or 0)


@pytest.fixture(scope="module")
def banks(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("chinese")
    assert call("simulate", folder / "bank", "--customers", 800, "--months", 36, "--seed", 2) == 0
    runpy.run_path(str(EXAMPLE / "make_extract.py"))["write_extract"](folder / "bank", folder / "extract")
    return folder / "bank", folder / "extract"


def test_the_files_are_gb18030_and_chinese_throughout(banks):
    _, extract = banks
    content = (extract / "客户信息.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    lines = content.decode("gb18030").splitlines()
    assert lines[0].split(",")[:2] == ["客户号", "开户网点"]
    assert lines[-1].startswith("合计")
    assert "．" in (extract / "月末市值.csv").read_bytes().decode("gb18030")


def test_scores_equal_those_of_the_plain_tables_to_the_last_bit(banks, tmp_path):
    bank, extract = banks
    assert call("train", bank, "-o", tmp_path / "m", "--as-of", "2024-07-01", "--without-effects") == 0
    for name, data, more in (("plain", bank, ()), ("chinese", extract, ("--config", CONFIG))):
        out = tmp_path / f"{name}.parquet"
        assert call("score", data, "--model", tmp_path / "m", "--as-of", "2026-01-01", "-o", out, *more) == 0
    assert (tmp_path / "plain.parquet").read_bytes() == (tmp_path / "chinese.parquet").read_bytes()


def test_only_the_total_lines_are_left_out(banks, capsys):
    _, extract = banks
    capsys.readouterr()
    assert call("check", extract, "--config", CONFIG, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert {counts["quarantined"] for counts in document["tables"].values()} == {1}
    assert {f["rule"] for f in document["findings"] if f["rule"] != "vip_without_manager"} == {"total_line"}


def row_of(out, name):
    return next(line.split("│")[2:-1] for line in out.splitlines() if f"│ {name} " in line)


def test_the_check_reads_chinese_throughout(banks, capsys):
    _, extract = banks
    capsys.readouterr()
    assert call("check", extract, "--config", CONFIG, "--lang", "zh") == 0
    captured = capsys.readouterr()
    for words in ("各表情况", "合计行，不是数据", "所有数据行都可以使用；合计行不是数据，不计在内。"):
        assert words in captured.out
    assert "说明：客户 customers：有 1 行合计行，不是数据" in captured.err
    assert "隔离" not in captured.err
    assert "total line" not in captured.out + captured.err
    assert [cell.strip() for cell in row_of(captured.out, "客户 customers")] == ["801", "800", "0", "1"]
