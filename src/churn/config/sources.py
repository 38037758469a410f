"""Where a bank's data are and how they are read (tables, one flat file), and what its customers can hold."""

import datetime as dt
import re
from collections.abc import Mapping
from string import ascii_uppercase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from churn.speech import Name

Rate = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """Settings that do not change once read; an unknown key, and a number that is none, are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


class _Named(Section):
    en: str
    zh: str

    @property
    def name(self) -> Name:
        """The bank's name of it."""
        return Name(self.en, self.zh)


class Product(_Named):
    """Something a customer can hold.

    `coverage`: whether it counts towards product coverage. `sticky`: whether leaving it is costly.
    """

    coverage: bool = True
    sticky: bool = False


class Service(_Named):
    """Something that can be tied to the customer's account or card, and the product one must hold for it."""

    product: str


def name_of(code: str, entries: Mapping[str, Product] | Mapping[str, Service]) -> Name:
    """Name a product or a service; a code that the catalogue does not have stands for itself."""
    known = entries.get(code)
    return known.name if known else Name(code, code)


PRODUCTS = {
    "debit_card": Product(en="debit card", zh="借记卡"),
    "time_deposit": Product(en="time deposit", zh="定期存款"),
    "wealth_management": Product(en="wealth management", zh="理财产品"),
    "fund": Product(en="fund", zh="基金"),
    "fund_plan": Product(en="fund auto-invest", zh="基金定投", sticky=True),
    "credit_card": Product(en="credit card", zh="信用卡"),
    "mortgage": Product(en="mortgage", zh="住房按揭", sticky=True),
    "online_banking": Product(en="online banking", zh="网上银行", sticky=True),
    "mobile_banking": Product(en="mobile banking", zh="手机银行", sticky=True),
    "cts": Product(en="third-party custody (CTS)", zh="第三方存管", sticky=True),
    "cash_sweep": Product(en="cash sweep", zh="资金归集", sticky=True),
    "precious_metals": Product(en="precious metals", zh="贵金属"),
    "insurance": Product(en="insurance", zh="保险"),
}
SERVICES = {
    "online_banking": Service(product="online_banking", en="online banking", zh="网上银行"),
    "mobile_banking": Service(product="mobile_banking", en="mobile banking", zh="手机银行"),
    "credit_card_repayment": Service(product="credit_card", en="credit-card repayment", zh="信用卡还款"),
    "mortgage_repayment": Service(product="mortgage", en="mortgage repayment", zh="按揭还款"),
    "fund_trading": Service(product="fund", en="fund trading", zh="基金交易"),
    "wealth_management": Service(product="wealth_management", en="wealth management", zh="理财签约"),
    "cts": Service(product="cts", en="third-party custody (CTS)", zh="第三方存管"),
    "cash_sweep": Service(product="cash_sweep", en="cash sweep", zh="资金归集"),
}


class CatalogueSettings(Section):
    """`defaults`: whether the bank's own products and services join the default ones, or replace them all."""

    defaults: bool = True


TOTALS = ("合计", "总计", "小计")
MISSING = (
    "NA", "na", "N/A", "n/a", "N/a", "n.a.", "N.A.", "#N/A", "#n/a", "#NA", "#NV", "#N/V", "NULL", "Null", "null",
    "NaN", "nan", "NAN", "Nan", "None", "<NA>", "<na>", "NaT", "\\N", ".", "-", "--", "?",
    "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
    *(f".{letter}" for letter in ascii_uppercase),
)  # fmt: skip
"""What programs write where a cell is empty (#NV: Excel in German; .A to .Z: SAS), and never as a category."""


def as_texts(given: Any) -> Any:
    """Take one value for a list of it, and numbers, true and false for the texts they are written as.

    Examples
    --------
    >>> as_texts(1), as_texts(["Yes", True, 2.0, 0.1234567])
    (('1',), ('Yes', 'true', '2', '0.1234567'))
    """
    each = given if isinstance(given, (list, tuple)) else (given,)
    return tuple(map(_as_text, each))


def _as_text(one: Any) -> str:
    if isinstance(one, bool):
        return str(one).lower()
    return str(int(one)) if isinstance(one, float) and one.is_integer() else str(one)


Texts = Annotated[tuple[str, ...], BeforeValidator(as_texts)]
ROW_NUMBER = "row number"
"""Stands for the id of a flat file that has none."""
DecimalSign = Literal[".", ","]


class TableSource(Section):
    """How one table of the contract is found and read in a bank's own extract.

    `totals`: a row whose first cell is one of these words is a total line, no row of the table. `missing`: texts that
    stand for an empty cell, besides `MISSING`. `decimal`: the decimal sign, where the cells leave it open. `values`:
    what a source's text stands for; an empty text, an empty cell. `constants`: a value for every row of a column that
    the file does not have.
    """

    file: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    totals: tuple[str, ...] = TOTALS
    missing: Texts = ()
    decimal: DecimalSign | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    dates: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)

    @field_validator("dates")
    @classmethod
    def _dates_can_be_read(cls, forms: dict[str, str]) -> dict[str, str]:
        return _require_dates(forms)


def _require_dates(forms: dict[str, str]) -> dict[str, str]:
    for column, form in forms.items():
        try:
            same = dt.datetime.strptime(dt.datetime(2025, 1, 31).strftime(form), form)
        except ValueError:
            same = None
        # Without a day, a form of months names their first ones.
        day = 31 if re.search("%[^bBmyY]", form) else 1
        if same is None or (same.month, same.day) != (1, day):
            raise ValueError(f"{column}: {form!r} does not give a date; use a form such as %Y%m%d")
    return forms


class FlatFile(Section):
    """One file that already has one row per customer; `encoding`, `sheet`, `totals`, … as for a table.

    `id`: the column of ids; in a file without one, `ROW_NUMBER` calls its customers "row 1", "row 2", ….
    `churned`, `stayed`: what the label says of who left and, where it has more than two values, of who stayed. `dates`:
    the form of a column's dates, where the cells leave it open. `as_of`: the day back from which days of dates are
    counted; else the last one in the file. `keep`: columns that look like numbers of rows and are none.
    """

    id: str
    label: str
    churned: Texts
    stayed: Texts = ()
    coverage: str | None = None
    bindings: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    encoding: str | None = None
    sheet: str | None = None
    totals: tuple[str, ...] = TOTALS
    missing: Texts = ()
    decimal: DecimalSign | None = None
    dates: dict[str, str] = Field(default_factory=dict)
    as_of: dt.date | None = None

    @field_validator("dates")
    @classmethod
    def _dates_can_be_read(cls, forms: dict[str, str]) -> dict[str, str]:
        return _require_dates(forms)


class CustomerSettings(Section):
    """`static`: columns of `customers` that the bank states have never changed."""

    static: tuple[Literal["tier", "manager_id", "branch_id"], ...] = ()
