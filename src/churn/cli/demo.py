"""`churn demo`: the whole way on a simulated bank."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
import pyarrow.parquet as pq

from churn import data, scoring
from churn.api import acting, explaining, learning, reporting
from churn.cli import explain, options, train
from churn.cli.console import note, percent, print_baselines, print_json, print_table, show_notes, steps
from churn.config import Config, read_config
from churn.explanation.bindings import flatten
from churn.files import CHECKSUMS, new_folder, require_replaceable, write_json, write_text
from churn.model import documents, storage
from churn.simulation import bank as simulated
from churn.simulation import simulate_bank
from churn.speech import LANGUAGES
from churn.tracking.place import tracking_place

CUSTOMERS, MONTHS, SEED = 12_000, 48, 7
SETTINGS = """\
# How the demonstration was planned; give it to churn plan and churn report with --config.
[plan]
weekend = ["saturday", "sunday"]
holidays = [2026-01-01, 2026-01-02] # New Year
[lists]
counter_days = 30 # a small bank: a month of its counter
"""
_MARK = "demo.json"
_FILES = {
    "bank.toml": "what managers' days were planned with",
    "bank/": "the simulated bank's tables, and the truth about it in bank/truth/",
    "model/": "the model; read MODEL_CARD.md first",
    "scores.parquet": "every customer's probability, risk band, reasons in words and next binding",
    "scores.manifest.json": "which model scored which input",
    "scores.quarantine.csv": "input rows that were left out",
    "baselines.png": "stated, observed and predicted churn by products held",
    "explained/": "which bindings cut churn: bindings.html and bindings.png first",
    "plan/": "each manager's day and the lists: plan.xlsx first",
    "report/": "pages for managers, of the bank and of one branch, English and Chinese: bank_en.html first",
    "mlruns/": "the run, its plots and the model for MLflow",
}
_WITHIN = {
    "bank/": simulated.FILES,
    "model/": (CHECKSUMS, *storage.FILES),
    "explained/": explaining.FILES,
    "plan/": (acting.MARK, *acting.FILES),
    "report/": ("bank_*.html", "branch_*.html"),
    "mlruns/": ("*",),
}
"""All that each folder of it may consist of."""
_NAMES = (*_FILES, *(f"{folder}{name}" for folder, names in _WITHIN.items() for name in names))


@click.command()
@click.option("--dir", "folder", type=options.PATH, default=Path("demo"), show_default=True, help="Folder to write.")
@options.no_track_option
@options.json_option
def demo(folder: Path, no_track: bool, as_json: bool) -> None:
    """Go the whole way on a simulated bank, in under two minutes.

    \b
    Example:  churn demo --dir demo
    """
    from churn.charts import canvas, models  # only here: matplotlib takes a third of a second

    require_replaceable(folder, mark=_MARK, names=_NAMES)
    with new_folder(folder, mark=_MARK, names=_NAMES) as work:
        bank, model, scores = work / "bank", work / "model", work / "scores.parquet"
        write_text(work / "bank.toml", SETTINGS)
        config = read_config(work / "bank.toml")
        note(f"1  simulate a bank of {CUSTOMERS:,} customers over {MONTHS} months")
        with steps() as on_step:
            simulate_bank(bank, customers=CUSTOMERS, months=MONTHS, seed=SEED, on_step=on_step)
        as_of = _check(bank)
        note("3  train, calibrate, and judge on a year the judged model has not seen")
        with data.open_bank(bank) as opened, steps() as on_step:
            show_notes(opened.notes())
            trained = learning.train(opened.snapshots(on_step=on_step), on_step=on_step)
        stored = storage.store_model(model, trained)
        note(f"4  say which bindings cut churn as of {as_of}")
        with data.open_bank(bank) as opened:
            with steps() as on_step:
                rows, _ = explaining.write_explanation(work / "explained", stored, opened, as_of, on_step=on_step)
            note(f"5  score every customer as of {as_of}")
            scoring.write_scores(scores, stored, opened, as_of, explain=True)
        note(f"6  plan each manager's day, the first working day from {as_of} on")
        with data.open_bank(bank, config) as opened, steps() as on_step:
            acting.write_plan(work / "plan", opened, scores, on_step=on_step)
        note("7  write pages for managers, in English and Chinese")
        _write_pages(bank, stored, scores, work, config)
        title = train.baselines_title(stored.manifest, stored.manifest.as_of)
        canvas.save(models.draw_baselines(stored.baselines, title=title), work / "baselines.png")
        write_json(work / _MARK, {"customers": CUSTOMERS, "months": MONTHS, "seed": SEED})
        bands = Counter(pq.read_table(scores, columns=["risk_band"])["risk_band"].to_pylist())
    if not no_track:
        # MLflow keeps absolute paths, so not before the folder has its name; and nowhere else, whatever is set
        embargo = Config().training.embargo_days
        where = tracking_place(folder)
        train.track_training(
            stored, folder / "model", place=where, embargo_days=embargo, held_out=trained.held_out, source="churn demo"
        )
    files = {name: str(folder / name) for name in _FILES if (folder / name).exists()}
    if as_json:
        found = {
            "metrics": stored.metrics.to_json(),
            "baselines": stored.baselines.to_json(),
            "bindings": [flatten(row) for row in rows],
        }
        print_json(found | {"risk_bands": bands, "files": files})
        return
    train.print_metrics(stored)
    _print_bands(bands, stored.manifest.thresholds)
    print_baselines(stored.baselines, title)
    explain.print_bindings(rows, Config(), "en")
    print_table("Where to look", ("file", "what"), [(files[n], _FILES[n]) for n in files], left=(0, 1))


def _write_pages(bank: Path, stored: storage.StoredModel, scores: Path, work: Path, config: Config) -> None:
    """Write the page of the bank and that of its first branch, each in both languages."""
    with data.open_bank(bank, config) as opened, steps() as on_step:
        pages = reporting.page(opened, stored, scores, work / "explained", on_step=on_step)
    for name, branch_id in (("bank", None), ("branch", pages.branches[0])):
        for language in LANGUAGES:
            write_text(work / "report" / f"{name}_{language}.html", pages.html(language, branch_id))


def _check(bank: Path) -> dt.date:
    """Check the tables; return the day after the data end, the next date to score at."""
    with data.open_bank(bank) as tables:
        rows = sum(count.rows for count in tables.row_counts.values())
        left_out = sum(count.quarantined for count in tables.row_counts.values())
        note(f"2  check {rows:,} rows of {len(tables.row_counts)} tables: {left_out:,} cannot be used")
        return tables.data_end + dt.timedelta(days=1)


def _print_bands(bands: Mapping[str, int], thresholds: documents.Thresholds) -> None:
    total = sum(bands.values())
    says = {
        "high": f"at least {percent(thresholds.high)}",
        "medium": "between",
        "low": f"under {percent(thresholds.low)}",
    }
    rows = [(band, says[band], f"{bands.get(band, 0):,}", percent(bands.get(band, 0) / total)) for band in says]
    print_table("Scored customers", ("risk band", "probability", "customers", "share"), rows)
