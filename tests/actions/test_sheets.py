import datetime as dt
import tempfile

import numpy as np
import openpyxl
import pandas as pd
import pytest

from churn.actions.sheets import (
    SheetColumn,
    cell_text,
    count_lines,
    lay_out,
    make_styles,
    new_workbook,
    sheet_name,
    write_csv,
    write_table,
)

DATE = dt.date(2026, 1, 5)
NAN, INFINITE = float("nan"), float("inf")


@pytest.fixture
def written(tmp_path):
    def write(*columns):
        path = tmp_path / "sheet.xlsx"
        with new_workbook(path, "sheet", DATE) as workbook:
            sheet = workbook.add_worksheet("S")
            lay_out(sheet, DATE, "foot")
            write_table(sheet, make_styles(workbook), columns, frozen=1)
        return openpyxl.load_workbook(path)["S"]

    return write


def test_a_workbook_leaves_nothing_in_the_folder_for_temporary_files(written, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert written(SheetColumn("A", 9, "text", ["x"]))["A2"].value == "x"


def test_names_that_differ_in_capitals_or_behind_the_31st_sign_become_different_sheets():
    taken = set()
    for text in ("m1", "M1", "M" * 40, "M" * 50, "😀" * 20, "😀" * 21):
        name = sheet_name(text, taken)
        assert name.lower() not in taken
        assert len(name.encode("utf-16-le")) <= 62
        taken.add(name.lower())


@pytest.mark.parametrize("text", ["x" * 40_000, "😀" * 20_000, "<r>" + "x" * 40_000 + "</r>"])
def test_a_text_longer_than_a_cell_is_cut_and_says_so(written, text):
    cell = cell_text(text)
    assert len(cell.encode("utf-16-le")) <= 2 * 32_767
    assert cell.endswith("…")
    assert cell.removesuffix("…") == text[: len(cell) - 1]
    assert written(SheetColumn("id", 10, "text", [text]))["A2"].value == cell


@pytest.mark.parametrize("text", ["x" * 32_767, "😀" * 16_383, ""])
def test_a_text_that_fits_is_left_alone(text):
    assert cell_text(text) == text


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, 1),
        ("C0001234", 9, 1),
        ("C000123456789", 9, 2),
        ("one\ntwo\n\nfour", 9, 4),
        ("流失风险", 8, 1),  # eight wide
        ("流失风险高", 8, 2),
        ("x" * 30, 32, 1),
        ("x" * 90, 32, 3),  # 81 wide in room of 30
    ],
)
def test_lines_are_counted_from_the_width_of_letters_and_of_chinese_signs(text, width, lines):
    assert count_lines(text, width) == lines


def test_a_row_is_as_tall_as_its_longest_text_and_no_taller_than_excel_allows(written):
    sheet = written(
        SheetColumn("id", 9, "text", ["a", "a\nb\nc", "x" * 10_000]), SheetColumn("n", 9, "count", [1, 2, 3])
    )
    one, three, longest = (sheet.row_dimensions[row].height for row in (2, 3, 4))
    assert one < three < longest <= 409
    assert three - 1 == pytest.approx(3 * (one - 1), abs=1.5)  # in whole pixels


def test_what_is_no_number_and_what_is_not_known_are_empty_cells(written):
    columns = (
        SheetColumn("share", 9, "share", [0.5, NAN, INFINITE, None]),
        SheetColumn("text", 9, "text", ["a", "", None, "-5"]),
    )
    cells = [[cell.value for cell in row] for row in written(*columns).iter_rows()]
    assert cells == [["share", "text"], [0.5, "a"], [None, None], [None, None], [None, "-5"]]


def test_half_of_a_sign_is_replaced_since_no_file_can_hold_it(written):
    assert written(SheetColumn("\ud800", 9, "text", ["a\udc00b", "𠮷"]))["A2"].value == "a\ufffdb"


def test_money_has_cents_shares_six_digits_and_an_empty_cell_is_empty(tmp_path):
    table = pd.DataFrame({"value_cny": [1.006, np.nan], "churn_probability": [0.12345678, 1.0], "rank": [1, 2]})
    write_csv(tmp_path / "plan.csv", table)
    assert (tmp_path / "plan.csv").read_text(
        encoding="utf-8-sig"
    ) == '"value_cny","churn_probability","rank"\n1.01,0.123457,1\n"",1.0,2\n'
