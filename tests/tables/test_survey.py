"""Columns as people and programs write them give the values that were meant, or one refusal that names them."""

import datetime as dt
from decimal import Decimal

import pandas as pd
import pytest

from churn.config import Config, FlatFile
from churn.errors import ConfigError, DataError
from churn.tables.bank import open_tables
from churn.tables.checking import list_notes
from churn.tables.flat import open_flat

FLAT = FlatFile(id="id", label="left", churned="Yes")
VALUES = [0.125, 2.5, 1234.5, -17.25, 9400.0, 123456.75]
WRITTEN = {
    "point": lambda v: f"{v:.3f}",
    "comma": lambda v: f"{v:.3f}".replace(".", ","),
    "English groups": lambda v: f"{v:,.3f}",
    "German groups": lambda v: f"{v:,.3f}".translate(str.maketrans(",.", ".,")),
    "Swiss groups": lambda v: f"{v:,.3f}".replace(",", "'"),
    "French groups": lambda v: f"{v:,.3f}".replace(",", "\u202f").replace(".", ","),
    "dollars": lambda v: f"${v:,.3f} ",
    "euros": lambda v: f"€ {v:,.3f}",
    "rupees": lambda v: {1234.5: "₹1,234.50", 123456.75: "₹1,23,456.75"}.get(v, f"₹{v:,.3f}"),
    "crowns": lambda v: f"{v:,.3f} Kč".translate(str.maketrans(",.", ".,")),
    "francs": lambda v: f"CHF {v:,.3f}".replace(",", "’"),
    "yuan": lambda v: f"{v:,.3f}元",
    "accounting": lambda v: f"({-v:,.3f})" if v < 0 else f"{v:,.3f}",
    "sign at the end": lambda v: f"{-v:,.3f}-" if v < 0 else f"{v:,.3f}",
}


def write(path, cells, name="x"):
    lines = [f'{place},{"Yes" if place % 2 else "No"},"{cell}"' for place, cell in enumerate(cells, 100)]
    path.write_text("\n".join([f"id,left,{name}", *lines]) + "\n", encoding="utf-8")
    return path


def read(path, flat=FLAT, **more):
    with open_flat(path, flat, labels="needed", **more) as table:
        return table.rows().features, [note.said for note in table.notes], table.row_counts["flat"].used


@pytest.mark.parametrize("way", WRITTEN)
def test_numbers_are_the_ones_that_were_written(tmp_path, way):
    features, _, _ = read(write(tmp_path / "x.csv", map(WRITTEN[way], VALUES)))
    assert features["x"].tolist() == VALUES
    told, _, _ = read(tmp_path / "x.csv", kinds={"x": "number"})
    assert told["x"].tolist() == VALUES


def test_per_cent_is_a_share(tmp_path):
    features, _, _ = read(write(tmp_path / "x.csv", ["12 %", "0.5%", "100%"]))
    assert features["x"].tolist() == [0.12, 0.005, 1.0]


def test_numbers_that_can_be_read_in_two_ways_are_refused_until_the_sign_is_told(tmp_path):
    path = write(tmp_path / "x.csv", ["2,500", "1,125", "3,000"])
    with pytest.raises(DataError, match=r"column x has numbers such as 2,500, which may be 2500 or 2\.5"):
        read(path)
    assert read(path, FLAT.model_copy(update={"decimal": ","}))[0]["x"].tolist() == [2.5, 1.125, 3.0]
    assert read(path, FLAT.model_copy(update={"decimal": "."}))[0]["x"].tolist() == [2500, 1125, 3000]
    path.write_text(path.read_text().replace('"', "").replace(",2,", ";2,").replace(",", ";", 2))
    (tmp_path / "y.csv").write_text("id;left;x\n1;Yes;2,500\n2;No;1,125\n")
    assert read(tmp_path / "y.csv")[0]["x"].tolist() == [2.5, 1.125]


def test_numbers_of_both_signs_are_refused(tmp_path):
    with pytest.raises(DataError, match="column x has numbers with a decimal point and others with a decimal comma"):
        read(write(tmp_path / "x.csv", ["2,5", "2.5", "7,25", "7.25"]))


def test_amounts_of_a_table_are_read_as_its_column_writes_them(make_folder):
    rows = ["A,2020-01-10,atm,1", 'A,2020-01-11,atm,"1.234,50"', 'A,2020-01-12,atm,"-0,07"']
    with open_tables(make_folder(transactions="\n".join(["customer_id,transacted_on,channel,amount", *rows]))) as bank:
        found = bank.connection.execute("SELECT amount FROM transactions ORDER BY transacted_on").fetchall()
    assert found == [(100,), (123450,), (-7,)]


@pytest.mark.parametrize("word", ["NA", "NULL", "nan", "None", "\\N", ".", "-", "#NV", "?", "n/a", ".A", ""])
def test_what_programs_write_for_an_empty_cell_is_empty(tmp_path, word):
    features, _, used = read(write(tmp_path / "x.csv", ["1.5", word, "2.5", word]))
    assert used == 4
    assert features["x"].fillna(-1).tolist() == [1.5, -1, 2.5, -1]


def test_what_else_stands_for_an_empty_cell_can_be_told(tmp_path):
    path = write(tmp_path / "x.csv", ["1.5", "9999", "2.5"])
    features, _, _ = read(path, FlatFile(id="id", label="left", churned="Yes", missing=[9999]))
    assert features["x"].fillna(-1).tolist() == [1.5, -1, 2.5]


@pytest.mark.parametrize(
    ("missing", "cells"),
    [
        (9999, ["1.5", "9999.00", "2.5", "9999", "9999.0"]),
        (9999, ["1,5", "9999,0", "2,5", "9.999", "9.999,00"]),
        (-1, ["1.5", "-1.00", "2.5", "-1", "-1."]),
        (-99999, ["1,5", "-99\u202f999", "2,5", "-99 999,00", "- 99\u00a0999"]),
        (-9999, ["$1.50", "(9,999.00)", "$2.50", "-$9,999.00", "$ -9,999"]),
        (0.1, ["1.5", "0.1", "2.5", "0.10", ".1"]),
        (-1, [1.5, -1, 2.5, -1, -1]),
        (-1, [Decimal(f"{value}") for value in ("1.50", "-1.00", "2.50", "-1.00", "-1.00")]),
    ],
)
def test_a_number_that_stands_for_an_empty_cell_does_so_however_it_is_written(tmp_path, missing, cells):
    flat = FLAT.model_copy(update={"missing": (str(missing),)})
    path = tmp_path / "x.parquet"
    pd.DataFrame({"id": list("abcde"), "left": ["Yes", *["No"] * 4], "x": cells}).to_parquet(path)
    assert read(path, flat)[0]["x"].fillna(0).tolist() == [1.5, 0, 2.5, 0, 0]


def test_a_code_with_the_digits_of_a_number_that_stands_for_an_empty_cell_is_kept(tmp_path):
    flat = FLAT.model_copy(update={"missing": ("9999",)})
    path = write(tmp_path / "x.csv", ["SEK9999", "Rs9999", "CHF 9999", "9999 kr", "x"] * 5)
    assert read(path, flat)[0]["x"].fillna("").tolist()[:5] == ["SEK9999", "Rs9999", "", "", "x"]


def test_what_stands_for_an_empty_amount_does_so_in_a_column_of_numbers(make_folder):
    config = Config.model_validate({"tables": {"transactions": {"missing": [-1]}}})
    rows = {"customer_id": ["A", "A"], "transacted_on": ["2020-01-10", "2020-01-11"], "amount": [-1.0, 2.5]}
    folder = make_folder(transactions="")
    (folder / "transactions.csv").unlink()
    pd.DataFrame(rows | {"channel": "atm"}).to_parquet(folder / "transactions.parquet")
    with open_tables(folder, config) as bank:
        assert [finding.rule for finding in bank.findings] == ["missing_value"]


DAYS = [dt.date(2024, 3, 5), dt.date(2024, 1, 31), dt.date(2023, 12, 24)]


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%b-%Y", "%Y年%m月%d日"]
)
@pytest.mark.parametrize("time", ["", " 14:33"])
def test_dates_are_days_before_the_last_one_whatever_their_form(tmp_path, form, time):
    path = write(tmp_path / "x.csv", [day.strftime(form) + time for day in DAYS])
    features, notes, _ = read(path)
    assert features["x"].tolist() == [0, 34, 72]
    assert any("read as days before" in note.text for note in notes)
    told, _, _ = read(path, FLAT.model_copy(update={"as_of": dt.date(2024, 3, 15)}))
    assert told["x"].tolist() == [10, 44, 82]


def test_dates_of_a_later_file_are_read_as_those_the_model_was_trained_on(tmp_path):
    path = write(tmp_path / "x.csv", [f"{day:%d/%m/%Y}" for day in DAYS])
    with open_flat(path, FLAT, labels="needed") as table:
        flat, kinds = table.flat, table.kinds
    for place, day in enumerate(DAYS):
        for form in ("%d/%m/%Y", "%Y-%m-%d"):  # of one day, 1/2/2024 leaves it open
            one = write(tmp_path / "one.csv", [f"{day:{form}}"])
            with open_flat(one, flat, kinds=kinds, labels="unread") as table:
                assert table.rows().features["x"].tolist() == [[0, 34, 72][place]]


def test_numbers_that_look_like_days_are_numbers_where_the_model_learned_numbers(tmp_path):
    path = write(tmp_path / "x.csv", ["20240131", "20231231"])
    with open_flat(path, FLAT, kinds={"x": "number"}, labels="unread") as table:
        assert table.rows().features["x"].tolist() == [20240131, 20231231]


def test_days_written_as_numbers_are_dates_in_every_type_of_column(tmp_path):
    numbers = [int(day.strftime("%Y%m%d")) for day in DAYS]
    for name, frame in (("a", numbers), ("b", [float(number) for number in numbers])):
        table = pd.DataFrame({"id": ["1", "2", "3"], "left": ["Yes", "No", "No"], "x": frame})
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        table.to_parquet(tmp_path / f"{name}.parquet")
        for ending in ("csv", "parquet"):
            assert read(tmp_path / f"{name}.{ending}")[0]["x"].tolist() == [0, 34, 72]


def test_dates_that_can_be_read_in_two_ways_are_refused_until_their_form_is_told(tmp_path):
    path = write(tmp_path / "x.csv", ["01/02/2024", "03/04/2024"])
    with pytest.raises(DataError, match=r"dates of column x may be written as %d/%m/%Y or as %m/%d/%Y"):
        read(path)
    features, _, _ = read(path, FLAT.model_copy(update={"dates": {"x": "%d/%m/%Y"}}))
    assert features["x"].tolist() == [62, 0]


N = 60
GAPS = [3 * n + n * n % 3 for n in range(N)]
NUMBERINGS = {
    "two exports": [*range(25), *range(35)],
    "shuffled": [n * 7 % N + 1 for n in range(N)],
    "filtered": GAPS,
    "filtered, last first": GAPS[::-1],
    "steps of 10": [10 * n + 10 for n in range(N)],
    "steps of 10, two exports": [*range(10, 300, 10), *range(10, 320, 10)],
    "a hole": ["" if n == 9 else 900 - n for n in range(N)],
    "filtered, a hole": ["" if n == 9 else number for n, number in enumerate(GAPS)],
}


@pytest.mark.parametrize("way", NUMBERINGS)
def test_what_numbers_the_rows_is_left_out_with_a_word(tmp_path, way):
    features, notes, _ = read(write(tmp_path / "x.csv", NUMBERINGS[way], "n"))
    assert list(features) == []
    assert any("row" in note.text and "left out" in note.text for note in notes)
    kept, _, _ = read(tmp_path / "x.csv", FLAT.model_copy(update={"keep": ("n",)}))
    assert len(kept["n"]) == N


@pytest.mark.parametrize("name", ["Unnamed: 0", "__index_level_0__"])
def test_an_index_by_its_name_is_left_out_whatever_it_has(tmp_path, name):
    assert list(read(write(tmp_path / "x.csv", [n % 7 for n in range(N)], name))[0]) == []


KEYS = {
    "narrow": ("x", [700_000 + 79_193 * n % 199_999 for n in range(N)]),
    "crowded": ("x", [1_000 + 97 * n % 301 for n in range(N)]),
    "named": ("account", [10_000 + 7919 * n % 80_000 for n in range(N)]),
    "named, of two lengths": ("Kundennummer", [90_000_000 + 7_919_777 * n % 99_000_000 for n in range(N)]),
    "the file's own": ("x", ["" if n == 3 else 100 + n // 2 * 2 for n in range(N)]),
}


@pytest.mark.parametrize("way", KEYS)
def test_another_key_of_the_rows_is_left_out_with_a_word(tmp_path, way):
    name, numbers = KEYS[way]
    path = tmp_path / "x.csv"
    ids = [f"C{number}" for number in numbers] if way == "the file's own" else [f"K{97 * n % 1009}" for n in range(N)]
    rows = [
        f"{one},{'Yes' if n % 2 else 'No'},{number}" for n, (one, number) in enumerate(zip(ids, numbers, strict=True))
    ]
    path.write_text("\n".join([f"id,left,{name}", *rows]) + "\n")
    features, notes, _ = read(path)
    assert list(features) == []
    assert any("another key" in note.text for note in notes)


FEATURES = {
    "sorted, with ties": [18 + n // 2 for n in range(N)],
    "sorted, with cents": [100.5 + 7.25 * n + n * n / 8 for n in range(N)],
    "incomes of six digits": [100_000 + 79_193 * n % 899_981 for n in range(N)],
    "amounts": [n * n * 7919 % 100_003 for n in range(N)],
    "ages": [18 + n * 37 % 50 for n in range(N)],
}


@pytest.mark.parametrize("way", FEATURES)
def test_a_feature_is_no_number_of_a_row_and_no_key(tmp_path, way):
    features, _, _ = read(write(tmp_path / "x.csv", FEATURES[way]))
    assert features["x"].tolist() == FEATURES[way]


@pytest.mark.parametrize(("written", "other"), [("Yes", "yes"), ("true", "True"), ("1", "1.0"), ("true", "1")])
def test_an_outcome_may_be_written_otherwise_in_a_later_file(tmp_path, written, other):
    path = tmp_path / "x.csv"
    stayed = "0" if other.startswith("1") else "no"
    path.write_text("id,left,x\n" + "".join(f"{n},{other if n % 3 else stayed},1\n" for n in range(9)))
    with open_flat(path, FlatFile(id="id", label="left", churned=written), labels="needed") as table:
        assert table.rows().churned.tolist() == [float(n % 3 > 0) for n in range(9)]


def test_outcomes_that_are_neither_are_asked_about(tmp_path):
    path = tmp_path / "x.csv"
    labels = ["Yes", "No", "InVol"] * 6
    path.write_text("id,left,x\n" + "".join(f"{n},{label},{n % 4}\n" for n, label in enumerate(labels)))
    with pytest.raises(ConfigError, match=r"column left has InVol \(6\), No \(6\), Yes \(6\); name those who stayed"):
        read(path)
    assert read(path, FlatFile(id="id", label="left", churned="Yes", stayed=["No"], missing=["InVol"]))[2] == 12
    two = FlatFile(id="id", label="left", churned=["Yes", "InVol"], stayed="No")
    with open_flat(path, two, labels="needed") as table:
        assert table.rows().churned.sum() == 12
        (note,) = [note for note in list_notes(table, None) if "left are" in note.said.text]
        assert note.said.facts["left"] == "InVol (6), Yes (6)"


def test_wholly_typed_wide_files_are_read(tmp_path):
    names = [f"v{n}" for n in range(300)]
    path = tmp_path / "x.csv"
    path.write_text(",".join(["id", "left", *names]) + "\n" + "".join(
        ",".join([f"{row}", "Yes" if row % 2 else "No", *(f"{(row * n) % 7}.5" for n in range(300))]) + "\n"
        for row in range(12)
    ))  # fmt: skip
    features, _, used = read(path)
    assert (used, features.shape) == (12, (12, 300))


GROUPED = ["1.930", "12.004", "-3.500", "512"]


def test_groups_with_points_are_settled_by_another_column_or_refused(tmp_path):
    def write_two(others):
        rows = [
            f"{i};{'Yes' if i % 2 else 'No'};{x};{other}"
            for i, (x, other) in enumerate(zip(GROUPED, others, strict=True))
        ]
        (tmp_path / "x.csv").write_text("\n".join(["id;left;x;other", *rows]) + "\n")

    for others, decimal, expected in (
        (["1,5", "2,25", "7", "0,5"], None, [1930, 12004, -3500, 512]),
        (["1.5", "2.25", "7", "0.5"], None, [1.93, 12.004, -3.5, 512]),
        (["a", "b", "a", "b"], ",", [1930, 12004, -3500, 512]),
    ):
        write_two(others)
        features, _, _ = read(tmp_path / "x.csv", FLAT.model_copy(update={"decimal": decimal}))
        assert features["x"].tolist() == expected
    with pytest.raises(DataError, match=r"column x has numbers such as 2\.500, which may be 2500 or 2\.5"):
        read(tmp_path / "x.csv")


def test_a_tables_numbers_in_groups_with_points_are_refused_until_told(make_folder):
    text = "customer_id;branch_id;opened_on;tier;birth_year\nA;N;2020-01-10;gold;2.000\nB;N;2020-02-20;gold;1.980\n"
    with pytest.raises(DataError, match=r"column birth_year has numbers such as 2\.500.* in \[tables\.customers\]"):
        open_tables(make_folder(customers=text)).__enter__()
    config = Config.model_validate({"tables": {"customers": {"decimal": ","}}})
    with open_tables(make_folder("told", customers=text), config) as bank:
        assert bank.connection.execute("SELECT birth_year FROM customers ORDER BY 1").fetchall() == [(1980,), (2000,)]


def test_exponents_with_a_decimal_comma_are_numbers(tmp_path):
    (tmp_path / "x.csv").write_text("id;left;x\n1;Yes;-9,6488e-05\n2;No;1,5\n3;No;2E3\n")
    assert read(tmp_path / "x.csv")[0]["x"].tolist() == [-9.6488e-05, 1.5, 2000]


def write_frame(path, sep=",", **columns):
    frame = pd.DataFrame({"id": ["a", "b", "c"], "left": ["Yes", "No", "No"], **columns})
    writers = {
        ".csv": lambda: frame.to_csv(path, sep=sep, index=False),
        ".xlsx": lambda: frame.to_excel(path, index=False),
    }
    writers.get(path.suffix, lambda: frame.to_parquet(path))()
    return path


def test_a_sign_that_is_told_holds_where_cells_look_as_programs_write_them(tmp_path):
    points, halves = ["1.200", "-7.250", "12.004"], ["0,5", "1,25", "2"]
    told = FLAT.model_copy(update={"decimal": ","})
    ways = [("x.parquet", ""), ("x.xlsx", ""), ("x.csv", ","), ("y.csv", ";"), ("z.csv", "|")]
    paths = [write_frame(tmp_path / name, sep, x=points, half=halves) for name, sep in ways]
    for path in paths:
        features = read(path, told)[0]
        assert (features["x"].tolist(), features["half"].tolist()) == ([1200, -7250, 12004], [0.5, 1.25, 2])
    assert read(write_frame(tmp_path / "n.xlsx", x=[1.234, -7.256, 0.5]), told)[0]["x"].tolist() == [1.234, -7.256, 0.5]
    assert read(write(tmp_path / "y.csv", ["1.25", "0.5"]), told)[0]["x"].tolist() == [1.25, 0.5]
    with pytest.raises(DataError, match="column x has numbers with a decimal point and others with a decimal comma"):
        read(write(tmp_path / "y.csv", ["1.25", "1.200", "1.201"]), told)


@pytest.mark.parametrize("cells", [["-2,500", "-1,125"], ["(2,500)", "(1,125)"], ["€ 2.500", "€ -1.125"]])
def test_numbers_below_zero_are_as_open_as_those_above(tmp_path, cells):
    path = write(tmp_path / "x.csv", cells)
    with pytest.raises(DataError, match=r"column x has numbers such as 2[.,]500, which may be 2500 or 2\.5"):
        read(path)
    (tmp_path / "y.csv").write_text("id;left;x\n1;Yes;-2,500\n2;No;-1,125\n")
    assert read(tmp_path / "y.csv")[0]["x"].tolist() == [-2.5, -1.125]


@pytest.mark.parametrize("word", ["unknown", "none", "keine"])
def test_a_few_words_beside_numbers_or_dates_are_asked_about(tmp_path, word):
    numbers = [word if n % 5 == 0 else 1 + n * 7 % 23 for n in range(30)]
    days = [cell if cell == word else f"{cell:02d}.01.2024" for cell in numbers]
    for cells in (numbers, days):
        path = write(tmp_path / "x.csv", cells)
        with pytest.raises(DataError, match="column x has 24 numbers or dates, and 6 cells with 1 other text; name"):
            read(path)
        assert read(path, FLAT.model_copy(update={"missing": (word,)}))[0]["x"].isna().sum() == 6
        assert set(read(path, FLAT.model_copy(update={"keep": ("x",)}))[0]["x"]) == set(map(str, cells))
    codes = [("1", "2", "VIP")[n % 3] for n in range(30)]
    assert read(write(tmp_path / "y.csv", codes))[0]["x"].tolist() == codes


@pytest.mark.parametrize("far", ["9999-12-31", "1899-12-31", "1900-01-01"])
def test_a_day_of_no_banks_time_says_that_there_is_none(tmp_path, far):
    days = [far, "2024-01-31", far, "2024-01-01", far]
    assert read(write(tmp_path / "x.csv", days))[0]["x"].fillna(-1).tolist() == [-1, 0, -1, 30, -1]
    compact = [day.replace("-", "") for day in days]
    assert far == "1900-01-01" or read(write(tmp_path / "y.csv", compact))[0]["x"].count() == 2
    table = {"id": list("abcde"), "left": ["Yes", *["No"] * 4], "x": [dt.date.fromisoformat(day) for day in days]}
    pd.DataFrame(table).to_parquet(tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet")[0]["x"].fillna(-1).tolist() == [-1, 0, -1, 30, -1]


@pytest.mark.parametrize(("form", "last"), [("%d-%b-%y", 72), ("%b-%y", 91), ("%b-%Y", 91)])
def test_dates_of_short_years_and_months_are_days(tmp_path, form, last):
    path = write(tmp_path / "x.csv", [day.strftime(form).upper() for day in DAYS])
    features, notes, _ = read(path)
    assert features["x"].max() == last
    assert any("read as days before" in note.text for note in notes)


def test_years_of_two_digits_are_of_the_century_that_has_been(tmp_path):
    path = write(tmp_path / "x.csv", ["31.12.24", "30.12.50", "29.12.99"])
    with pytest.raises(DataError, match="years of column x have two digits, and some may be of either century; give"):
        read(path)
    told = read(path, FLAT.model_copy(update={"as_of": dt.date(2024, 12, 31)}))[0]["x"].tolist()
    assert told == [
        (dt.date(2024, 12, 31) - day).days
        for day in (dt.date(2024, 12, 31), dt.date(1950, 12, 30), dt.date(1999, 12, 29))
    ]
    with pytest.raises(DataError, match=r"dates of column x may be written as %d/%m/%y or as %y/%m/%d"):
        read(write(tmp_path / "y.csv", ["15/01/10", "16/02/11"]))


def test_a_sheets_dates_beside_texts_are_dates(tmp_path):
    path = write_frame(tmp_path / "x.xlsx", x=[DAYS[0], "31.01.2024", DAYS[2]])
    assert read(path)[0]["x"].tolist() == [0, 34, 72]
    mixed = [
        day.strftime(form) for day in DAYS for form in ("%d.%m.%Y", "%Y-%m-%d", "%d %b %Y", "%Y/%m/%d", "%b %d, %Y")
    ]
    with pytest.raises(DataError, match="column x has numbers or dates written in several ways; write them alike"):
        read(write(tmp_path / "x.csv", mixed))


def test_a_category_written_with_decimals_is_the_same_one(tmp_path):
    cells = ["1", "VIP", "2.0", "2,0", "1.0", "VIP", "5,000"]
    features, _, _ = read(write(tmp_path / "x.csv", cells), kinds={"x": "text"})
    assert features["x"].tolist() == ["1", "VIP", "2", "2", "1", "VIP", "5,000"]


@pytest.mark.parametrize(("zone", "days"), [("+08:00", [0, 1, 0]), ("-05:30", [0, 1, 0]), ("UTC", [1, 1, 0])])
def test_moments_of_a_zone_that_is_an_offset_are_days_there(tmp_path, zone, days):
    moments = ["2024-01-31 20:00", "2024-01-31 02:00", "2024-02-01 04:00"]
    write_frame(tmp_path / "x.parquet", x=pd.to_datetime(moments, utc=True).tz_convert(zone))
    assert read(tmp_path / "x.parquet")[0]["x"].tolist() == days


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_are_days_in_whatever_unit(tmp_path, unit):
    durations = pd.Series(pd.to_timedelta([1.5, 40, -2], unit="D")).dt.as_unit(unit)
    assert read(write_frame(tmp_path / "x.parquet", x=durations))[0]["x"].tolist() == [1.5, 40, -2]


def test_thousands_and_millions_are_numbers(tmp_path):
    cells = ["5K", "$1.5M", "3万", "1.5亿", "700", "-2k"]
    assert read(write(tmp_path / "x.csv", cells))[0]["x"].tolist() == [5e3, 1.5e6, 3e4, 1.5e8, 700, -2e3]
    assert read(write(tmp_path / "y.csv", ["5 kr", "7kr"]))[0]["x"].tolist() == [5, 7]
    assert read(write(tmp_path / "z.csv", ["6 MXN", "8MXN"]))[0]["x"].tolist() == [6, 8]


def test_numbers_of_different_units_are_refused(tmp_path):
    with pytest.raises(DataError, match="column x has 2 numbers in per cent and 1 without; write them alike"):
        read(write(tmp_path / "x.csv", ["11%", "10", "12%", "0"]))
    with pytest.raises(DataError, match=r"column x has amounts in 2 currencies \(\$, €\); give each"):
        read(write(tmp_path / "x.csv", ["$7", "€7", "USD 5"]))
    assert read(write(tmp_path / "x.csv", ["$7", "USD 5", "3"]))[0]["x"].tolist() == [7, 5, 3]
