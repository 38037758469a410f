"""The short form of the study of corrupted files; `python benchmarks/corrupted_files.py` is the long one."""

import random

import corrupted_files as study
import pytest

from long_runs import examples

KINDS = [kind for kind in study.CHANGES if kind not in ("long line", "replaced")]
MADE = study.make("holdings", 6, random.Random(3))


def count(text, delimiter=b","):
    return [(row.content.decode(), row.n_cells) for row in study.Counted(text.encode(), delimiter, 3, 1).rows]


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        ("a,b,c\n\nd,e\r\nf,g,h\ri", [("a,b,c", 3), ("d,e", 2), ("f,g,h", 3), ("i", 1)]),
        ('a,"b,\n\n""x""",c\nd', [('a,"b,\n\n""x""",c', 3), ("d", 1)]),
        ('a,"b,c\nd,e,f\ng,h,i"\n', [('a,"b,c', -1), ("d,e,f", 3), ('g,h,i"', 3)]),
        ('a,b"c,d\ne,f,g\n', [('a,b"c,d', 3), ("e,f,g", 3)]),
        ('a,"b\n', [('a,"b', -1)]),
    ],
)
def test_rows_are_counted_by_the_rules_for_people(lines, rows):
    assert count("x,y,z\n" + lines) == rows


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_corrupted_files_are_used_or_left_out_or_the_file_is_refused(kind, tmp_path):
    step = len(study.CHANGES)
    first = list(study.CHANGES).index(kind)
    for number in range(first, first + step * examples(5, 20), step):
        _, wrong = study.judge(number, tmp_path / str(number))
        assert (number, wrong) == (number, [])


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ({}, None),
        ({"rows": 5, "used": 5}, "5 rows, 6 counted"),
        ({"rows": 6, "used": 5}, "6 rows, 5 used and 0 left out"),
        ({"used": 5, "left_out": {2: {"broken_row"}}}, "row 2 is as it was, and left out as broken_row"),
        ({"used": 5, "left_out": {2: {"exact_copy"}}}, None),
    ],
)
def test_what_must_never_happen_is_found(read, said):
    file = study.File("", "holdings", MADE, MADE.content(), None, "bank", "f")
    found = study.Read(**({"rows": 6, "used": 6, "left_out": {}, "sha256": ""} | read))
    assert list(study.judge_rows(file, file.content, found)) == ([said] if said else [])


def test_a_row_that_has_other_cells_and_is_used_is_found():
    content = MADE.content([*MADE.records[:-1], b"H9" + MADE.delimiter + b"K1" + MADE.end])
    file = study.File("", "holdings", MADE, content, None, "bank", "f")
    assert list(study.judge_rows(file, content, study.Read(6, 6, {}, ""))) == ["row 6 is used, and has 2 cells"]
