import datetime as dt
import re
from dataclasses import replace

import pandas as pd
import pytest

from churn.actions.progress.build import TABLE_COLUMNS, progress_table
from churn.actions.progress.measures import MEASURES
from churn.actions.sheets import write_csv
from churn.speech import message
from progress_rows import write_customers, write_holdings

CUSTOMERS = write_customers(
    "A,N,M1,2020-01-10,,gold",
    "B,N,M1,2020-01-10,,ordinary",
    "C,S,,2020-01-10,,gold",
)
HOLDINGS = write_holdings("A,fund,2020-01-10,", "A,cts,2020-01-10,", "B,fund,2020-01-10,", "C,fund,2020-01-10,")
TABLES = {"customers": CUSTOMERS, "holdings": HOLDINGS}


def test_measure_that_can_be_told_has_a_row_for_every_unit_with_its_titles(progress_of):
    table = progress_table(progress_of(**TABLES))
    rows = table[table["measure"] == "product_coverage"]
    assert rows[["level", "unit", "branch_id"]].fillna("").values.tolist() == [
        ["bank", "", ""],
        ["branch", "N", "N"],
        ["branch", "S", "S"],
        ["manager", "M1", "N"],
    ]
    assert rows["value"].tolist() == pytest.approx([4 / 3, 3 / 2, 1, 3 / 2])
    assert rows["n"].tolist() == [3, 2, 1, 2]
    texts = ["date", "title_en", "title_zh", "value_in_en", "value_in_zh", "n_of_en", "n_of_zh"]
    said = ["2024-07-01", "Products per customer", "户均持有产品数", "products", "种", "customers", "客户"]
    assert rows[texts].values.tolist() == [said] * 4
    assert rows["not_told_en"].isna().all()


def test_measure_that_cannot_be_told_has_one_row_without_numbers_that_says_why(progress_of):
    table = progress_table(progress_of(**TABLES))
    rows = table[table["measure"] == "losses_contacted"]
    assert rows[["level", "title_en", "not_told_en", "not_told_zh"]].values.tolist() == [
        ["bank", "Losses discussed in time", "there is no pnl table", "缺少 pnl 表"]
    ]
    assert rows[["unit", "value", "low", "high", "n", "target"]].isna().all(axis=None)


def test_bank_has_every_measure_in_its_order_and_the_others_what_can_be_told(progress_of):
    progress = progress_of(**TABLES)
    table = progress_table(progress)
    assert table.loc[table["level"] == "bank", "measure"].tolist() == list(MEASURES)
    others = table[table["level"] != "bank"].reset_index(drop=True)
    same = ["level", "unit", "branch_id", "measure", "value", "low", "high", "n", "target"]
    expected = progress.measures[progress.measures["level"] != "bank"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others[same], expected[same], check_dtype=False)


def test_columns_and_dtypes_are_fixed_even_where_nothing_can_be_told(progress_of):
    progress = progress_of(**TABLES)
    nothing = replace(
        progress, measures=progress.measures.head(0), not_told=dict.fromkeys(MEASURES, message("there are no scores"))
    )
    for table in (progress_table(progress), progress_table(nothing)):
        assert table.dtypes.astype(str).to_dict() == TABLE_COLUMNS
        assert list(table) == list(TABLE_COLUMNS)
    assert progress_table(nothing)["not_told_zh"].tolist() == ["没有评分"] * len(MEASURES)


def test_table_stands_in_a_file_as_it_is(progress_of, tmp_path):
    customers = CUSTOMERS.replace(",M1,", ",=M1,")
    table = progress_table(progress_of(customers=customers, holdings=HOLDINGS))
    write_csv(tmp_path / "progress.csv", table)
    read = pd.read_csv(tmp_path / "progress.csv", dtype=TABLE_COLUMNS)
    assert read["unit"].tolist()[-1] == "'=M1"  # which a spreadsheet would run
    columns = table.columns.drop("unit")
    pd.testing.assert_frame_equal(read[columns], table[columns], atol=1e-6, rtol=0)


def test_documentation_lists_the_columns_in_their_order(request):
    text = (request.config.rootpath / "docs" / "progress.md").read_text(encoding="utf-8")
    rows = re.search(r"\| column \| meaning \|\n\| --- \| --- \|\n((?:\|.*\n)+)", text)[1].splitlines()
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])] == list(TABLE_COLUMNS)


def test_date_is_written_as_it_stands_in_tables(progress_of):
    assert set(progress_table(progress_of(date=dt.date(2024, 2, 3), **TABLES))["date"]) == {"2024-02-03"}
