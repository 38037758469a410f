import datetime as dt
import math

import pyarrow as pa
import pytest

from churn.config import Config
from churn.tables.bank import open_tables


def customers(**columns):
    n = len(next(iter(columns.values())))
    given = {
        "customer_id": pa.array([*"ABCDEFGHIJKLMNOP"][:n]),
        "branch_id": pa.array(["N"] * n),
        "opened_on": pa.array([dt.date(2020, 1, 10)] * n),
        "tier": pa.array(["gold"] * n),
    }
    return pa.table(given | columns)


def column(make_folder, table, name, config=None, of="customers"):
    """The values of a column, or the rule its row breaks, by row."""
    with open_tables(make_folder(**{of: table}), config) as bank:
        found = dict(bank.connection.execute(f"SELECT source_row, {name} FROM {of}").fetchall())
        found |= {row: f"{column}:{rule}" for table, _, row, column, rule in bank.quarantine() if table == of}
    return [found[row] for row in sorted(found)]


def csv_column(name, cells):
    order = ["customer_id", "branch_id", "opened_on", "tier"]
    lines = [",".join(order if name in order else [*order, name])]
    for letter, cell in zip("ABCDEFGHIJKLMNOP", cells, strict=False):
        row = {"customer_id": letter, "branch_id": "N", "opened_on": "2020-01-10", "tier": "gold", name: cell}
        lines.append(",".join(row.values()))
    return "\n".join(lines) + "\n"


def test_dates_in_csv_are_iso_days_of_four_digit_years(make_folder):
    cells = ["1970-01-02", " 1969-12-31 ", "2020-02-29", "2020-01-10 00:00:00", "9999-12-31"]
    wrong = ["2021-02-29", "20200110", "20-01-10", "0000-01-01", "infinity", "10000-01-01", "2020-01-10 14", "x"]
    found = column(make_folder, csv_column("opened_on", cells + wrong), "opened_on")
    assert found == [1, -1, 18321, 18271, 2932896] + ["opened_on:not_a_date"] * len(wrong)


MOMENTS = ["14:33", "14:33:21", "23:59:59.999999", "14:33:21Z", "00:10:00+08:00", "14:33:21 -0500", "2:05 PM"]


@pytest.mark.parametrize("between", [" ", "T"])
def test_a_moment_in_csv_is_the_day_it_is_written_with(make_folder, between):
    cells = [f"2020-01-10{between}{time}" for time in MOMENTS]
    assert column(make_folder, csv_column("opened_on", cells), "opened_on") == [18271] * len(cells)
    config = Config.model_validate({"tables": {"customers": {"dates": {"opened_on": "%d-%m-%Y"}}}})
    cells = [f"10-01-2020{between}{time}" for time in MOMENTS]
    found = column(lambda **t: make_folder("formed", **t), csv_column("opened_on", cells), "opened_on", config)
    assert found == [18271] * len(cells)


def test_empty_date_is_null_where_it_may_be_and_a_missing_value_where_not(make_folder):
    assert column(make_folder, csv_column("closed_on", ["", "  ", "2020-01-11"]), "closed_on") == [None, None, 18272]
    found = column(lambda **t: make_folder("second", **t), csv_column("opened_on", ["2020-01-10", ""]), "opened_on")
    assert found == [18271, "opened_on:missing_value"]


def test_date_form_of_the_configuration_replaces_iso(make_folder):
    config = Config.model_validate({"tables": {"customers": {"dates": {"opened_on": "%d/%m/%Y"}}}})
    found = column(
        make_folder, csv_column("opened_on", ["10/01/2020", "2020-01-10", "31/02/2020"]), "opened_on", config
    )
    assert found == [18271, "opened_on:not_a_date", "opened_on:not_a_date"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_moment_in_parquet_is_its_day(make_folder, unit):
    moments = [dt.datetime(2020, 1, 10), dt.datetime(2020, 1, 10, 23, 59, 59), None]
    found = column(make_folder, customers(closed_on=pa.array(moments, pa.timestamp(unit))), "closed_on")
    assert found == [18271, 18271, None]


@pytest.mark.parametrize(("zone", "days"), [("UTC", [18272, 18271]), ("Asia/Shanghai", [18272, 18272])])
@pytest.mark.parametrize("machine", ["Asia/Shanghai", "America/New_York"])
def test_a_moment_in_time_is_the_day_of_its_zone_on_any_machine(make_folder, monkeypatch, zone, days, machine):
    monkeypatch.setenv("TZ", machine)
    moments = [dt.datetime(2020, 1, 11), dt.datetime(2020, 1, 10, 16)]
    found = column(make_folder, customers(closed_on=pa.array(moments, pa.timestamp("us", tz=zone))), "closed_on")
    assert found == days


def test_date_in_parquet_beyond_the_calendar_is_no_date(make_folder):
    days = pa.array([18271, 2932896, 2932897, 9_000_000, -800_000], pa.int32()).cast(pa.date32())
    found = column(make_folder, customers(opened_on=days), "opened_on")
    assert found == [18271, 2932896] + ["opened_on:not_a_date"] * 3


def test_compact_dates_may_be_integers_in_parquet(make_folder):
    config = Config.model_validate({"tables": {"customers": {"dates": {"opened_on": "%Y%m%d"}}}})
    found = column(make_folder, customers(opened_on=pa.array([20200110, 20201301])), "opened_on", config)
    assert found == [18271, "opened_on:not_a_date"]


@pytest.mark.parametrize(
    ("form", "cells", "days"),
    [
        ("%Y%m%d", ["20200111", "2020111", "202001110", "２０２００１１１"], [18272, None, None, 18272]),
        ("%y%m%d", ["200111", "20111"], [18272, None]),
        ("%Y-%m-%d", ["2020-01-11", "2020-1-11"], [18272, 18272]),
    ],
)
def test_a_form_of_digits_alone_wants_all_of_them(make_folder, form, cells, days):
    config = Config.model_validate({"tables": {"customers": {"dates": {"opened_on": form}}}})
    found = column(make_folder, csv_column("opened_on", cells), "opened_on", config)
    assert found == [day or "opened_on:not_a_date" for day in days]


def test_a_value_may_stand_for_another_date_or_for_none(make_folder):
    values = {"closed_on": {"00000000": "", "99991231": ""}, "birth_year": {"9999": ""}}
    config = Config.model_validate({"tables": {"customers": {"values": values, "dates": {"closed_on": "%Y%m%d"}}}})
    found = column(make_folder, csv_column("closed_on", ["00000000", "99991231", "20200111"]), "closed_on", config)
    assert found == [None, None, 18272]
    years = pa.array([9999, 1980])
    found = column(lambda **t: make_folder("y", **t), customers(birth_year=years), "birth_year", config)
    assert found == [None, 1980]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array([7, -1]), ["7", "branch_id:not_an_id"]),
        (pa.array([7.0, -1.0]), ["7", "branch_id:not_an_id"]),
        (pa.array(["-7", "1.5", "TRUE", "#VALUE!"]), ["-7", "1.5", *["branch_id:not_an_id"] * 2]),
        (pa.array([7, 8], pa.uint64()), ["7", "8"]),
        (pa.array([7.0, 123456789012345.0]), ["7", "123456789012345"]),
        (pa.array([7.0, 8.0], pa.float32()), ["7", "8"]),
        (pa.array([" 007 ", "x y"]), ["007", "x y"]),
        (
            pa.array([7.0, 7.5, math.nan, math.inf, 1e16]),
            ["7", "branch_id:not_an_id", "branch_id:missing_value", *["branch_id:not_an_id"] * 2],
        ),
        (pa.array([7.0, None]), ["7", "branch_id:missing_value"]),
    ],
)
def test_whole_numbers_are_ids_and_other_numbers_are_not(make_folder, ids, expected):
    assert column(make_folder, customers(branch_id=ids), "branch_id") == expected


AMOUNTS = ["0", "-0.01", "1234567.89", "9e13", "1e-9"]
WRONG_AMOUNTS = ["inf", "-inf", "1e300", "9.1e13", "1,5", "5 apples", "1.2.3"]


def test_amounts_in_csv_become_cents_and_absurd_ones_are_left_out(make_folder):
    lines = [f'A,2020-01-10,atm,"{cell}"' for cell in [*AMOUNTS, *WRONG_AMOUNTS, ""]]
    table = "\n".join(["customer_id,transacted_on,channel,amount", *lines]) + "\n"
    found = column(make_folder, table, "amount", of="transactions")
    assert found[:4] == [0, -1, 123456789, 9_000_000_000_000_000]
    assert found[5:12] == ["amount:not_an_amount"] * 7
    assert found[12] == "amount:missing_value"
    # 1e-9 yuan is no whole cent, so the row repeats the first one.
    assert found[4] == ":exact_copy"


@pytest.mark.parametrize(
    ("amounts", "nan"),
    [
        # NaN is how pandas writes an empty cell, as a number and as a word.
        (pa.array([1.1, -2.0, math.nan, math.inf, 1e300, None]), "missing_value"),
        (pa.array(["1.1", "-2", "nan", "x", "1e300", None]), "missing_value"),
    ],
)
def test_amounts_in_parquet_follow_the_same_rule(make_folder, amounts, nan):
    table = pa.table(
        {
            "customer_id": ["A"] * 6,
            "transacted_on": [dt.date(2020, 1, 10)] * 6,
            "channel": ["atm"] * 6,
            "amount": amounts,
        }
    )
    found = column(make_folder, table, "amount", of="transactions")
    assert found == [110, -200, f"amount:{nan}", *["amount:not_an_amount"] * 2, "amount:missing_value"]


def test_decimal_and_whole_amounts_are_exact(make_folder):
    decimals = pa.array(["0.07", "-12345678901.23"]).cast(pa.decimal128(18, 2))
    base = {"customer_id": ["A", "A"], "transacted_on": [dt.date(2020, 1, 10)] * 2, "channel": ["atm"] * 2}
    assert column(make_folder, pa.table(base | {"amount": decimals}), "amount", of="transactions") == [
        7,
        -1234567890123,
    ]
    found = column(
        lambda **t: make_folder("whole", **t), pa.table(base | {"amount": [3, -4]}), "amount", of="transactions"
    )
    assert found == [300, -400]


def test_flags_are_read_in_every_usual_spelling(make_folder):
    true, false = ["true", "T", "Yes", "y", "1", "是", "有"], ["FALSE", "f", "no", "N", "0", "否", "无", ""]
    assert column(make_folder, csv_column("do_not_contact", true), "do_not_contact") == [True] * 7
    found = column(
        lambda **t: make_folder("f", **t), csv_column("do_not_contact", [*false, "2", "对"]), "do_not_contact"
    )
    assert found == [False] * 8 + ["do_not_contact:not_true_or_false"] * 2


def test_full_width_letters_and_digits_are_plain_ones_in_flags_codes_and_ids(make_folder):
    flags = column(make_folder, csv_column("do_not_contact", ["１", "Ｙ", "ｎｏ", "０"]), "do_not_contact")
    assert flags == [True, True, False, False]
    ids = column(
        lambda **t: make_folder("i", **t), csv_column("branch_id", ["００７", "Ｂ１", "城东（一）"]), "branch_id"
    )
    assert ids == ["007", "B1", "城东（一）"]
    holdings = "holding_id,customer_id,product,account_class,opened_on\nH1,Ａ,debit_card,１,２０２０－０１－１０\n"
    found = column(lambda **t: make_folder("h", **t), holdings, "account_class", of="holdings")
    assert found == ["1"]


def test_a_mapped_value_is_found_in_either_width(make_folder):
    config = Config.model_validate({"tables": {"customers": {"values": {"tier": {"Ａ": "gold", "B": "ordinary"}}}}})
    found = column(make_folder, csv_column("tier", ["A", "Ａ", "Ｂ", "C"]), "tier", config)
    assert found == ["gold", "gold", "ordinary", "tier:unknown_value"]


@pytest.mark.parametrize(
    ("name", "good", "rule"),
    [("closed_on", "", "not_a_date"), ("birth_year", "", "not_an_integer"), ("tier", "gold", "unknown_value")],
)
def test_error_values_of_excel_are_that_column_s_error_in_a_csv_too(make_folder, name, good, rule):
    found = column(make_folder, csv_column(name, [good, "#NUM!", "#REF!"]), name)
    assert found[1:] == [f"{name}:{rule}"] * 2


@pytest.mark.parametrize("flags", [pa.array([True, False, None]), pa.array([1, 0, None]), pa.array([1.0, 0.0, None])])
def test_flags_in_parquet_may_be_numbers_and_absent_is_false(make_folder, flags):
    assert column(make_folder, customers(do_not_contact=flags), "do_not_contact") == [True, False, False]


def test_flags_and_codes_may_be_mapped(make_folder):
    values = {"do_not_contact": {"是": "true", "否": "false"}, "tier": {"普卡": "ordinary", "it's": "platinum"}}
    config = Config.model_validate({"tables": {"customers": {"values": values}}})
    flags = column(make_folder, csv_column("do_not_contact", ["是", "否", "1"]), "do_not_contact", config)
    tiers = column(
        lambda **t: make_folder("t", **t), csv_column("tier", ["普卡", "it's", "gold", "黑卡"]), "tier", config
    )
    assert flags == [True, False, True]
    assert tiers == ["ordinary", "platinum", "gold", "tier:unknown_value"]


def test_account_classes_are_1_2_or_3_as_text_or_number(make_folder):
    table = pa.table(
        {
            "holding_id": ["H1", "H2", "H3"],
            "customer_id": ["A", "A", "A"],
            "product": ["debit_card"] * 3,
            "opened_on": [dt.date(2020, 1, 10)] * 3,
            "account_class": pa.array([1.0, None, 4.0]),
        }
    )
    assert column(make_folder, table, "account_class", of="holdings") == ["1", None, "account_class:unknown_value"]


def test_year_of_birth_is_a_whole_number(make_folder):
    found = column(make_folder, csv_column("birth_year", ["1980", "1980.0", "", "old"]), "birth_year")
    assert found == [1980, 1980, None, "birth_year:not_an_integer"]
