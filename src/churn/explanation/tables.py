"""The bindings table as a DataFrame and back: one row a service, the fields of `bindings.json`."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from churn.errors import ExplanationError
from churn.explanation.bindings import BindingRow

_FIELDS = tuple(field.name for field in fields(BindingRow))
_WHOLE = ("n_eligible", "n_bound", "n_offered")


def bindings_frame(rows: Sequence[BindingRow]) -> pd.DataFrame:
    """Return rows as a DataFrame in their order; what is None is missing."""
    return pd.DataFrame([asdict(row) for row in rows], columns=list(_FIELDS))


def binding_rows(table: pd.DataFrame) -> list[BindingRow]:
    """Return the rows of a DataFrame of `bindings_frame`, some of them, or in another order.

    Raises
    ------
    ExplanationError
        A column is missing.

    Examples
    --------
    >>> binding_rows(bindings_frame([]))
    []
    """
    if missing := [name for name in _FIELDS if name not in table]:
        raise ExplanationError(f"bindings: column {missing[0]} is missing; give the table of explain_bindings")
    return [BindingRow(**_cells(record)) for record in table[list(_FIELDS)].to_dict("records")]


def _cells(record: dict[Any, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {str(name): None if pd.isna(value) else value for name, value in record.items()}
    passed = known["controls_passed"]
    return {
        **known,
        **{name: int(known[name]) for name in _WHOLE},
        "controls_passed": None if passed is None else bool(passed),
    }
