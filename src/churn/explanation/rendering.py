"""The bindings table as JSON and CSV for programs, as Markdown and HTML for people."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from html import escape
from pathlib import Path

from churn import csv_files
from churn.explanation.bindings import BindingRow
from churn.explanation.captions import (
    Language,
    caption,
    evidence_text,
    format_interval,
    format_share,
    verdict_text,
)
from churn.files import render_json, write_text

_FIELDS = tuple(field.name for field in fields(BindingRow))
_COLUMNS = (
    "rank",
    "service",
    "bound_of_eligible",
    "shap",
    "raw",
    "observational",
    "bounds",
    "randomised",
    "robustness",
    "overlap",
    "evidence",
    "verdict",
    "text",
)
_LEFT = frozenset({"service", "evidence", "verdict", "text"})
"""Columns of words; the others are numbers."""
_STYLE = """body{font:15px/1.45 system-ui,"PingFang SC","Microsoft YaHei","WenQuanYi Micro Hei",sans-serif;\
color:#1c2733;margin:2em}
table{border-collapse:collapse}
th,td{padding:.4em .7em;border-bottom:1px solid #d8dee4;text-align:right;vertical-align:top;\
font-variant-numeric:tabular-nums}
th{color:#55606c;font-weight:600;vertical-align:bottom}
td:not(.text){white-space:nowrap}
.service,.evidence,.verdict,.text{text-align:left}
.text{min-width:18em}
tr.cuts .verdict,tr.suggests .verdict{color:#00695c}
tr.raises .verdict{color:#b8500f}
p{color:#55606c}"""


def write_bindings(folder: Path, rows: Sequence[BindingRow], names: Mapping[str, str], language: Language) -> None:
    """Write `bindings.json`, `bindings.csv`, `bindings.md` and `bindings.html` into a folder, each whole.

    Parameters
    ----------
    folder
        Made where it is not there.
    rows
        In the order of their rank; may be empty.
    names
        Name of each service in `language`; a service not in it stands under its own.
    language
        Of the Markdown and the HTML.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    write_text(folder / "bindings.json", render_bindings_json(rows))
    write_text(folder / "bindings.csv", render_bindings_csv(rows))
    write_text(folder / "bindings.md", render_bindings_markdown(rows, names, language))
    write_text(folder / "bindings.html", render_bindings_html(rows, names, language))


def render_bindings_json(rows: Sequence[BindingRow]) -> str:
    r"""Render a list of objects with exactly the fields of `BindingRow`, in order, null where None.

    Examples
    --------
    >>> render_bindings_json([])
    '[]\n'
    """
    return render_json([asdict(row) for row in rows])


def render_bindings_csv(rows: Sequence[BindingRow]) -> str:
    r"""Render the same fields as CSV for Excel with a header; empty where None.

    Examples
    --------
    >>> render_bindings_csv([])[:20]
    '\ufeffservice,n_eligible,'
    """
    return csv_files.render_rows(_FIELDS, (asdict(row).values() for row in rows))


def render_bindings_markdown(rows: Sequence[BindingRow], names: Mapping[str, str], language: Language) -> str:
    """Render a table for people, effects in percentage points with their intervals."""
    heads = [caption(column, language) for column in _COLUMNS]
    rules = [":---" if column in _LEFT else "---:" for column in _COLUMNS]
    cells = [_markdown_cells(_cells(place, row, names, language)) for place, row in enumerate(rows, 1)]
    lines = ["| " + " | ".join(line) + " |" for line in (heads, rules, *cells)]
    return "\n".join([*lines, "", caption("units", language)]) + "\n"


def render_bindings_html(rows: Sequence[BindingRow], names: Mapping[str, str], language: Language) -> str:
    """Render a page of its own around `render_bindings_table`; it loads nothing."""
    title = escape(caption("bindings", language))
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if language == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"{render_bindings_table(rows, names, language)}<p>{escape(caption('units', language))}</p>\n"
        "</body>\n</html>\n"
    )


def render_bindings_table(rows: Sequence[BindingRow], names: Mapping[str, str], language: Language) -> str:
    """Render the table alone, to stand in another page; every text is escaped."""
    heads = "".join(f'<th class="{column}" scope="col">{escape(caption(column, language))}</th>' for column in _COLUMNS)
    body = "".join(
        f'<tr class="{row.verdict}">{_html_cells(_cells(place, row, names, language))}</tr>\n'
        for place, row in enumerate(rows, 1)
    )
    return f"<table>\n<thead>\n<tr>{heads}</tr>\n</thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _cells(place: int, row: BindingRow, names: Mapping[str, str], language: Language) -> tuple[str, ...]:
    """List what a row of the tables for people says, in the order of `_COLUMNS`."""
    return (
        str(place),
        names.get(row.service, row.service),
        f"{row.n_bound:,} / {row.n_eligible:,}",
        format_interval(row.shap_contrast_points, row.shap_low, row.shap_high),
        format_interval(row.raw_difference, row.raw_low, row.raw_high),
        format_interval(row.effect_atu, row.effect_atu_low, row.effect_atu_high),
        format_interval(None, row.bound_low, row.bound_high),
        format_interval(row.late, row.late_low, row.late_high),
        format_share(row.robustness_value),
        format_share(row.overlap_share),
        evidence_text(row, language),
        verdict_text(row, language),
        row.text_zh if language == "zh" else row.text_en,
    )


def _html_cells(cells: Sequence[str]) -> str:
    return "".join(f'<td class="{column}">{escape(cell)}</td>' for column, cell in zip(_COLUMNS, cells, strict=True))


def _markdown_cells(cells: Sequence[str]) -> list[str]:
    """Escape the words; numbers keep the brackets of their intervals."""
    return [_markdown(cell) if column in _LEFT else cell for column, cell in zip(_COLUMNS, cells, strict=True)]


def _markdown(text: str) -> str:
    """Escape what Markdown, or HTML inside it, would act on."""
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", escape(" ".join(text.split()), quote=False))
