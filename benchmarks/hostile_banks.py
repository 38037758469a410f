"""The small banks full of canaries from which hostile cases are made, in three styles, and models to score them.

Plain: the contract's names. Chinese: files, columns, codes, dates and encoding of a Chinese core system, and the
configuration that maps them. Flat: one file.
"""

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import openpyxl
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from churn.config import Config, FlatFile
from churn.data import open_bank, open_file
from churn.model.recipe import Recipe
from churn.model.storage import write_model
from churn.model.trees import TreeParameters
from churn.training import train

CANARY = "ZQXCANARY"
N = 24
TRAINED_ON = 300
LEARNT_AT = dt.date(2020, 5, 15)
TABLES = {
    "customers": "customer_id,branch_id,manager_id,opened_on,closed_on,birth_year,tier",
    "holdings": "holding_id,customer_id,product,account_class,opened_on,closed_on",
    "bindings": "customer_id,service,bound_on,unbound_on",
    "contacts": "contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached",
    "pnl": "holding_id,customer_id,month,market_value,cost_basis",
    "transactions": "customer_id,transacted_on,channel,amount,queue_ticket",
}
FLAT_COLUMNS = "id,left,products,age,city,app"
FLAT = FlatFile(id="id", label="left", churned="Yes", coverage="products", bindings=("app",))
FILES_ZH = {
    "customers": "客户信息", "holdings": "持有产品", "bindings": "绑定服务", "contacts": "联系记录",
    "pnl": "月末市值", "transactions": "交易流水",
}  # fmt: skip
COLUMNS_ZH = {
    "customer_id": "客户号", "branch_id": "网点", "manager_id": "客户经理", "opened_on": "开户日期",
    "closed_on": "销户日期", "birth_year": "出生年份", "tier": "等级", "holding_id": "账号", "product": "产品",
    "account_class": "账户类别", "service": "服务", "bound_on": "签约日期", "unbound_on": "解约日期",
    "contact_id": "联系编号", "contacted_on": "联系日期", "channel": "渠道", "purpose": "目的", "reached": "是否接通",
    "month": "月末", "market_value": "市值", "cost_basis": "成本", "transacted_on": "交易日期", "amount": "金额",
    "queue_ticket": "排队号",
}  # fmt: skip
VALUES_ZH = {"gold": "金卡", "true": "是", "debit_card": "借记卡", "mobile_banking": "手机银行", "mobile": "手机"}
DATES = ("opened_on", "closed_on", "bound_on", "unbound_on", "contacted_on", "month", "transacted_on")
CODES = {"tier": ("gold",), "product": ("debit_card",), "service": ("mobile_banking",), "channel": ("mobile",)}


class Style(NamedTuple):
    """A way a bank hands over its data; `encoding` is that of its CSV files."""

    name: str
    columns: dict[str, str]
    encoding: str = "utf-8"


PLAIN = Style("plain", TABLES)
CHINESE = Style("chinese", TABLES, "gb18030")
ONE_FILE = Style("flat", {"flat": FLAT_COLUMNS})


class Place(NamedTuple):
    """Where a bank is written, and in which style."""

    folder: Path
    style: Style

    def path(self, table: str, ending: str = "csv") -> Path:
        """Return the path of a table's file."""
        stem = FILES_ZH[table] if self.style is CHINESE else table
        return self.folder / f"{stem}.{ending}"

    def there(self, table: str) -> Path:
        """Return the file a table is in."""
        found = [self.path(table, ending) for ending in ("csv", "parquet", "xlsx")]
        return next((path for path in found if path.exists() or path.is_symlink()), found[0])

    @property
    def data(self) -> Path:
        """Return the path given to a command."""
        return self.there("flat") if self.style is ONE_FILE else self.folder

    def rows(self, table: str) -> list[list[str]]:
        """Make the rows of a table."""
        rows = _rows(table, N)
        if self.style is not CHINESE:
            return rows
        dated = [name in DATES for name in TABLES[table].split(",")]
        return [
            [
                cell.replace("-", "") if is_date else VALUES_ZH.get(cell, cell)
                for cell, is_date in zip(row, dated, strict=True)
            ]
            for row in rows
        ]

    def header(self, table: str) -> list[str]:
        """Return a table's column names."""
        names = self.style.columns[table].split(",")
        return [COLUMNS_ZH[name] for name in names] if self.style is CHINESE else names

    def text(self, table: str, rows: Sequence[Sequence[str]] | None = None) -> str:
        """Write a table's rows as CSV text."""
        rows = self.rows(table) if rows is None else rows
        return "\n".join([",".join(self.header(table)), *(",".join(row) for row in rows)]) + "\n"

    def write_text(self, table: str, text: str) -> None:
        """Write a table's CSV file."""
        self.path(table).write_bytes(text.encode(self.style.encoding))

    def write(self) -> None:
        """Write the whole bank, unharmed."""
        self.folder.mkdir(parents=True)
        for table in self.style.columns:
            self.write_text(table, self.text(table))

    def as_parquet(self, table: str, compression: str = "snappy") -> Path:
        """Turn a table's CSV file into a Parquet file."""
        path = self.path(table, "parquet")
        options = pa_csv.ReadOptions(encoding=self.style.encoding)
        pq.write_table(pa_csv.read_csv(self.path(table), options), path, compression=compression)
        self.path(table).unlink()
        return path

    def as_sheet(self, table: str, rows: Sequence[Sequence[object]]) -> Path:
        """Turn a table's CSV file into an Excel sheet."""
        workbook = openpyxl.Workbook()
        workbook.active.append(self.header(table))
        for row in rows:
            workbook.active.append(row)
        workbook.save(self.path(table, "xlsx"))
        self.path(table).unlink()
        return self.path(table, "xlsx")

    def write_config(self, encodings: dict[str, str]) -> Path | None:
        """Write the configuration a style needs; `encodings`: those the configuration names, by table."""
        lines = []
        if self.style is ONE_FILE:
            lines += [
                "[flat]",
                *(f"{name} = {json.dumps(value)}" for name, value in FLAT.model_dump().items() if value),
            ]
            lines += [f'encoding = "{encoding}"' for encoding in encodings.values()]
        elif self.style is CHINESE:
            for table in TABLES:
                lines += self._mapping(table, encodings)
        else:
            lines += [f'[tables.{table}]\nencoding = "{encoding}"' for table, encoding in encodings.items()]
        if not lines:
            return None
        path = self.folder.parent / "bank.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def _mapping(self, table: str, encodings: dict[str, str]) -> list[str]:
        names = TABLES[table].split(",")
        lines = [f"[tables.{table}]", f'file = "{self.there(table).name}"']
        lines += [f'encoding = "{encodings[table]}"'] if table in encodings else []
        lines += [f"[tables.{table}.columns]", *(f'{name} = "{COLUMNS_ZH[name]}"' for name in names)]
        lines += [f"[tables.{table}.dates]", *(f'{name} = "%Y%m%d"' for name in names if name in DATES)]
        for name in names:
            for code in CODES.get(name, ()):
                if table != "contacts":
                    lines += [f"[tables.{table}.values.{name}]", f'"{VALUES_ZH[code]}" = "{code}"']
        return lines


def _rows(table: str, n: int) -> list[list[str]]:
    made = {
        "customers": lambda i: [f"{CANARY}C{i}", f"{CANARY}B", f"{CANARY}M", "2020-01-10", "", "1980", "gold"],
        "holdings": lambda i: [f"{CANARY}H{i}", f"{CANARY}C{i}", "debit_card", "1", "2020-01-10", ""],
        "bindings": lambda i: [f"{CANARY}C{i}", "mobile_banking", "2020-02-01", ""],
        "contacts": lambda i: [f"{CANARY}K{i}", f"{CANARY}C{i}", f"{CANARY}M", "2021-03-01", "call", "care", "true"],
        "pnl": lambda i: [f"{CANARY}H{i}", f"{CANARY}C{i}", "2021-05-31", f"{1000 + i}.25", ""],
        "transactions": lambda i: [f"{CANARY}C{i}", "2021-05-20", "mobile", f"{100 + i}.5", ""],
        "flat": lambda i: [
            f"{CANARY}F{i}", "Yes" if i % 3 else "No", f"{1 + i % 5}", f"{30 + i % 40}", f"{CANARY}M", "true",
        ],
    }  # fmt: skip
    return [made[table](i) for i in range(n)]


def write_models(folder: Path) -> dict[str, Path]:
    """Train one model on a bank like these, and one on a flat file, as quickly as may be."""
    quick = Recipe(parameters=TreeParameters(learning_rate=0.3))
    bank = folder / "learn"
    bank.mkdir()
    for table, header in TABLES.items():
        rows = _rows(table, TRAINED_ON)
        for i, row in enumerate(rows):
            if table == "customers":
                row[4], row[5] = ("2020-12-01" if i % 3 == 0 else ""), str(1950 + i % 50)
        (bank / f"{table}.csv").write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    file = folder / "learn.csv"
    file.write_text("\n".join([FLAT_COLUMNS, *(",".join(row) for row in _rows("flat", TRAINED_ON))]) + "\n")
    with open_bank(bank) as opened:
        tables = train(opened.snapshots([LEARNT_AT], with_evidence=False), quick)
    with open_file(file, Config(flat=FLAT)) as opened_file:
        flat = train(opened_file.snapshots(with_evidence=False), quick)
    write_model(folder / "tables", tables)
    write_model(folder / "flat", flat)
    return {"tables": folder / "tables", "flat": folder / "flat"}
