import datetime as dt
import zipfile

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from churn.config import Config
from churn.errors import DataError
from churn.tables.bank import open_tables
from churn.tables.contract import to_date
from churn.tables.sheets import write_sheet_as_csv

HEADER = ["customer_id", "branch_id", "manager_id", "opened_on", "closed_on", "birth_year", "tier"]


@pytest.fixture
def make_sheet(tmp_path):
    def make(*rows, name="customers.xlsx", title="Sheet"):
        workbook = openpyxl.Workbook()
        workbook.active.title = title
        for row in rows:
            workbook.active.append(row)
        workbook.save(tmp_path / name)
        return tmp_path

    return make


def holdings(folder, customer="7"):
    text = f"holding_id,customer_id,product,opened_on\nH1,{customer},debit_card,2020-01-10\n"
    (folder / "holdings.csv").write_text(text)
    return folder


def test_a_customer_list_is_read_where_a_csv_is(make_sheet):
    folder = holdings(make_sheet(HEADER, [7, "N", None, dt.datetime(2020, 1, 10), None, 1980.0, "gold"]))
    with open_tables(folder) as bank:
        rows = bank.connection.execute("SELECT customer_id, opened_on, closed_on, birth_year FROM customers").fetchall()
        assert [(row[0], to_date(row[1]).isoformat(), *row[2:]) for row in rows] == [("7", "2020-01-10", None, 1980)]


def test_dates_as_serials_count_from_the_end_of_1899(make_sheet):
    # 43840 in Excel is 2020-01-10; 43840.5 is noon of that day and no date.
    folder = holdings(
        make_sheet(HEADER, [7, "N", None, 43840, None, None, "gold"], [8, "N", None, 43840.5, None, None, "gold"])
    )
    with open_tables(folder) as bank:
        (row,) = bank.connection.execute("SELECT customer_id, opened_on FROM customers").fetchall()
        assert (row[0], to_date(row[1])) == ("7", dt.date(2020, 1, 10))
        assert [entry[2:] for entry in bank.quarantine()] == [(2, "opened_on", "not_a_date")]


def test_a_serial_in_a_csv_is_no_date(tmp_path):
    (tmp_path / "customers.csv").write_text(
        "customer_id,branch_id,opened_on,tier\n7,N,2020-01-10,gold\n8,N,43840,gold\n"
    )
    with open_tables(holdings(tmp_path)) as bank:
        assert [entry[2:] for entry in bank.quarantine()] == [(2, "opened_on", "not_a_date")]


def test_compact_dates_stored_as_numbers_follow_the_configured_form(make_sheet):
    folder = holdings(make_sheet(HEADER, [7, "N", None, 20200110, None, None, "gold"]))
    config = Config.model_validate({"tables": {"customers": {"dates": {"opened_on": "%Y%m%d"}}}})
    with open_tables(folder, config) as bank:
        (row,) = bank.connection.execute("SELECT opened_on FROM customers").fetchall()
        assert to_date(row[0]) == dt.date(2020, 1, 10)


@pytest.mark.parametrize("identity", [12345678901234567, 1.2345678901234567e17])
def test_an_id_that_excel_rounded_is_left_out(make_sheet, identity):
    day = dt.datetime(2020, 1, 10)
    folder = holdings(
        make_sheet(HEADER, [identity, "N", None, day, None, None, "gold"], [7, "N", None, day, None, None, "gold"])
    )
    with open_tables(folder) as bank:
        assert [entry[2:] for entry in bank.quarantine()] == [(1, "customer_id", "not_an_id")]


def test_blank_rows_at_the_end_are_no_rows_and_rows_in_between_are_counted(make_sheet):
    day = dt.datetime(2020, 1, 10)
    good, bad = [7, "N", None, day, None, None, "gold"], [8, "N", None, day, None, None, "dragon"]
    folder = holdings(make_sheet(HEADER, good, bad, [None] * 7, [""] * 7))
    with open_tables(folder) as bank:
        assert bank.row_counts["customers"].rows == 2
        assert [entry[2:] for entry in bank.quarantine()] == [(2, "tier", "unknown_value")]


def test_a_row_with_more_cells_than_the_header_is_left_out(make_sheet):
    day = dt.datetime(2020, 1, 10)
    folder = holdings(
        make_sheet(HEADER, [7, "N", None, day, None, None, "gold"], [8, "N", None, day, None, None, "gold", "x"])
    )
    with open_tables(folder) as bank:
        assert [entry[2:] for entry in bank.quarantine()] == [(2, "", "broken_row")]


def test_a_named_sheet_is_read_and_a_missing_one_is_one_error_without_the_others_names(make_sheet, tmp_path):
    make_sheet(["a"], [1], title="客户")
    write_sheet_as_csv(tmp_path / "customers.xlsx", "客户", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a\n1\n"
    with pytest.raises(DataError, match=r"none of its sheets \(1\)") as caught:
        write_sheet_as_csv(tmp_path / "customers.xlsx", "other", tmp_path / "out.csv")
    assert "客户" not in str(caught.value)


def test_hidden_sheets_are_passed_over_unless_they_are_named(tmp_path):
    workbook = openpyxl.Workbook()
    workbook.active.append(["old"])
    workbook.active.sheet_state = "hidden"
    workbook.create_sheet("now").append(["new"])
    workbook.active = 1
    workbook.save(tmp_path / "two.xlsx")
    write_sheet_as_csv(tmp_path / "two.xlsx", None, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "new\n"
    write_sheet_as_csv(tmp_path / "two.xlsx", "Sheet", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "old\n"


@pytest.mark.parametrize("name", ["customers.XLSX", "customers.xlsx"])
def test_the_ending_may_be_in_capitals(make_sheet, tmp_path, name):
    make_sheet(["a"], [1], name="plain.xlsx")
    (tmp_path / "plain.xlsx").rename(tmp_path / name)
    write_sheet_as_csv(tmp_path / name, None, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a\n1\n"


def test_an_old_or_encrypted_workbook_says_so(tmp_path):
    (tmp_path / "customers.xlsx").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4096))
    with pytest.raises(DataError, match="is encrypted, or an old"):
        write_sheet_as_csv(tmp_path / "customers.xlsx", None, tmp_path / "out.csv")


DAY = dt.datetime(2020, 1, 10)


def left_out(folder):
    with open_tables(folder) as bank:
        return [entry[2:] for entry in bank.quarantine() if entry[0] == "customers"]


@pytest.mark.parametrize("identity", [10**15, 10**15 + 1, 6222021234567890, 1.5, -3, True])
def test_a_number_that_nobody_typed_as_an_id_is_none(make_sheet, identity):
    good, bad = [[one, "N", None, DAY, None, None, "gold"] for one in (7, identity)]
    assert left_out(holdings(make_sheet(HEADER, good, bad))) == [(2, "customer_id", "not_an_id")]


def test_fifteen_digits_are_still_exact(make_sheet):
    folder = holdings(
        make_sheet(HEADER, [999_999_999_999_999, "N", None, DAY, None, None, "gold"]), 999_999_999_999_999
    )
    with open_tables(folder) as bank:
        assert bank.connection.execute("SELECT customer_id FROM customers").fetchall() == [("999999999999999",)]


def test_a_format_of_zeros_gives_an_id_its_leading_zeros_back(tmp_path):
    workbook = openpyxl.Workbook()
    for row in (HEADER, [7, 12, None, DAY, None, None, "gold"]):
        workbook.active.append(row)
    workbook.active["A2"].number_format = "00000"
    workbook.active["B2"].number_format = "0"
    workbook.save(tmp_path / "customers.xlsx")
    with open_tables(holdings(tmp_path, "00007")) as bank:
        assert bank.connection.execute("SELECT customer_id, branch_id FROM customers").fetchall() == [("00007", "12")]


def test_when_no_id_matches_and_a_sheet_held_them_as_numbers_its_lost_zeros_are_named(make_sheet):
    folder = holdings(make_sheet(HEADER, [7, "N", None, DAY, None, None, "gold"]), "00007")
    with pytest.raises(DataError, match="leading zeros"), open_tables(folder):
        pass
    folder = holdings(make_sheet(HEADER, ["C7", "N", None, DAY, None, None, "gold"]), "C8")
    with pytest.raises(DataError, match="unknown customer") as caught, open_tables(folder):
        pass
    assert "zeros" not in str(caught.value)


def test_dates_of_a_workbook_of_1904_are_counted_from_then(tmp_path):
    # 42378 there is 2020-01-10: 43840 - 1462.
    workbook = openpyxl.Workbook()
    workbook.epoch = CALENDAR_MAC_1904
    for row in (HEADER, [7, "N", None, 42378, DAY, None, "gold"]):
        workbook.active.append(row)
    workbook.save(tmp_path / "customers.xlsx")
    with open_tables(holdings(tmp_path)) as bank:
        (row,) = bank.connection.execute("SELECT opened_on, closed_on FROM customers").fetchall()
        assert [to_date(day).isoformat() for day in row] == ["2020-01-10", "2020-01-10"]


def test_numbers_that_are_no_day_of_a_bank_s_time_are_no_dates(make_sheet):
    # 10959 is 1930-01-01 and 73415 is 2100-12-31.
    days = [10_959, 73_415, 10_958, 73_416, 2015, 202_001, 20_200_110, 0, -1]
    rows = [[n, "N", None, day, None, None, "gold"] for n, day in enumerate(days)]
    assert left_out(holdings(make_sheet(HEADER, *rows), 1)) == [(n, "opened_on", "not_a_date") for n in range(3, 10)]


def test_dates_that_excel_holds_as_dates_are_read_whatever_form_the_texts_have(make_sheet):
    rows = [[n, "N", None, day, None, None, "gold"] for n, day in enumerate([DAY, "20200111", 43840, 2020111], 7)]
    config = Config.model_validate({"tables": {"customers": {"dates": {"opened_on": "%Y%m%d"}}}})
    with open_tables(holdings(make_sheet(HEADER, *rows)), config) as bank:
        found = bank.connection.execute("SELECT customer_id, opened_on FROM customers ORDER BY 1").fetchall()
        assert found == [("7", 18271), ("8", 18272)]


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        ("A2", "customer_id:not_an_id"), ("D2", "opened_on:not_a_date"), ("E2", "closed_on:not_a_date"),
        ("F2", "birth_year:not_an_integer"), ("G2", "tier:unknown_value"), ("C2", "manager_id:not_an_id"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("broken", ["#DIV/0!", "#REF!"])
def test_an_error_value_is_its_column_s_error(tmp_path, place, rule, broken):
    workbook = openpyxl.Workbook()
    for row in (HEADER, [8, "N", "M", DAY, DAY, 1980, "gold"], [7, "N", "M", DAY, DAY, 1980, "gold"]):
        workbook.active.append(row)
    workbook.active[place] = broken
    workbook.active[place].data_type = "e"
    workbook.save(tmp_path / "customers.xlsx")
    assert [":".join(entry[1:]) for entry in left_out(holdings(tmp_path))] == [rule]


def test_a_formula_without_a_value_leaves_its_row_out_even_where_a_cell_may_be_empty(make_sheet):
    good = [7, "N", None, DAY, None, None, "gold"]
    folder = holdings(
        make_sheet(HEADER, good, [8, "N", None, DAY, "=DATE(2024,1,1)", None, "gold"], [9, *good[1:6], "=A1"])
    )
    assert left_out(folder) == [(2, "closed_on", "formula_without_value"), (3, "tier", "formula_without_value")]


def test_formulas_without_a_value_everywhere_say_what_to_do(make_sheet):
    folder = holdings(make_sheet(HEADER, [7, "N", None, DAY, None, None, '=IF(1,"gold","")']))
    with pytest.raises(DataError, match="open it in Excel and save it"), open_tables(folder):
        pass


def test_cells_merged_over_rows_are_refused_and_a_merged_row_is_not(tmp_path):
    workbook = openpyxl.Workbook()
    for row in (HEADER, *[[n, "N", None, DAY, None, None, "gold"] for n in (7, 8)]):
        workbook.active.append(row)
    workbook.active.merge_cells("H1:J1")
    workbook.save(tmp_path / "customers.xlsx")
    assert left_out(holdings(tmp_path)) == []
    workbook.active.merge_cells("B2:B3")
    workbook.save(tmp_path / "customers.xlsx")
    with pytest.raises(DataError, match=r"customers\.xlsx: cells B2:B3 are merged"), open_tables(tmp_path):
        pass


def with_xml(path, before, after):
    parts = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            parts[name] = content.replace(before, after) if name.endswith("sheet1.xml") else content
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b'<row r="2000000000"><c r="A2000000000"><v>1</v></c></row>', "a row beyond the 1,048,576"),
        (b'<row r="3"><c r="XFE3"><v>1</v></c></row>', "a column beyond the 16,384"),
        (b'<row r="2"><c r="A2"><v>1</v></c></row>', "row 2 is out of order"),
    ],
)
def test_what_no_sheet_has_is_refused_at_once(make_sheet, row, said):
    folder = holdings(make_sheet(HEADER, [7, "N", None, DAY, None, None, "gold"]))
    with_xml(folder / "customers.xlsx", b"</sheetData>", row + b"</sheetData>")
    with pytest.raises(DataError, match=said), open_tables(folder):
        pass


def test_cells_are_read_as_excel_writes_them(make_sheet, tmp_path):
    make_sheet(["a", "b", "c", "d", "e"], [1])
    cells = (
        b'<c t="str"><f>""</f><v></v></c><c t="inlineStr"><is><t>x</t></is></c>'
        b'<c t="inlineStr"><is><r><t>y</t></r><r><t>z</t></r></is></c><c r="E2" t="b"><v>0</v></c>'
    )
    with_xml(tmp_path / "customers.xlsx", b'<c r="A2" t="n"><v>1</v></c>', b'<c r="A2"><v>1</v></c>' + cells)
    write_sheet_as_csv(tmp_path / "customers.xlsx", None, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a,b,c,d,e\n1,,x,yz,false\n"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"customer_id,branch_id\n"])
def test_what_is_no_sheet_is_one_error(tmp_path, content):
    (tmp_path / "customers.xlsx").write_bytes(content)
    with (
        pytest.raises(DataError, match=r"customers\.xlsx: is not a whole \.xlsx file"),
        open_tables(holdings(tmp_path)),
    ):
        pass


def test_a_sheet_cut_short_is_one_error(make_sheet):
    folder = holdings(
        make_sheet(HEADER, *[[n, "N", None, dt.datetime(2020, 1, 10), None, None, "gold"] for n in range(99)])
    )
    path = folder / "customers.xlsx"
    content = path.read_bytes()
    for length in range(0, len(content), len(content) // 7):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"customers\.xlsx"), open_tables(folder):
            pass
