"""Tables and truth on disk: one file a table, or a folder of parts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from churn import csv_files
from churn.files import write_json
from churn.simulation.calendar import REFERENCE_AS_OF, date_of
from churn.simulation.dynamics import coverage_bucket
from churn.simulation.population import Ints
from churn.simulation.state import Scene
from churn.simulation.structure import TARGETS, Floats, describe_structure
from churn.simulation.tables import coded, customer_ids, dates
from churn.simulation.truth import Effect, Reference

FileFormat = Literal["parquet", "csv"]


def write_part(folder: Path, tables: dict[str, pa.Table], part: int, parts: int, file_format: FileFormat) -> None:
    """Write one partition: `folder/<table>.<format>` if it is the only one, else parts in `folder/<table>/`.

    A table without a row is not written: the contract takes an empty table for an export that failed.
    """
    for name, table in tables.items():
        if table.num_rows == 0:
            continue
        path = folder / name if parts == 1 else folder / name / f"part-{part:04d}"
        write_table(table, path.with_suffix(f".{file_format}"))


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as CSV or Parquet, by the path's suffix; the same table gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with csv_files.open_for_tables(path, table.schema) as write:
            write(table)
    else:
        pq.write_table(table, path, store_schema=False, compression="zstd")


def oracle_table(reference: Reference, risk: Floats, number: Ints) -> pa.Table:
    """Return a row for each customer of the population at the reference as-of date."""
    state = reference.state
    day = np.full(len(risk), (np.datetime64(REFERENCE_AS_OF) - np.datetime64("1970-01-01")).astype(int))
    order = np.argsort(number[state.person])
    table = pa.table(
        {
            "customer_id": coded(state.person, customer_ids(number)),
            "as_of": dates(day),
            "product_coverage": pa.array(state.coverage),
            "oracle_risk": pa.array(risk),
        }
    )
    return table.take(pa.array(order))


def write_truth(
    folder: Path, oracle: pa.Table, effects: Iterable[Effect], campaigns: Iterable[Effect], scene: Scene
) -> None:
    """Write `oracle.parquet`, `effects.parquet`, `campaigns.parquet` and `structure.json`."""
    write_table(oracle, folder / "oracle.parquet")
    write_table(_effect_table(effects, scene), folder / "effects.parquet")
    write_table(_effect_table(campaigns, scene), folder / "campaigns.parquet")
    facts = {"confounders": scene.confounders, "drift": scene.drift, "shock": scene.shock_month is not None}
    write_json(
        folder / "structure.json",
        {**facts, "intercept_shift_from_reference": scene.correction.tolist(), **describe_structure()},
    )


def describe_oracle(oracle: pa.Table) -> list[dict[str, object]]:
    """Return number and mean risk by coverage beside the target, for `simulation.json`."""
    bucket = coverage_bucket(oracle["product_coverage"].to_numpy())
    risk = oracle["oracle_risk"].to_numpy()
    return [
        {
            "product_coverage": f"{i + 1}" if i < 4 else "5+",
            "n": int((bucket == i).sum()),
            "target": float(TARGETS[i]),
            "oracle_risk": round(float(risk[bucket == i].mean()), 6) if (bucket == i).any() else None,
        }
        for i in range(5)
    ]


def _effect_table(effects: Iterable[Effect], scene: Scene) -> pa.Table:
    listed = list(effects)
    day = date_of(scene.first_month, np.array([e.month for e in listed], dtype=np.int64))
    return pa.table(
        {
            "service": pa.array([e.service for e in listed], type=pa.string()),
            "group": pa.array([e.group for e in listed], type=pa.string()),
            "as_of": dates(day),
            "n": pa.array([e.weight for e in listed], type=pa.float64()),
            "members": pa.array([e.members for e in listed], type=pa.int64()),
            "effect": pa.array([e.mean for e in listed], type=pa.float64()),
            "standard_error": pa.array([e.standard_error for e in listed], type=pa.float64()),
        }
    )
