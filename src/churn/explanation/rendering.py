"""The bindings table as JSON and CSV for programs, as Markdown and HTML for people."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import jinja2

from churn import csv_files
from churn.explanation.bindings import FIELDS, BindingRow, flatten
from churn.explanation.verdict import EVIDENCE, VERDICTS
from churn.files import render_json, write_text
from churn.speech import Language, Message, Percent, PointsBetween, message, say

TITLE = message("What binding a service would do to churn")
_UNITS = message(
    "Changes of the churn probability in percentage points, with 95\u202f% intervals; negative is less churn."
)
_COLUMNS: Mapping[str, Message] = {
    "rank": message("rank"),
    "service": message("service"),
    "bound_of_eligible": message("bound / eligible"),
    "shap": message("SHAP contrast"),
    "raw": message("raw difference"),
    "observational": message("estimate if bound"),
    "bounds": message("bounds under a hidden driver"),
    "randomised": message("randomised, on takers"),
    "expected": message("expected effect"),
    "robustness": message("robustness value"),
    "overlap": message("overlap"),
    "evidence": message("evidence"),
    "verdict": message("verdict"),
    "text": message("in words"),
}
_LEFT = frozenset({"service", "evidence", "verdict", "text"})
"""Columns of words; the others are numbers."""


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
    write_text(folder / "bindings.csv", csv_files.render_rows(FIELDS, (flatten(row).values() for row in rows)))
    write_text(folder / "bindings.md", render_bindings_markdown(rows, names, language))
    write_text(folder / "bindings.html", render_bindings_html(rows, names, language))


def render_bindings_json(rows: Iterable[BindingRow]) -> str:
    r"""Render a list of objects with exactly the fields of `bindings.FIELDS`, in order, null where None.

    Examples
    --------
    >>> render_bindings_json([])
    '[]\n'
    """
    return render_json([flatten(row) for row in rows])


def render_bindings_markdown(rows: Sequence[BindingRow], names: Mapping[str, str], language: Language) -> str:
    """Render a table for people, effects in percentage points with their intervals."""
    heads = [say(column, language) for column in _COLUMNS.values()]
    rules = [":---" if column in _LEFT else "---:" for column in _COLUMNS]
    cells = [
        [_markdown(cell) if column in _LEFT else cell for column, cell in _cells(place, row, names, language).items()]
        for place, row in enumerate(rows, 1)
    ]
    lines = ["| " + " | ".join(line) + " |" for line in (heads, rules, *cells)]
    return "\n".join([*lines, "", say(_UNITS, language)]) + "\n"


def render_bindings_html(rows: Sequence[BindingRow], names: Mapping[str, str], language: Language) -> str:
    """Render a page of its own; it loads nothing, and every text is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("churn.explanation"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("bindings.html.j2").render(
        language="zh-CN" if language == "zh" else language,
        title=say(TITLE, language),
        units=say(_UNITS, language),
        heads={column: say(head, language) for column, head in _COLUMNS.items()},
        rows=[(row.verdict, _cells(place, row, names, language)) for place, row in enumerate(rows, 1)],
    )


def _cells(place: int, row: BindingRow, names: Mapping[str, str], language: Language) -> dict[str, str]:
    """List what a row of the tables for people says, by column."""
    said = {
        "bound_of_eligible": f"{row.n_bound:,} / {row.n_eligible:,}",
        "shap": PointsBetween(row.shap.points),
        "raw": PointsBetween(row.raw),
        "observational": PointsBetween(row.atu),
        "bounds": PointsBetween(row.bounds),
        "randomised": PointsBetween(row.late),
        "expected": PointsBetween(row.expected),
        "robustness": Percent(row.robustness_value, digits=0),
        "overlap": Percent(row.overlap_share, digits=0),
        "evidence": EVIDENCE[row.evidence],
        "verdict": VERDICTS[row.verdict],
        "text": row.text,
    }
    words = {column: say(value, language) for column, value in said.items()}
    return {"rank": str(place), "service": names.get(row.service, row.service), **words}


def _markdown(text: str) -> str:
    """Escape what Markdown, or HTML inside it, would act on."""
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", escape(" ".join(text.split()), quote=False))
