"""Every kind of file: a changed bit is reported, and what may differ is not."""

import hashlib
import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, PngImagePlugin
from same_outputs import kept_name, pick, with_needs
from same_outputs_files import Run, compare_csv, compare_json, compare_text, describe_run, differences
from same_outputs_steps import SOURCES, parse_steps

NEXT = float(np.nextafter(0.25, 1))
SAME = Run(), Run()


@pytest.fixture
def pair(tmp_path):
    """Write one file twice and compare; each writer is given a path."""

    def compare(name, write_old, write_new, runs=SAME):
        paths = [tmp_path / side / name for side in ("old", "new")]
        for path, write in zip(paths, (write_old, write_new), strict=True):
            path.parent.mkdir(exist_ok=True)
            write(path)
        return differences(*paths, *runs)

    return compare


def text(content):
    return lambda path: path.write_text(content, encoding="utf-8")


def parquet(p=(0.5, 0.25), versions="1.0", groups=None, kind="float64", names=("id", "p")):
    def write(path):
        document = json.dumps({"pandas_version": versions, "columns": list(names)})
        table = pa.table({names[0]: ["a", "b"], names[1]: pa.array(p, kind)})
        pq.write_table(table.replace_schema_metadata({"pandas": document}), path, row_group_size=groups)

    return write


def workbook(value=0.25, title="plan", width=None, made="2025-01-01"):
    def write(path):
        book = openpyxl.Workbook()
        book.active.title = title
        book.active["B2"] = value
        book.properties.created = pd.Timestamp(made)
        if width:
            book.active.column_dimensions["B"].width = width
        book.save(path)

    return write


def picture(colour=0, software="one", size=(4, 3)):
    def write(path):
        pixels = np.zeros((size[1], size[0], 3), dtype=np.uint8)
        pixels[1, 2] = colour
        facts = PngImagePlugin.PngInfo()
        facts.add_text("Software", software)
        Image.fromarray(pixels).save(path, pnginfo=facts)

    return write


# --- a changed bit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("a.txt", text("one\ntwo\n"), text("one\n2\n"), ["@@ -1,2 +1,2 @@", " one", "-two", "+2"]),
        ("exit.txt", text("0\n"), text("1\n"), ["@@ -1 +1 @@", "-0", "+1"]),
        ("a.json", text('{"a": [{"b": 0.25}]}'), text(f'{{"a": [{{"b": {NEXT}}}]}}'), [f"a[0].b: 0.25 → {NEXT}"]),
        ("a.json", text('{"a": 1}'), text('{"a": 1, "b": 2}'), ["b: only in new"]),
        ("a.json", text('{"a": 1, "b": 2}'), text('{"b": 2, "a": 1}'), ["same values, in another order"]),
        ("a.json", text("[0.0, true]"), text("[-0.0, 1]"), ["[0]: 0.0 → -0.0", "[1]: True → 1"]),
        ("stdout.txt", text('{"a": 1}'), text('{"a": 2}'), ["a: 1 → 2"]),
        (
            "a.csv",
            text("id,p\na,0.5\nb,0.25\n"),
            text(f"id,p\na,0.5\nb,{NEXT}\n"),
            ["column p: 1 of 2 rows; largest difference 5.55112e-17", f"  row 2: '0.25' → '{NEXT}'"],
        ),
        ("a.csv", text("id,p\na,1\n"), text("id,q\na,1\n"), ["columns only in old: p", "columns only in new: q"]),
        ("a.csv", text("id\na\n"), text("id\na\nb\n"), ["rows: 1 → 2"]),
        (
            "a.csv",
            text("id\na\n"),
            text('"id"\n"a"\n'),
            ["same cells, in other bytes: ends of lines or quotation marks"],
        ),
        (
            "a.parquet",
            parquet(),
            parquet(p=(0.5, NEXT)),
            ["column p: 1 of 2 rows; largest difference 5.55112e-17", f"  row 2: 0.25 → {NEXT}"],
        ),
        (
            "a.parquet",
            parquet(p=(0.5, None)),
            parquet(p=(0.5, np.nan)),
            ["column p: 1 of 2 rows", "  row 2: None → nan"],
        ),
        (
            "a.parquet",
            parquet(p=(0.5, 0.0)),
            parquet(p=(0.5, -0.0)),
            ["column p: 1 of 2 rows; largest difference 0", "  row 2: 0.0 → -0.0"],
        ),
        ("a.parquet", parquet(), parquet(kind="float32"), ["column p: double → float"]),
        (
            "a.parquet",
            parquet(),
            parquet(names=("id", "q")),
            ["columns only in old: p", "columns only in new: q", "metadata.pandas.columns[1]: 'p' → 'q'"],
        ),
        ("a.xlsx", workbook(), workbook(0.2500000000000001), ["plan!B2: 0.25 → 0.2500000000000001"]),
        ("a.xlsx", workbook(), workbook("0.25"), ["plan!B2: 0.25 → '0.25'"]),
        ("a.xlsx", workbook(), workbook(title="day"), ["sheets only in old: plan", "sheets only in new: day"]),
        ("a.xlsx", workbook(), workbook(width=30), ["same cells, but xl/worksheets/sheet1.xml differs"]),
        ("a.png", picture(), picture(1), ["pixels: 1 of 12 differ"]),
        ("a.png", picture(), picture(size=(5, 3)), ["pixels: 4×3 → 5×3"]),
        ("a.bin", lambda p: p.write_bytes(b"\0\1"), lambda p: p.write_bytes(b"\0\2"), ["bytes differ: 2 → 2"]),
        (
            "a.csv",
            lambda p: p.write_text("客户\n", encoding="utf-8"),
            lambda p: p.write_text("客户\n", encoding="gb18030"),
            ["UTF-8 → GB18030"],
        ),
    ],
)
def test_a_changed_bit_is_reported(pair, name, old, new, says):
    assert pair(name, old, new) == says


def test_other_row_groups_are_reported(pair):
    found = pair("a.parquet", parquet(), parquet(groups=1))
    assert found[0] == "layout.rows of groups: 1 → 2 entries"


@pytest.mark.parametrize("gone", ["old", "new"])
def test_a_file_of_one_side_is_reported(tmp_path, gone):
    (tmp_path / ("new" if gone == "old" else "old")).write_text("x")
    only = "new" if gone == "old" else "old"
    assert differences(tmp_path / "old", tmp_path / "new", *SAME) == [f"only in {only}"]


def test_a_long_line_of_a_page_is_broken_at_its_tags():
    start, end = "<p>" + "word " * 60 + "</p>", "<i>" + "more " * 60 + "</i>"
    found = compare_text(f"<body>{start}<b>42</b>{end}", f"<body>{start}<b>43</b>{end}")
    assert [line for line in found if line[0] in "-+"] == ["-42", "+43"]


def test_a_long_text_is_shown_from_where_it_differs():
    found = compare_json(json.dumps({"a": "x" * 500 + "one"}), json.dumps({"a": "x" * 500 + "two"}))
    assert found == [f"a: '…{'x' * 20}one' → '…{'x' * 20}two'"]


def test_broken_csv_is_compared_as_text():
    assert "-1,2,3" in compare_csv("a,b\n1,2,3\n", "a,b\n1,2\n")


# --- what may differ ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a.json", text('{"duration_seconds": 1.5}'), text('{"duration_seconds": 2.5}')),
        ("stderr.txt", text("wrote plan: 200 contacts in 2.2 s\n"), text("wrote plan: 200 contacts in 13.9 s\n")),
        ("stdout.txt", text("┃ model ┃ seconds ┃\n│ a │ 1.5 │\n"), text("┃ model ┃ seconds ┃\n│ a │ 2.5 │\n")),
        ("a.txt", text("at 2026-01-01T08:00:00+00:00"), text("at 2026-01-02T09:30:00+00:00")),
        ("a.txt", text(f"run {'0a' * 16}"), text(f"run {'1b' * 16}")),
        ("a.parquet", parquet(), parquet(versions="2.0")),
        ("a.xlsx", workbook(), workbook(made="2026-01-01")),
        ("a.png", picture(), picture(software="two")),
    ],
)
def test_what_may_differ_is_not_reported(pair, name, old, new):
    assert pair(name, old, new) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [("2026-01-01", "2026-01-02"), ("0a" * 32, "1b" * 32), ("in 2.2 s", "in 2.3 s"), ("│ 1.5 │", "│ 2.5 │")],
)
def test_what_only_looks_like_it_is_reported(pair, old, new):
    assert pair("a.txt", text(f"{old}\n"), text(f"{new}\n")) == ["@@ -1 +1 @@", f"-{old}", f"+{new}"]


def test_a_right_checksum_of_a_file_that_differs_is_no_difference_of_its_own(tmp_path):
    for side, content in (("old", "one"), ("new", "two")):
        folder = tmp_path / side / "model"
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(content)
        digest = hashlib.sha256(content.encode()).hexdigest()
        (folder / "SHA256SUMS").write_text(f"{digest}  model.json\n")
    sides = tmp_path / "old", tmp_path / "new"
    sums = [side / "model" / "SHA256SUMS" for side in sides]
    assert differences(*sums, *(describe_run(side, {}) for side in sides)) == []
    sums[1].write_text(f"{'0' * 64}  model.json\n")
    found = differences(*sums, *(describe_run(side, {}) for side in sides))
    assert found[1:] == ["-<sha256 of model.json>  model.json", f"+{'0' * 64}  model.json"]


def test_absolute_places_are_not_reported(pair, tmp_path):
    runs = [describe_run(tmp_path / "none", {Path(f"/{side}"): "<checkout>"}) for side in ("one", "two")]
    assert pair("stderr.txt", text("/one/src: no\n"), text("/two/src: no\n"), runs) == []


# --- steps --------------------------------------------------------------------------------------------------------


def test_names_of_steps_are_unique_and_each_writes_to_its_own_folder():
    for source in SOURCES:
        names = [step.name for step in source.steps]
        assert len(set(names)) == len(names)
        for step in source.steps:
            for option in ("-o", "--measures"):
                if option in step.command:
                    assert step.command[step.command.index(option) + 1].startswith(f"{step.name}/")


def test_a_step_is_picked_by_its_name_or_first_word_and_old_also_runs_what_it_reads():
    picked = pick("bank", "plan-csv,baselines", "baselines-json")
    assert [step.name for step in picked["bank"]] == ["baselines", "plan-csv"]
    assert [step.name for step in with_needs(picked)["bank"]] == ["train", "score-words", "baselines", "plan-csv"]


def test_a_mistyped_step_is_refused():
    with pytest.raises(SystemExit, match="scores: not a source or step"):
        pick("", "scores", "")


def test_a_step_is_another_once_one_that_it_reads_from_changed():
    source = next(source for source in SOURCES if source.name == "telco")
    score = next(step for step in source.steps if step.name == "score")
    changed = parse_steps("train churn train data/other.csv -o train/model")
    other = source._replace(steps=changed + source.steps[2:])
    assert source.fingerprint(score) != other.fingerprint(score)
    check = source.steps[0]
    assert source.fingerprint(check) == source._replace(steps=source.steps[:1]).fingerprint(check)


def test_a_folder_outside_git_is_never_kept(tmp_path):
    assert kept_name(tmp_path) is None
