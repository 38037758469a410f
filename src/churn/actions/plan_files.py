"""A plan as files: CSV for people, JSON for programs, in which every text stands as it is."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from churn import csv_files
from churn.actions.plan import Plan


def write_csv(path: Path, rows: pd.DataFrame) -> None:
    """Write rows as CSV; amounts to the cent, shares to six digits."""
    digits = {name: _digits(name) for name in rows.columns if pd.api.types.is_float_dtype(rows[name])}
    csv_files.write_frame(path, rows.round(digits), for_excel=True, quote_texts=True)


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
