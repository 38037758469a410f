import datetime as dt

import openpyxl
import pandas as pd
import pytest

from churn.actions.lists.build import ALL_LISTS, Lists
from churn.actions.lists.listing import COLUMNS
from churn.actions.lists.writing import CODES, MOST_ROWS, write_lists
from churn.actions.sheets import in_words
from churn.config import Config
from churn.files import hash_file
from churn.speech import message
from churn.tables.contract import TIERS
from hostile_texts import HOSTILE

DATE = dt.date(2026, 1, 5)
TEXTS = ("customer_id", "branch_id", "manager_id", "why_en", "why_zh", "product", "service")
NEVER = {
    "rank": 1, "customer_id": "A", "branch_id": "N", "manager_id": "M1", "tier": "gold", "product": "fund",
    "service": "fund_trading", "days_held": 1500, "churn_probability": 0.25, "why_en": "why", "why_zh": "为何",
}  # fmt: skip


def lists_of(not_made=(), **frames):
    names = [kind.name for kind in ALL_LISTS if kind.name in frames]
    return Lists(
        frames={name: frames[name] for name in names},
        titles={kind.name: kind.title for kind in ALL_LISTS if kind.name in names},
        sentences={name: f"{len(frames[name])} rows." if len(frames[name]) else message("Nobody") for name in names},
        not_made=tuple(not_made),
    )


def never(n=1, **columns):
    rows = [NEVER | {"rank": rank} for rank in range(1, n + 1)]
    return pd.DataFrame(rows, columns=list(NEVER)).assign(**columns)


@pytest.fixture
def written(tmp_path):
    def write(lists, language="en", name="lists.xlsx", config=None):
        write_lists(tmp_path / name, lists, DATE, config or Config(), shown=language)
        return openpyxl.load_workbook(tmp_path / name)

    return write


def cells(sheet):
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_first_sheet_says_what_each_list_is_how_long_and_where_all_of_it_stands(written):
    lists = lists_of(["loss_alerts"], loss_alerts=never(0), never_bound=never(2))
    book = written(lists)
    assert book.sheetnames == ["Lists", "Losses", "Never bound"]
    assert cells(book["Lists"]) == [
        ["Sheet", "List", "Rows", "Summary", "All rows"],
        ["Losses", "Customers whose investments lose money", None, "Nobody", "lists/loss_alerts.csv"],
        ["Never bound", "Products held whose service was never bound", 2, "2 rows.", "lists/never_bound.csv"],
    ]


def test_columns_and_codes_are_words_and_who_and_why_stand_first(written):
    sheet = written(lists_of(never_bound=never()))["Never bound"]
    assert cells(sheet) == [
        ["No.", "Customer", "Manager", "Branch", "Tier", "Why", "Product", "Service", "Days held", "Risk"],
        [1, "A", "M1", "N", "gold", "why", "fund", "fund trading", 1500, 0.25],
    ]


@pytest.mark.parametrize(
    ("language", "tab", "heading", "why"),
    [("zh", "从未绑定", "客户号", "为何"), ("both", "Never bound 从未绑定", "Customer\n客户号", "why\n为何")],
)
def test_everything_is_in_the_language_asked_for(written, language, tab, heading, why):
    sheet = written(lists_of(never_bound=never()), language)[tab]
    assert (sheet["B1"].value, sheet["F2"].value) == (heading, why)


def test_column_that_no_row_has_is_left_out_of_the_sheet(written):
    sheet = written(lists_of(never_bound=never(2, churn_probability=float("nan"), manager_id=None)))["Never bound"]
    assert [cell.value for cell in sheet[1]][2:] == [
        "Manager",
        "Branch",
        "Tier",
        "Why",
        "Product",
        "Service",
        "Days held",
    ]
    assert sheet["C2"].value is None


@pytest.mark.parametrize("extra", [0, 1, 1500])
def test_sheet_holds_the_first_2000_rows_and_says_where_the_rest_is(written, extra):
    sheet = written(lists_of(never_bound=never(MOST_ROWS + extra)))["Never bound"]
    assert [cell.value for cell in sheet["A"][1 : MOST_ROWS + 1]] == list(range(1, MOST_ROWS + 1))
    told = [cell.value for cell in sheet["A"][MOST_ROWS + 1 :]]
    said = f"The first 2,000 of {MOST_ROWS + extra:,} rows; all of them are in lists/never_bound.csv."
    assert told == ([said] if extra else [])


def test_list_without_a_row_says_why(written):
    sheet = written(lists_of(never_bound=never(0)), "both")["Never bound 从未绑定"]
    assert sheet["A2"].value == "Nobody · 无符合条件的客户"


def test_sheets_print_on_a4_landscape_and_can_be_filtered(written):
    for name, frozen, rows in (("Lists", "B2", None), ("Never bound", "C2", "A1:J4")):
        sheet = written(lists_of(never_bound=never(3)))[name]
        assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "landscape")
        assert (sheet.page_setup.fitToHeight, sheet.print_title_rows, sheet.freeze_panes) == (0, "$1:$1", frozen)
        assert sheet.auto_filter.ref == rows


@pytest.mark.parametrize("column", TEXTS)
def test_hostile_texts_in_every_column_stay_texts(written, column):
    texts = [*HOSTILE, "half \ud800 of a sign", "x" * 40_000]
    lists = lists_of(never_bound=never(len(texts), **{column: pd.Series(texts, dtype=object)}))
    book = written(lists, "zh" if column == "why_zh" else "en")
    shown = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in shown} == {"s", "n"}
    assert {cell.hyperlink for cell in shown} == {None}
    assert book.worksheets[1].max_row == len(texts) + 1


@pytest.mark.parametrize("name", ["en", "zh"])
def test_hostile_names_of_products_and_services_stay_texts(written, name):
    catalogue = {f"p{n}": {"en": text, "zh": text} for n, text in enumerate(HOSTILE)}
    services = {code: {"product": code, **words} for code, words in catalogue.items()}
    codes = list(catalogue)
    rows = never(len(codes), product=codes, service=codes)
    book = written(lists_of(never_bound=rows), name, config=Config(products=catalogue, services=services))
    sheet = book.worksheets[1]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s", "n"}
    # All that openpyxl gives back as it stands in a cell: what XML cannot hold is escaped, ends of lines are \n.
    plain = [n for n, text in enumerate(HOSTILE) if text.strip() and text.isprintable() and not text.startswith("<r>")]
    assert [sheet.cell(n + 2, 7).value for n in plain if n] == [HOSTILE[n].strip() for n in plain if n]


def test_the_same_lists_give_the_same_bytes(tmp_path, written):
    for name in ("one.xlsx", "two.xlsx"):
        written(lists_of(never_bound=never(3)), name=name)
    assert hash_file(tmp_path / "one.xlsx") == hash_file(tmp_path / "two.xlsx")


def test_every_list_and_every_column_of_one_has_words():
    columns = {"rank", "customer_id", "branch_id", "manager_id", "tier", "why", "do_not_contact"}
    columns |= {column for kind in ALL_LISTS for column in kind.columns}
    assert columns == set(COLUMNS)
    # a sheet's name in both languages together is cut at 31
    assert all(len(in_words(kind.tab, "both")) <= 31 for kind in ALL_LISTS)
    assert all(len(in_words(column.heading, "both")) <= 60 for column in COLUMNS.values())


def test_codes_of_the_contract_have_words():
    assert set(CODES["tier"]) == set(CODES["next_tier"]) == set(TIERS)
