import datetime as dt

import openpyxl
import pytest

from churn.config import Config
from churn.errors import DataError
from churn.tables.bank import open_bank, to_date
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
    with open_bank(folder) as bank:
        rows = bank.connection.execute("SELECT customer_id, opened_on, closed_on, birth_year FROM customers").fetchall()
        assert [(row[0], to_date(row[1]).isoformat(), *row[2:]) for row in rows] == [("7", "2020-01-10", None, 1980)]


def test_dates_as_serials_count_from_the_end_of_1899(make_sheet):
    # 43840 in Excel is 2020-01-10; 43840.5 is noon of that day and no date.
    folder = holdings(
        make_sheet(HEADER, [7, "N", None, 43840, None, None, "gold"], [8, "N", None, 43840.5, None, None, "gold"])
    )
    with open_bank(folder) as bank:
        (row,) = bank.connection.execute("SELECT customer_id, opened_on FROM customers").fetchall()
        assert (row[0], to_date(row[1])) == ("7", dt.date(2020, 1, 10))
        assert [entry[2:] for entry in bank.quarantine()] == [(2, "opened_on", "not_a_date")]


def test_a_serial_in_a_csv_is_no_date(tmp_path):
    (tmp_path / "customers.csv").write_text(
        "customer_id,branch_id,opened_on,tier\n7,N,2020-01-10,gold\n8,N,43840,gold\n"
    )
    with open_bank(holdings(tmp_path)) as bank:
        assert [entry[2:] for entry in bank.quarantine()] == [(2, "opened_on", "not_a_date")]


def test_compact_dates_stored_as_numbers_follow_the_configured_form(make_sheet):
    folder = holdings(make_sheet(HEADER, [7, "N", None, 20200110, None, None, "gold"]))
    config = Config.model_validate({"tables": {"customers": {"dates": {"opened_on": "%Y%m%d"}}}})
    with open_bank(folder, config) as bank:
        (row,) = bank.connection.execute("SELECT opened_on FROM customers").fetchall()
        assert to_date(row[0]) == dt.date(2020, 1, 10)


@pytest.mark.parametrize("identity", [12345678901234567, 1.2345678901234567e17])
def test_an_id_that_excel_rounded_is_left_out(make_sheet, identity):
    day = dt.datetime(2020, 1, 10)
    folder = holdings(
        make_sheet(HEADER, [identity, "N", None, day, None, None, "gold"], [7, "N", None, day, None, None, "gold"])
    )
    with open_bank(folder) as bank:
        assert [entry[2:] for entry in bank.quarantine()] == [(1, "customer_id", "not_an_id")]


def test_blank_rows_at_the_end_are_no_rows_and_rows_in_between_are_counted(make_sheet):
    day = dt.datetime(2020, 1, 10)
    good, bad = [7, "N", None, day, None, None, "gold"], [8, "N", None, day, None, None, "dragon"]
    folder = holdings(make_sheet(HEADER, good, bad, [None] * 7, [""] * 7))
    with open_bank(folder) as bank:
        assert bank.row_counts["customers"].rows == 2
        assert [entry[2:] for entry in bank.quarantine()] == [(2, "tier", "unknown_value")]


def test_a_row_with_more_cells_than_the_header_is_left_out(make_sheet):
    day = dt.datetime(2020, 1, 10)
    folder = holdings(
        make_sheet(HEADER, [7, "N", None, day, None, None, "gold"], [8, "N", None, day, None, None, "gold", "x"])
    )
    with open_bank(folder) as bank:
        assert [entry[2:] for entry in bank.quarantine()] == [(2, "", "broken_row")]


def test_a_named_sheet_is_read_and_a_missing_one_says_which_there_are(make_sheet, tmp_path):
    make_sheet(["a"], [1], title="客户")
    write_sheet_as_csv(tmp_path / "customers.xlsx", "客户", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a\n1\n"
    with pytest.raises(DataError, match="客户"):
        write_sheet_as_csv(tmp_path / "customers.xlsx", "other", tmp_path / "out.csv")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"customer_id,branch_id\n"])
def test_what_is_no_sheet_is_one_error(tmp_path, content):
    (tmp_path / "customers.xlsx").write_bytes(content)
    with pytest.raises(DataError, match=r"customers\.xlsx: is not a whole \.xlsx file"), open_bank(holdings(tmp_path)):
        pass


def test_a_sheet_cut_short_is_one_error(make_sheet):
    folder = holdings(
        make_sheet(HEADER, *[[n, "N", None, dt.datetime(2020, 1, 10), None, None, "gold"] for n in range(99)])
    )
    path = folder / "customers.xlsx"
    content = path.read_bytes()
    for length in range(0, len(content), len(content) // 7):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"customers\.xlsx"), open_bank(folder):
            pass
