import openpyxl
import pytest

from churn.config import FlatFile
from churn.errors import DataError
from churn.tables.flat import open_flat
from churn.tables.layout import find_layout
from churn.tables.lines import read_lines

FLAT = FlatFile(id="id", label="left", churned="Yes", keep=("x",))
ROWS = [[f"K{i:02d}", "No" if i % 3 else "Yes", str(i * i)] for i in range(1, 10)]
NAMES = ["id", "left", "x"]
EXPECTED = [i * i for i in range(1, 10)]


def write(path, names, rows, separator=",", end="\n"):
    path.write_text("".join(separator.join(row) + end for row in [names, *rows]), newline="")
    return path


def read(path, flat=FLAT):
    with open_flat(path, flat, labels="needed") as table:
        rows = table.rows()
        assert rows.customer_id.tolist() == [row[0] for row in ROWS]
        assert list(rows.features) == ["x"]
        nameless = [note.said.facts["places"] for note in table.notes if "without a heading" in note.said.text]
        return rows.features["x"].tolist(), nameless


def test_numbers_of_rows_that_the_header_does_not_name_are_left_out(tmp_path):
    rows = [[f'"{i}"', *row] for i, row in enumerate(ROWS, 1)]
    assert read(write(tmp_path / "x.csv", NAMES, rows)) == (EXPECTED, ["1"])


def test_rows_with_a_cell_more_that_numbers_nothing_are_refused_with_the_reason(tmp_path):
    for rows in ([["Ann", *row] for row in ROWS], [[*row, "note"] for row in ROWS]):
        with pytest.raises(DataError, match="rows have 4 cells, one more than its first line has names"):
            read(write(tmp_path / "x.csv", NAMES, rows))


def test_ids_that_count_upwards_are_not_taken_for_numbers_of_rows(tmp_path):
    rows = [[str(i), "30", "Yes", "7"] for i in range(1, 10)]  # the last column has no heading
    with pytest.raises(DataError, match="one more than its first line has names"):
        read(write(tmp_path / "x.csv", ["id", "age", "left"], rows))


@pytest.mark.parametrize("names", [NAMES, [*NAMES, ""]])
def test_a_separator_at_the_end_of_each_row_is_told_and_read(tmp_path, names):
    assert read(write(tmp_path / "x.csv", names, [[*row, ""] for row in ROWS])) == (EXPECTED, ["4"])


def test_columns_without_a_heading_are_left_out(tmp_path):
    rows = [["a", *row, "b"] for row in ROWS]
    assert read(write(tmp_path / "x.csv", ["", *NAMES, ""], rows)) == (EXPECTED, ["1, 5"])


@pytest.mark.parametrize("share", [1, 2])
def test_columns_of_a_sheet_without_a_heading_are_left_out(tmp_path, share):
    book = openpyxl.Workbook()
    for number, row in enumerate([NAMES, *ROWS]):
        book.active.append([*row, "x"] if number % share == 0 and number else row)
    book.save(tmp_path / "x.xlsx")
    assert read(tmp_path / "x.xlsx") == (EXPECTED, ["4"])


@pytest.mark.parametrize("header", ['{0};"a;b,c"', "{0};a, b, c, d, e, f"])
def test_the_separator_is_the_sign_that_splits_header_and_rows_alike(tmp_path, header):
    rows = [[*row, "1,5"] for row in ROWS]
    path = write(tmp_path / "x.csv", [header.format(";".join(NAMES))], [[";".join(row)] for row in rows])
    name = header.partition(";")[2].strip('"')
    assert read(path, FLAT.model_copy(update={"drop": (name,)}))[0] == EXPECTED


@pytest.mark.parametrize(("separator", "is_numbered"), [(" ", True), ("   ", False)])
def test_cells_that_blanks_separate_are_read(tmp_path, separator, is_numbered):
    rows = [[f'"{i}"'] * is_numbered + [row[0], f'"{row[1]}"', row[2]] for i, row in enumerate(ROWS, 1)]
    assert read(write(tmp_path / "x.txt", NAMES, rows, separator)) == (EXPECTED, ["1"] * is_numbered)


def test_a_cell_of_several_lines_between_blanks_is_one(tmp_path):
    rows = [[row[0], f'"{row[1]}"', f'"two\n""lines"" {i % 2}"', row[2]] for i, row in enumerate(ROWS)]
    write(tmp_path / "x.txt", ["id", "left", "word", "x"], rows, " ")
    with open_flat(tmp_path / "x.txt", FLAT, labels="needed") as table:
        assert table.rows().features["word"].tolist() == [f'two\n"lines" {i % 2}' for i in range(len(ROWS))]
        assert table.row_counts["flat"].used == len(ROWS) == table.row_counts["flat"].rows


@pytest.mark.parametrize("town", ["Oslo", '"New York"'])
@pytest.mark.parametrize("closing", [41, 45, None])
def test_stray_marks_between_blanks_leave_out_their_rows_alone(tmp_path, town, closing):
    marked = {40: '"7', closing: '7"'}
    rows = [[f"K{i}", "No" if i % 3 else "Yes", town, marked.get(i, "7")] for i in range(60)]
    with open_flat(write(tmp_path / "x.txt", ["id", "left", "town", "x"], rows, " "), FLAT, labels="needed") as table:
        assert table.row_counts["flat"].rows == 60
        assert table.row_counts["flat"].used == (58 if closing else 59)


def test_blanks_that_separate_no_table_are_refused_with_the_reason(tmp_path):
    rows = [row if i % 2 else row[:2] for i, row in enumerate(ROWS)]
    with pytest.raises(DataError, match="only blanks separate its columns, and its rows have other numbers of cells"):
        read(write(tmp_path / "x.txt", NAMES, rows, " "))


@pytest.mark.parametrize("separator", [",", " "])
def test_marks_after_a_backslash_are_read_as_marks(tmp_path, separator):
    words = ['\\"all\\"', '5\\" disk', "plain", "C:\\", 'a \\"b\\", c']
    rows = [[*row[:2], f'"{words[i % 5].rstrip(chr(92))}"', row[2]] for i, row in enumerate(ROWS)]
    write(tmp_path / "x.csv", ["id", "left", "word", "x"], rows, separator)
    with open_flat(tmp_path / "x.csv", FLAT, labels="needed") as table:
        found = table.rows().features["word"].tolist()
        assert table.row_counts["flat"].used == len(ROWS)
    assert found[:5] == ['"all"', '5" disk', "plain", "C:", 'a "b", c']


def test_a_backslash_at_the_end_of_a_cell_is_kept(tmp_path):
    rows = [[*row[:2], '"C:\\"', row[2]] for row in ROWS]
    write(tmp_path / "x.csv", ["id", "left", "word", "x"], rows)
    with open_flat(tmp_path / "x.csv", FLAT, labels="needed") as table:
        assert set(table.rows().features["word"]) == {"C:\\"}


def test_a_cell_of_several_lines_in_a_file_of_one_column_is_no_stray_mark(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('word\n"two\nlines"\none\n"stray\none\n"x"y\n')
    layout = find_layout(path, path)
    assert read_lines(path, layout, tmp_path / "copy.csv")[1:3] == (5, {3: "stray_quote"})


def test_rows_over_several_lines_count_once_where_the_header_is_one_short(tmp_path):
    rows = [[f'"{i}"', *row[:2], '"two\nlines"', row[2]] for i, row in enumerate(ROWS, 1)]
    write(tmp_path / "x.csv", ["id", "left", "word", "x"], rows)
    with open_flat(tmp_path / "x.csv", FLAT, labels="needed") as table:
        assert table.rows().features["x"].tolist() == EXPECTED
