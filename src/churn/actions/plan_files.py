"""A plan as files: CSV and JSON. Texts of a bank are written so that no spreadsheet runs them.

CSV has no types, so a spreadsheet takes a text that begins with = + - @, a tab or a line end for a formula. Such a cell
begins with an apostrophe instead (OWASP, CSV Injection), except for what is a plain number. Some take the full-width
signs ＝＋－＠ for the same. JSON, for programs, has every text as it is.
"""

import csv
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from churn.actions.plan import Plan

_STARTS = tuple("=+-@＝＋－＠\t\r\n")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def safe_cell(value: object) -> object:
    """Give a CSV cell that no spreadsheet runs; what is no text, and a plain number, stays as it is.

    Examples
    --------
    >>> [safe_cell(value) for value in ("=1+1", "-5.2", "@SUM(A1)", "C001", -3.0, "-1+1")]
    ["'=1+1", '-5.2', "'@SUM(A1)", 'C001', -3.0, "'-1+1"]
    """
    if isinstance(value, str) and value.startswith(_STARTS) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def write_csv(path: Path, rows: pd.DataFrame) -> None:
    """Write rows as CSV in UTF-8; texts through `safe_cell`, amounts to the cent, shares to six digits."""
    shown = rows.copy()
    for name in shown.columns:
        if pd.api.types.is_float_dtype(shown[name]):
            shown[name] = shown[name].round(_digits(name))
        elif not pd.api.types.is_numeric_dtype(shown[name]):
            shown[name] = shown[name].map(safe_cell)
    # Every text in quotes: Python before 3.13 leaves one that holds a lone \r without.
    shown.to_csv(path, index=False, encoding="utf-8", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)


def _digits(name: str) -> int:
    return 2 if name.endswith("_cny") or name == "expected_value_kept" else 6


def write_json_plan(path: Path, plan: Plan, about: Mapping[str, Any]) -> None:
    """Write the plan as JSON: what it is about, then `assignments` and `rows`, one line each."""
    head = json.dumps(about, ensure_ascii=False, indent=2, allow_nan=False).removesuffix("\n}")
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(head)
        for name, rows in (("assignments", plan.assignments), ("rows", plan.rows)):
            stream.write(f',\n  "{name}": [')
            for number, line in enumerate(_lines(rows)):
                stream.write(f"{',' if number else ''}\n    {line}")
            stream.write("\n  ]" if len(rows) else "]")
        stream.write("\n}\n")


def _lines(rows: pd.DataFrame) -> Iterable[str]:
    names = list(rows.columns)
    rounded = rows.round({name: _digits(name) for name in names if pd.api.types.is_float_dtype(rows[name])})
    columns = [rounded[name].astype(object).where(rounded[name].notna(), None).tolist() for name in names]
    for cells in zip(*columns, strict=True):
        yield json.dumps(dict(zip(names, cells, strict=True)), ensure_ascii=False, allow_nan=False)


def summarise(plan: Plan) -> dict[str, Any]:
    """Count what a plan holds.

    Returns
    -------
    dict
        `date`, `managers`, `customers`, `meetings`, `calls`, `expected_value_kept` in yuan, `purposes` by name,
        `left_out` by reason, `assignments_proposed`, `vips_without_manager_in_branch`, `notes_en` and `notes_zh`.
    """
    kinds = plan.rows["kind"].value_counts()
    purposes = plan.rows["purpose"].value_counts()
    open_ones = int((plan.assignments["status"] == "open").sum())
    return {
        "date": plan.date.isoformat(),
        "managers": len(plan.managers),
        "customers": plan.n_customers,
        "meetings": int(kinds.get("meeting", 0)),
        "calls": int(kinds.get("call", 0)),
        "expected_value_kept": round(float(plan.rows["expected_value_kept"].sum()), 2),
        "purposes": {name: int(purposes[name]) for name in sorted(purposes.index)},
        "left_out": dict(plan.left_out),
        "assignments_proposed": len(plan.assignments) - open_ones,
        "vips_without_manager_in_branch": open_ones,
        **{f"notes_{language}": [pair[at] for pair in plan.notes] for at, language in enumerate(("en", "zh"))},
    }
