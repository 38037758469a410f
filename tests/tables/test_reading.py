import datetime as dt

import pyarrow as pa
import pytest

from churn.config import Config
from churn.data import open_bank
from churn.errors import DataError, MissingColumnError
from churn.tables.bank import open_tables
from churn.tables.lines import LONGEST_LINE, Lines
from churn.threads import use_threads
from conftest import CUSTOMERS

HEADER = "customer_id,branch_id,opened_on,tier\n"


def read(make_folder, text):
    with open_tables(make_folder(customers=text)) as bank:
        used = bank.connection.execute("SELECT customer_id, source_row FROM customers ORDER BY source_row").fetchall()
        left_out = [(row, rule) for table, _, row, _, rule in bank.quarantine() if table == "customers"]
        counts = bank.row_counts["customers"]
    assert counts.rows == len(used) + len(left_out)
    return used, left_out


def good(*names):
    return "".join(f"{name},N,2020-01-10,gold\n" for name in names)


def test_short_and_long_rows_are_quarantined_under_their_numbers(make_folder):
    text = HEADER + good("A") + "B,N,2020-01-10\n" + good("C") + "D,N,2020-01-10,gold,more\n" + good("E")
    used, left_out = read(make_folder, text)
    assert used == [("A", 1), ("C", 3), ("E", 5)]
    assert left_out == [(2, "broken_row"), (4, "broken_row")]


def test_line_ends_inside_quotes_do_not_shift_row_numbers(make_folder):
    text = HEADER + 'A,"N\n\nnorth",2020-01-10,gold\n' + "B,N\n" + good("C") + "D,N,2020-02-30,gold\n"
    used, left_out = read(make_folder, text)
    assert used == [("A", 1), ("C", 3)]
    assert left_out == [(2, "broken_row"), (4, "not_a_date")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blank_lines_are_no_rows(make_folder, end):
    text = HEADER + good("A") + "\n\n" + "B,N\n" + "\n" + good("C") + "\n" + "D,N,2020-02-30,gold\n" + "E,N\n"
    used, left_out = read(make_folder, text.replace("\n", end).encode())
    assert used == [("A", 1), ("C", 3)]
    assert left_out == [(2, "broken_row"), (4, "not_a_date"), (5, "broken_row")]


@pytest.mark.parametrize("first", ['A,N"x,2020-01-10,gold', 'A,N",2020-01-10,gold', 'A,"N""",2020-01-10,gold'])
@pytest.mark.parametrize("stray", ["", 'E,"N,2020-01-10,gold\n'])
def test_marks_inside_a_cell_do_not_shift_row_numbers(make_folder, first, stray):
    text = HEADER + first + '\nB,"N\n\nnorth",2020-01-10,gold\n\n' + "C,N\n" + good("D") + stray
    used, left_out = read(make_folder, text)
    assert used == [("A", 1), ("B", 2), ("D", 4)]
    assert left_out == [(3, "broken_row"), *([(5, "stray_quote")] if stray else [])]


def test_text_after_a_closing_quote_breaks_its_row_alone(make_folder):
    used, left_out = read(make_folder, HEADER + good("A") + 'B,"N"x,2020-01-10,gold\n' + good("C"))
    assert used == [("A", 1), ("C", 3)]
    assert left_out == [(2, "broken_row")]


@pytest.mark.parametrize(
    ("lines", "aside"),
    [
        ('B,"N,2020-01-10,gold\n' + good("C", "D"), {2}),
        ('B,"N,2020-01-10,gold\n' + good("C", "D") + 'E,N",2020-01-10,gold\n', {2}),
        ('B,"N,2020-01-10,gold\n' + 'C,N",2020-01-10,gold\n' + good("D"), {2}),
        ('"B,N,2020-01-10,gold\n' + good("C") + 'D,N,2020-01-10,"gold"\n', {2}),
        ('B,x"N,"2020-01-10,gold\n' + good("C"), {2}),
        (good("B") + 'C,"N,2020-01-10,gold\n' * 3 + good("D"), {3, 4, 5}),
        ('B,"N,2020-01-10,gold', {2}),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stray_quotation_mark_takes_no_row_with_it(make_folder, lines, aside, end):
    text = HEADER + good("A") + lines
    used, left_out = read(make_folder, text.replace("\n", end).encode())
    n_rows = len(text.strip().split("\n")) - 1
    stray = [row for row, rule in left_out if rule == "stray_quote"]
    assert set(stray) == aside
    assert sorted([row for _, row in used] + [row for row, _ in left_out]) == list(range(1, n_rows + 1))


def test_a_cell_of_many_lines_is_one_row(make_folder):
    note = "\n".join(f"line {n}, of a letter" for n in range(200))
    used, left_out = read(make_folder, HEADER + f'A,"{note}",2020-01-10,gold\n' + good("B"))
    assert (used, left_out) == ([("A", 1), ("B", 2)], [])


@pytest.mark.parametrize("size", [LONGEST_LINE + 1, 130_000_000])
def test_a_line_that_is_too_long_is_left_out_and_counted(make_folder, size):
    used, left_out = read(make_folder, HEADER + good("A") + f"B,{'N' * size},2020-01-10,gold\n" + good("C"))
    assert (used, left_out) == ([("A", 1), ("C", 3)], [(2, "broken_row")])


@pytest.mark.parametrize("cells", ["x," * 150_000, '"x",' * 100_000, '"x\n",' * 900 + "x," * 100_000])
def test_a_row_of_very_many_cells_is_left_out_in_moments(make_folder, cells):
    used, left_out = read(make_folder, HEADER + good("A") + f"B,N,2020-01-10,gold,{cells}\n" + good("C"))
    assert (used, left_out) == ([("A", 1), ("C", 3)], [(2, "broken_row")])


@pytest.mark.parametrize(
    "row",
    [
        "B,N,2020-01-10,gold,",
        "B,N,1,2020-01-10,",
        'B,"N,1",x,2020-01-10,',
        '"B""",N,x,"gold",',
        '"B",1,"N","2020-01-10",""',
    ],
)
def test_a_row_with_an_empty_cell_too_many_is_left_out(make_folder, row):
    used, left_out = read(make_folder, HEADER + good("A") + row + "\n" + good("C"))
    assert (used, left_out) == ([("A", 1), ("C", 3)], [(2, "broken_row")])


def test_delimiters_within_a_long_cell_are_not_counted(make_folder):
    note = "x, " * 100_000
    used, left_out = read(make_folder, HEADER + f'A,"{note}",2020-01-10,gold\n' + good("B"))
    assert (used, left_out) == ([("A", 1), ("B", 2)], [])


def test_a_reader_that_gives_other_rows_than_there_are_is_not_believed(make_folder, monkeypatch):
    folder = make_folder(customers=HEADER + good("A", "B"))
    monkeypatch.setattr("churn.tables.bank.database.run_apart", lambda *given: given[2](*given[3:]))
    monkeypatch.setattr("churn.tables.sources.read_lines", lambda path, *_, **__: Lines(path, 3, {}))
    with (
        pytest.raises(DataError, match=r"customers\.csv: 3 rows stand in it, and 2 could be read"),
        open_tables(folder),
    ):
        pass


def test_quotes_delimiters_and_doubled_quotes_stay_in_their_cell(make_folder):
    with open_tables(make_folder(customers=HEADER + 'A,"N, ""old""",2020-01-10,gold\nB,N"x,2020-01-10,gold\n')) as bank:
        found = bank.connection.execute("SELECT branch_id FROM customers ORDER BY customer_id").fetchall()
    assert found == [('N, "old"',), ('N"x',)]


def test_broken_rows_deep_in_a_long_file_keep_their_numbers_on_two_threads(make_folder):
    names = [f"C{i:06d}" for i in range(200_000)]
    lines = [f"{name},branch number one of the bank,2020-01-10,gold\n" for name in names]
    broken = [7, 99_999, 150_000, 199_998]
    for row in broken:
        lines[row - 1] = "short\n"
    lines[0] = "A,N,2020-01-10,gold\n"
    with use_threads(2), open_tables(make_folder(customers=HEADER + "".join(lines))) as bank:
        left_out = [row for table, _, row, *_ in bank.quarantine() if table == "customers"]
        misplaced = bank.connection.execute(
            "SELECT count(*) FROM customers WHERE source_row > 1 AND source_row <> CAST(customer_id[2:] AS BIGINT) + 1"
        ).fetchall()
    assert left_out == broken
    assert misplaced == [(0,)]


def test_missing_column_is_named_with_those_that_are_there(make_folder):
    with (
        pytest.raises(MissingColumnError, match=r"column tier of table customers .* customer_id, branch_id"),
        open_tables(make_folder(customers=CUSTOMERS.replace("tier", "level"))),
    ):
        pass


def test_renamed_column_that_is_missing_is_named_both_ways(make_folder):
    config = Config.model_validate({"tables": {"customers": {"columns": {"closed_on": "销户日期"}}}})
    with pytest.raises(MissingColumnError, match=r"销户日期 \(for closed_on\)"), open_tables(make_folder(), config):
        pass


def test_columns_the_contract_does_not_name_are_counted_and_ignored(make_folder):
    table = pa.table(
        {
            "rule": ["x", "x"],
            "source_row": [70, 80],
            "source_file": [7, 8],
            "Customer_ID": ["no", "no"],
            "customer_id": ["A", "B"],
            "branch_id": ["N", "N"],
            "opened_on": [dt.date(2020, 1, 10)] * 2,
            "tier": ["gold", "none"],
        }
    )
    with open_tables(make_folder(customers=table)) as bank:
        assert bank.ignored_columns == {"customers": 4}
        assert next(bank.quarantine()) == ("customers", "customers.parquet", 2, "tier", "unknown_value")
        assert bank.connection.execute("SELECT customer_id, source_row FROM customers").fetchall() == [("A", 1)]


def test_columns_that_may_be_absent_are_empty(make_folder):
    with open_bank(make_folder(customers=HEADER + good("A", "B"))) as bank:
        query = "SELECT DISTINCT manager_id, closed_on, birth_year, do_not_contact FROM customers"
        assert bank.checked.connection.execute(query).fetchall() == [(None, None, None, False)]
        assert not bank.column_is_there("customers", "closed_on")
        assert bank.column_is_there("customers", "tier")
        assert not bank.column_is_there("contacts", "channel")


def test_a_constant_stands_in_every_row_of_a_column_the_file_does_not_have(make_folder):
    customers = "customer_id,branch_id,opened_on\nA,N,2020-01-10\nB,N,2020-02-20\n"
    config = Config.model_validate({"tables": {"customers": {"constants": {"tier": "ordinary"}}}})
    with open_tables(make_folder(customers=customers), config) as bank:
        assert bank.connection.execute("SELECT DISTINCT tier FROM customers").fetchall() == [("ordinary",)]
        assert bank.is_ok


def test_a_constant_gives_way_to_the_files_own_column(make_folder):
    config = Config.model_validate({"tables": {"customers": {"constants": {"tier": "platinum"}}}})
    with open_tables(make_folder(), config) as bank:
        found = bank.connection.execute("SELECT tier FROM customers ORDER BY customer_id").fetchall()
        assert found == [("gold",), ("ordinary",)]


COLUMNS = "customer_id,branch_id,opened_on,tier"
ROWS = ["A,N,2020-01-10,gold", "B,N,2020-02-20,gold"]


def lines_left_out(folder, config=None):
    with open_tables(folder, config) as bank:
        assert bank.row_counts["customers"].used == 2
        return [entry[2:] for entry in bank.quarantine()]


@pytest.mark.parametrize(
    "line",
    [
        "合计,,,2",
        "合计：,,,2",
        "合 计,,,2",
        "　总计 :,,,2",
        "合计",
        "小计,2",
        '"合计",2',
        "共3条",
        "共3条记录",
        "共 3 笔,,,",
        "共３条,",
    ],
)
def test_a_line_that_sums_others_up_is_known_however_it_is_written_and_however_short(make_folder, line):
    folder = make_folder(customers="\n".join([COLUMNS, ROWS[0], line, ROWS[1]]) + "\n")
    assert lines_left_out(folder) == [(2, "", "total_line")]


@pytest.mark.parametrize(
    ("line", "rule"), [("合计划,N", "broken_row"), ("C", "broken_row"), ("共和国,N", "broken_row")]
)
def test_other_short_lines_are_broken_rows(make_folder, line, rule):
    folder = make_folder(customers="\n".join([COLUMNS, *ROWS, line]) + "\n")
    assert lines_left_out(folder) == [(3, "", rule)]


def test_the_configuration_says_which_words_are_totals(make_folder):
    text = "\n".join([COLUMNS, *ROWS, "Sum:,,,2", "合计,N,2020-01-10,dragon"]) + "\n"
    config = Config.model_validate({"tables": {"customers": {"totals": ["Sum"]}}})
    assert lines_left_out(make_folder(customers=text), config) == [(3, "", "total_line"), (4, "tier", "unknown_value")]


def test_without_words_nothing_is_a_total(make_folder):
    text = "\n".join([COLUMNS, *ROWS, "合计", "共3条"]) + "\n"
    config = Config.model_validate({"tables": {"customers": {"totals": []}}})
    assert [rule for _, _, rule in lines_left_out(make_folder(customers=text), config)] == ["broken_row"] * 2
