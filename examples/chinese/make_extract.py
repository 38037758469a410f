"""Write a bank's tables as a Chinese core system exports them. bank.toml reads them back unchanged.

    churn simulate bank --customers 2000 --seed 1
    python examples/chinese/make_extract.py bank extract
    churn check extract --config examples/chinese/bank.toml --lang zh

Names, codes and file names are Chinese. The encoding is GB18030. Dates are compact. Amounts have thousands separators,
and some have full-width digits. Strings have trailing blanks. Every file ends in a total line.
"""

import sys
import tomllib
from pathlib import Path

import pandas as pd

CONFIG = Path(__file__).with_name("bank.toml")
TO_FULL_WIDTH = str.maketrans("0123456789.,-", "０１２３４５６７８９．，－")


def write_extract(bank: Path, extract: Path) -> None:
    """Write every table of `bank` (Parquet) that bank.toml describes into the folder `extract`."""
    extract.mkdir(parents=True, exist_ok=True)
    for name, source in tomllib.loads(CONFIG.read_text(encoding="utf-8"))["tables"].items():
        table = pd.read_parquet(bank / f"{name}.parquet")
        theirs = {
            column: _as_exported(table[column], column, source) for column in source["columns"] if column in table
        }
        sheet = pd.DataFrame(theirs).rename(columns=source["columns"])
        total = ["合计"] + [""] * (sheet.shape[1] - 2) + [f"{len(sheet):,}"]
        sheet = pd.concat([sheet, pd.DataFrame([total], columns=sheet.columns)])
        sheet.to_csv(extract / source["file"], index=False, encoding="gb18030", lineterminator="\r\n")


def _as_exported(values: pd.Series, column: str, source: dict) -> pd.Series:
    codes = {ours: theirs for theirs, ours in source.get("values", {}).get(column, {}).items()}
    if column in source.get("dates", {}):
        return pd.to_datetime(values).dt.strftime("%Y%m%d")
    if column in ("market_value", "cost_basis", "amount"):
        return pd.Series([_amount(value, row) for row, value in enumerate(values)])
    texts = values.map(lambda value: "" if pd.isna(value) else _code(value, codes))
    return texts.where(texts == "", texts + "  ")


def _code(value: object, codes: dict) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")
    return codes.get(text, text)


def _amount(value: float, row: int) -> str:
    if pd.isna(value):
        return ""
    text = f"{value:,.2f}"
    return text.translate(TO_FULL_WIDTH) if row % 3 == 0 else f"{text} "


if __name__ == "__main__":
    write_extract(Path(sys.argv[1]), Path(sys.argv[2]))
