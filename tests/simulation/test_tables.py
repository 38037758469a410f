import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from churn.simulation import simulate_bank
from churn.simulation.events import OPEN
from churn.simulation.tables import (
    coded,
    customer_ids,
    dates,
    describe_oracle,
    ids,
    money,
    oracle_table,
    write_part,
    write_table,
)
from churn.simulation.truth import oracle_risk


def test_an_open_date_is_null() -> None:
    assert dates(np.array([0, OPEN])).to_pylist()[1] is None
    assert dates(np.array([0])).type == pa.date32()


def test_money_has_two_decimals() -> None:
    assert money(np.array([1.234, 5.0]), np.array([False, True])).to_pylist() == [1.23, None]


def test_codes_outside_the_words_are_null_and_the_rest_plain_strings() -> None:
    words = coded(np.array([0, 2, -1]), ("a", "b"))
    assert words.to_pylist() == ["a", None, None]
    assert words.type == pa.string()


def test_ids_have_one_width() -> None:
    assert ids("M", np.array([7, 1234]), 4) == ["M0007", "M1234"]
    assert customer_ids(np.array([1])) == ["C0000001"]


def test_csv_and_parquet_hold_the_same_bank(tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        simulate_bank(tmp_path / kind, customers=120, months=24, file_format=kind)  # type: ignore[arg-type]
    for path in sorted((tmp_path / "parquet").glob("*.parquet")):
        binary = pq.read_table(path)
        text = pacsv.read_csv(
            tmp_path / "csv" / f"{path.stem}.csv",
            convert_options=pacsv.ConvertOptions(column_types=binary.schema, strings_can_be_null=True),
        )
        assert text.to_pylist() == binary.to_pylist()


def test_dates_are_dates_and_ids_plain_strings(bank: Any) -> None:
    schema = pq.read_schema(bank.folder / "pnl.parquet")
    assert schema.field("month").type == pa.date32()
    assert schema.field("customer_id").type == pa.string()
    assert schema.field("market_value").type == pa.float64()


def test_a_table_is_written_into_folders_not_yet_there(tmp_path: Path) -> None:
    write_table(pa.table({"a": [1]}), tmp_path / "x" / "y.csv")
    assert (tmp_path / "x" / "y.csv").read_text() == '"a"\n1\n'


def test_only_tables_with_rows_are_written(tmp_path: Path) -> None:
    tables = {"some": pa.table({"a": [1]}), "none": pa.table({"a": pa.array([], type=pa.int64())})}
    for part in range(2):
        write_part(tmp_path, tables, part, 2, "csv")
    assert [str(p.relative_to(tmp_path)) for p in sorted(tmp_path.rglob("*.csv"))] == [
        "some/part-0000.csv",
        "some/part-0001.csv",
    ]
    assert not (tmp_path / "none").exists()


def test_the_oracles_table_is_in_the_order_of_ids(part: Any) -> None:
    table = oracle_table(part.reference, oracle_risk(part.reference, part.scene), part.number)
    ids = table["customer_id"].to_pylist()
    assert ids == sorted(ids)
    assert set(table["as_of"].to_pylist()) == {pd.Timestamp("2025-01-01").date()}


def test_oracle_by_coverage_counts_everyone_once(part: Any) -> None:
    table = oracle_table(part.reference, oracle_risk(part.reference, part.scene), part.number)
    rows = describe_oracle(table)
    assert sum(row["n"] for row in rows) == table.num_rows  # type: ignore[misc]
    assert [row["product_coverage"] for row in rows] == ["1", "2", "3", "4", "5+"]
    nobody = describe_oracle(table.slice(0, 0))
    assert {row["oracle_risk"] for row in nobody} == {None}


def test_the_truth_says_what_it_is_of(bank: Any) -> None:
    structure = json.loads((bank.folder / "truth" / "structure.json").read_text())
    assert structure["confounders"] == "hidden"
    assert len(structure["intercept_shift_from_reference"]) == 5
    effects = bank.truth("effects")
    assert set(effects.group) == {"eligible", "bound", "unbound", "takers"}
    assert set(bank.truth("campaigns").group) == {"itt", "late"}
    assert set(effects.as_of) == {pd.Timestamp("2025-01-01")}


def test_the_correction_is_no_larger_than_sampling_error(bank: Any) -> None:
    shift = json.loads((bank.folder / "truth" / "structure.json").read_text())["intercept_shift_from_reference"]
    assert max(abs(value) for value in shift) < 0.25


@pytest.mark.parametrize(
    "field", ["customers", "months", "seed", "file_format", "drift", "shock", "confounders", "rows"]
)
def test_the_mark_of_a_simulation_holds_what_made_it(field: str, bank: Any) -> None:
    facts = json.loads((bank.folder / "simulation.json").read_text())
    assert field in facts
