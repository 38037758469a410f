import csv
import json
import re
from html.parser import HTMLParser
from io import StringIO

import pandas as pd
import pytest

from binding_rows import CUSTODY, binding_row
from churn.explanation.bindings import FIELDS, flatten
from churn.explanation.rendering import (
    render_bindings_html,
    render_bindings_json,
    render_bindings_markdown,
    write_bindings,
)

UNKNOWN = binding_row("cash_sweep")
NAMES = {"en": {"cts": "third-party custody (CTS)"}, "zh": {"cts": "第三方存管"}}
# bound and eligible, SHAP, raw, observational, bounds, randomised, robustness, overlap, of CUSTODY
NUMBERS = [
    [4121, 8123],
    [-4.1, -4.5, -3.7],
    [-15.5, -17.5, -13.5],
    [-8.1, -9.9, -6.3],
    [-14.9, -1.3],
    [-9.2, -12.7, -5.7],
    [-8.6, -11.9, -5.3],
    [12],
    [93],
]


class Cells(HTMLParser):
    """Collects the texts of the cells, row by row, and the names of all tags."""

    def __init__(self):
        super().__init__()
        self.rows, self.tags, self.open = [], set(), False

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.open = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


def html_cells(page):
    parser = Cells()
    parser.feed(page)
    return parser.rows


def markdown_cells(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if not set(line) <= set("|:- ")
    ]


def numbers(cell):
    return [float(text.replace("−", "-").replace(",", "")) for text in re.findall(r"[+−]?[\d,]*\d(?:\.\d+)?", cell)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("render", "read"), [(render_bindings_markdown, markdown_cells), (render_bindings_html, html_cells)]
)
def test_tables_for_people_read_back_to_the_same_numbers(render, read, language):
    head, custody, unknown = read(render([CUSTODY, UNKNOWN], NAMES[language], language))
    assert custody[:2] == ["1", NAMES[language]["cts"]]
    assert [numbers(cell) for cell in custody[2:11]] == NUMBERS
    assert unknown[:2] == ["2", r"cash\_sweep" if render is render_bindings_markdown else "cash_sweep"]
    assert unknown[3:11] == ["–"] * 8
    assert len(head) == len(custody) == len(unknown) == 14


def test_the_verdict_stands_in_words_in_the_language_asked_for():
    (_, english), (_, chinese) = (html_cells(render_bindings_html([CUSTODY], {}, lang)) for lang in ("en", "zh"))
    assert english[-3:] == ["randomised offers", "cuts churn", "Cannot tell."]
    assert chinese[-3:] == ["随机实验", "降低流失", "无法判断。"]


def test_a_service_called_script_runs_nowhere():
    evil = "<script>alert('1')</script> | <b> \"x\"\n# [a](javascript:b)"
    row = binding_row(evil, text_en=evil)
    page = render_bindings_html([row], {}, "en")
    parser = Cells()
    parser.feed(page)
    assert not parser.tags & {"script", "b", "a"}
    assert parser.rows[1][1] == evil
    markdown = render_bindings_markdown([row], {}, "en")
    assert "<" not in markdown
    assert "[a]" not in markdown.replace("\\[", "")
    assert [len(cells) for cells in markdown_cells(markdown)] == [14, 14]


def test_the_page_loads_nothing():
    page = render_bindings_html([CUSTODY], {}, "zh")
    assert not re.search(r"src=|href=|url\(|@import", page)
    assert '<html lang="zh-CN">' in page


def test_json_has_the_fields_of_a_row_in_order_and_null_where_nothing_is_known():
    first, second = json.loads(render_bindings_json([CUSTODY, UNKNOWN]))
    assert tuple(first) == FIELDS
    assert first == flatten(CUSTODY)
    assert second["late"] is None


def test_csv_reads_back_in_pandas_to_the_same_values(tmp_path):
    write_bindings(tmp_path, [CUSTODY, UNKNOWN], NAMES["zh"], "zh")
    frame = pd.read_csv(tmp_path / "bindings.csv")
    assert tuple(frame.columns) == FIELDS
    assert frame["late"].tolist()[0] == CUSTODY.late.value
    assert frame["late"].isna().tolist() == [False, True]
    assert frame["text_zh"].tolist() == ["无法判断。"] * 2


def test_csv_begins_with_the_mark_excel_needs(tmp_path):
    write_bindings(tmp_path, [CUSTODY], {}, "en")
    assert (tmp_path / "bindings.csv").read_bytes().startswith(b"\xef\xbb\xbfservice,")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "{=1+1}", "@SUM(1)", " =1", "\t=1"])
def test_no_text_is_a_formula_in_a_spreadsheet(tmp_path, name):
    write_bindings(tmp_path, [binding_row(name, late=-0.1)], {}, "en")
    row = next(csv.DictReader(StringIO((tmp_path / "bindings.csv").read_text(encoding="utf-8-sig"))))
    assert row["service"] == f"'{name}"
    assert row["late"] == "-0.1"


def test_no_services_give_empty_tables(tmp_path):
    write_bindings(tmp_path / "new", [], {}, "en")
    assert json.loads((tmp_path / "new" / "bindings.json").read_text()) == []
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "bindings.csv",
        "bindings.html",
        "bindings.json",
        "bindings.md",
    ]
