import csv
import datetime as dt
from io import StringIO
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from churn import csv_files
from churn.csv_files import guard, open_for_tables, render_rows, unguard, unguard_text, write_frame, write_rows
from hostile_texts import HOSTILE

MARK = b"\xef\xbb\xbf"
STARTS = tuple("=+-@＝＋－＠\t\r\n")
EDGES = ("'=1", "''-1", "'-5", "+5.5", "-", " =1", " -1", "'", "", "-1\n", "＠x", " {=1}", "it's")


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize("text", ["-5", "+5", "-0.25", "-1234567", "C-1", "a=b", "", "{a}", "'quoted'"])
def test_plain_numbers_and_signs_inside_a_text_are_left_alone(text):
    assert guard(text) == text


@pytest.mark.parametrize("text", ["-5-5", "-", "+1e5", "--1", "=", "@x", "-1\n", " =1", "\t=1", "{=1+1}", "＝1"])
def test_what_only_looks_like_a_number_is_not(text):
    assert guard(text) == f"'{text}"


def test_no_cell_begins_like_a_formula_in_any_way_of_writing_and_ids_stay_text(tmp_path):
    frame = pd.DataFrame({"customer_id": list(HOSTILE), "aum_cny": -1.0})
    write_frame(tmp_path / "frame.csv", frame, for_excel=False, quote_texts=True)
    write_rows(tmp_path / "rows.csv", list(frame), frame.itertuples(index=False), for_excel=False)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with open_for_tables(tmp_path / "arrow.csv", table.schema) as write:
        write(table.slice(0, 7))
        write(table.slice(7))
    expected = [guard(text) for text in HOSTILE]
    assert all(cell == "-5" or not cell.lstrip(" ").startswith((*STARTS, "{=")) for cell in expected)
    for name, amount in (("frame", "-1.0"), ("rows", "-1.0"), ("arrow", "-1")):
        header, *rows = rows_of(tmp_path / f"{name}.csv")
        assert header == ["customer_id", "aum_cny"]
        assert [row[1] for row in rows] == [amount] * len(HOSTILE)
        assert [row[0] for row in rows] == expected


def test_every_text_can_be_told_back():
    texts = [*HOSTILE, *EDGES, None]
    assert len({guard(text) for text in texts}) == len(texts)
    assert unguard(pa.table({"text": [guard(text) for text in texts]}))["text"].to_pylist() == texts
    assert [unguard_text(guard(text)) for text in texts[:-1]] == texts[:-1]


def test_arrow_tables_read_back_to_the_same_texts(tmp_path):
    table = pa.table({"customer_id": ["=1", "'=1", "007"], "as_of": [dt.date(2026, 1, 5)] * 3, "p": [0.1, None, -0.2]})
    with open_for_tables(tmp_path / "scores.csv", table.schema) as write:
        write(table)
    read = pa_csv.read_csv(tmp_path / "scores.csv", convert_options=pa_csv.ConvertOptions(column_types=table.schema))
    assert unguard(read).equals(table)


def test_header_is_guarded_too(tmp_path):
    write_frame(tmp_path / "frame.csv", pd.DataFrame({"=1": [1]}), for_excel=False)
    assert (tmp_path / "frame.csv").read_text() == "'=1\n1\n"
    assert next(csv.reader(StringIO(render_rows(["@a"], []).removeprefix("\ufeff")))) == ["'@a"]


def test_mark_stands_first_only_where_excel_opens_the_file(tmp_path):
    path = tmp_path / "file.csv"
    frame = pd.DataFrame({"name": ["客户"], "rank": [1]})
    for for_excel in (True, False):
        write_frame(path, frame, for_excel=for_excel)
        assert path.read_bytes() == (MARK if for_excel else b"") + "name,rank\n客户,1\n".encode()
        write_rows(path, ["name", "rank"], [("客户", 1)], for_excel=for_excel)
        assert path.read_bytes() == (MARK if for_excel else b"") + "name,rank\n客户,1\n".encode()
    assert render_rows(["name", "rank"], [("客户", 1)]).encode() == MARK + "name,rank\n客户,1\n".encode()


def test_readers_of_a_file_with_the_mark_see_no_mark(tmp_path):
    path = tmp_path / "file.csv"
    write_frame(path, pd.DataFrame({"name": ["客户"], "rank": [1]}), for_excel=True, quote_texts=True)
    assert list(pd.read_csv(path)) == ["name", "rank"]
    assert pa_csv.read_csv(path).column_names == ["name", "rank"]


def test_what_is_missing_is_an_empty_cell(tmp_path):
    write_frame(tmp_path / "frame.csv", pd.DataFrame({"a": ["x", None], "b": [None, 1.5]}), for_excel=False)
    assert (tmp_path / "frame.csv").read_text() == "a,b\nx,\n,1.5\n"
    write_rows(tmp_path / "rows.csv", ["a", "b"], [("x", None), (None, 1.5)], for_excel=False)
    assert (tmp_path / "rows.csv").read_text() == "a,b\nx,\n,1.5\n"


@pytest.mark.parametrize("quote_texts", [True, False])
def test_a_lone_carriage_return_begins_no_line(tmp_path, quote_texts):
    frame = pd.DataFrame({"a": ["one\r=two", "\r", "three\n=4"]})
    write_frame(tmp_path / "frame.csv", frame, for_excel=False, quote_texts=quote_texts)
    write_rows(tmp_path / "rows.csv", ["a"], frame.to_numpy().tolist(), for_excel=False)
    for name in ("frame.csv", "rows.csv"):
        lines = (tmp_path / name).read_bytes().replace(b'"a"', b"a")
        assert lines == b'a\n"one\r=two"\n"\'\r"\n"three\n=4"\n'


def test_no_other_module_writes_csv():
    ways = ("to_csv(", "csv.writer(", "csv.DictWriter(", "CSVWriter(", "FORMAT CSV")
    source = Path(csv_files.__file__).parent
    found = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if any(way in path.read_text() for way in ways)
    }

    # A sheet, and text with blanks between its cells, becomes a copy in a scratch folder, which the reader alone sees.
    assert found == {"csv_files.py", "tables/sheets.py", "tables/layout.py"}
