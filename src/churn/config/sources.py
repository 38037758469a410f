"""Where a bank's data are and how they are read: tables, one flat file."""

import datetime as dt
from typing import Literal

from pydantic import Field, field_validator

from churn.config.section import Section

TOTALS = ("合计", "总计", "小计")


class TableSource(Section):
    """How one table of the contract is found and read in a bank's own extract.

    `totals`: a row whose first cell is one of these words is a total line, no row of the table. `values`: what a
    source's text stands for; an empty text, an empty cell. `constants`: a value for every row of a column that the
    file does not have.
    """

    file: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    totals: tuple[str, ...] = TOTALS
    columns: dict[str, str] = Field(default_factory=dict)
    dates: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)

    @field_validator("dates")
    @classmethod
    def _dates_can_be_read(cls, forms: dict[str, str]) -> dict[str, str]:
        for column, form in forms.items():
            try:
                same = dt.datetime.strptime(dt.datetime(2025, 1, 31).strftime(form), form)
            except ValueError:
                same = None
            if same is None or (same.month, same.day) != (1, 31):
                raise ValueError(f"{column}: {form!r} does not give a date; use a form such as %Y%m%d")
        return forms


class FlatFile(Section):
    """One file that already has one row a customer; `encoding`, `sheet`, `totals` as for a table."""

    id: str
    label: str
    churned: str
    coverage: str | None = None
    bindings: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    encoding: str | None = None
    sheet: str | None = None
    totals: tuple[str, ...] = TOTALS


class CustomerSettings(Section):
    """`static`: columns of `customers` that the bank states have never changed."""

    static: tuple[Literal["tier", "manager_id", "branch_id"], ...] = ()
