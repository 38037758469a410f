"""`churn explain`."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq

from churn.api import explaining
from churn.api.answers import estimate_data_effects, look_ahead
from churn.cli.console import note, print_json, print_table, show_notes, steps
from churn.cli.customer import explain_customer, require_picture_place
from churn.cli.options import (
    IsoDate,
    config_option,
    data_argument,
    data_end_option,
    json_option,
    language_option,
    model_option,
    seed_option,
    threads_option,
)
from churn.config import Config, read_config
from churn.data import Data, open_data
from churn.errors import ConfigError
from churn.explanation.bindings import BindingRow, build_bindings, service_names
from churn.explanation.captions import Language, evidence_text, format_interval, format_points, verdict_text
from churn.explanation.grading import Grade, Graded, grade_bindings, read_truth
from churn.explanation.survey import Survey, service_columns, shap_schema, survey_customers
from churn.files import new_folder, render_json, require_apart, write_json
from churn.frame import Snapshot
from churn.model.storage import StoredModel, read_model
from churn.tables.flat import Labels

LANGUAGES: tuple[Language, ...] = ("en", "zh")


@click.command()
@data_argument
@model_option
@click.option("--as-of", type=IsoDate(), help="Date to explain at; needed for tables, refused for a flat file.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write; needed but with --customer.")
@click.option("--customer", "customer_id", help="Explain this one customer.")
@click.option("--bind", multiple=True, metavar="SERVICE", help="With --customer: what if it were bound; repeatable.")
@click.option("--unbind", multiple=True, metavar="SERVICE", help="With --customer: what if it were not bound.")
@click.option("--open", "opened", multiple=True, metavar="PRODUCT", help="With --customer: what if it were held.")
@click.option("--close", "closed", multiple=True, metavar="PRODUCT", help="With --customer: what if it were closed.")
@click.option("--truth", is_flag=True, help="Grade the estimates by a simulated bank's true effects.")
@language_option
@config_option
@data_end_option
@seed_option
@threads_option
@json_option
def explain(
    data: Path,
    model_path: Path,
    as_of: dt.date | None,
    output: Path | None,
    customer_id: str | None,
    bind: Sequence[str],
    unbind: Sequence[str],
    opened: Sequence[str],
    closed: Sequence[str],
    truth: bool,
    language: Language,
    config_path: Path | None,
    data_end: dt.date | None,
    seed: int,
    threads: int | None,
    as_json: bool,
) -> None:
    """Say which bindings cut risk most: SHAP beside the effect that binding would have, and how sure that is.

    \b
    Example:  churn explain bank --model models/first --as-of 2026-01-01 -o explained
              churn explain bank --model models/first --as-of 2026-01-01 --customer C0000042 --bind cts
    """
    changes = _changes(bind, unbind, "--bind and --unbind")
    products = _changes(opened, closed, "--open and --close")
    _require_call(output, customer_id, truth=truth, asks_what_if=bool(changes or products))
    config, stored = read_config(config_path), read_model(model_path)
    if output is not None:
        require_place = explaining.require_explanation_place if customer_id is None else require_picture_place
        require_place(output)
        require_apart([output], [model_path, data])
    labels: Labels = "needed" if customer_id is None else "unread"
    with open_data(
        data, config, stored, as_of=as_of, use="explain", labels=labels, data_end=data_end, n_threads=threads
    ) as source:
        if customer_id is not None:
            snapshot = source.customer(customer_id, as_of)
            explain_customer(
                snapshot, source, stored, bindings=changes, products=products, output=output, language=language,
                as_json=as_json,
            )  # fmt: skip
            return
        assert output is not None
        show_notes(source.notes())
        rows, graded = explain_file(
            source, stored, output, as_of=as_of, truth=data / "truth" if truth else None, language=language, seed=seed,
            n_threads=threads or 0,
        )  # fmt: skip
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    print_bindings(rows, source.config, language)
    if graded:
        print_grades(graded, source.config, language)
    note(f"wrote {output}")


def explain_file(
    data: Data,
    stored: StoredModel,
    output: Path,
    *,
    as_of: dt.date | None,
    truth: Path | None = None,
    language: Language = "en",
    seed: int = 0,
    n_threads: int = 0,
) -> tuple[list[BindingRow], list[Graded]]:
    """Explain every customer into a folder, and judge every service."""
    true = read_truth(truth) if truth else {}
    customers = look_ahead(data.partitions(as_of), stored)
    config, pairs = data.config, service_names(data.config)
    names = {service: pair[LANGUAGES.index(language)] for service, pair in pairs.items()}
    with steps() as on_step:
        effects, outcomes_as_of = estimate_data_effects(
            data, stored, as_of, strengths=True, seed=seed, n_threads=n_threads, on_step=on_step
        )
        with new_folder(output, mark=explaining.MARK, names=explaining.explanation_names(output)) as folder:
            survey = _survey(data, customers, stored, folder / explaining.SHAP, n_threads, on_step)
            rows = build_bindings(effects, survey.seen, pairs, config.effects)
            on_step("drawing")
            explaining.write_explanation(folder, rows, survey, data.catalogue, names, language)
            explaining.write_evidence(folder / "evidence.json", effects, outcomes_as_of)
            about = {"model_id": stored.manifest.model_id, "as_of": as_of and as_of.isoformat()}
            write_json(folder / explaining.ABOUT, about)
            graded = grade_bindings(rows, true, config.effects.worthwhile) if true else []
            if graded:
                (folder / "truth.json").write_text(render_json([one._asdict() for one in graded]), encoding="utf-8")
    return rows, graded


def print_bindings(rows: Sequence[BindingRow], config: Config, language: Language) -> None:
    """Print the bindings table, and what it says in words."""
    names = {service: pair[LANGUAGES.index(language)] for service, pair in service_names(config).items()}
    table = [
        (
            names[row.service],
            f"{row.n_bound:,} / {row.n_eligible:,}",
            format_interval(row.shap_contrast_points, row.shap_low, row.shap_high),
            format_interval(row.raw_difference, row.raw_low, row.raw_high),
            format_interval(row.effect_atu, row.effect_atu_low, row.effect_atu_high),
            format_interval(row.late, row.late_low, row.late_high),
            evidence_text(row, language),
            verdict_text(row, language),
        )
        for row in rows
    ]
    columns = _COLUMNS[language]
    print_table(_TITLES[language], columns, table, left=(columns[0], *columns[-2:]))
    for row in rows:
        click.echo(row.text_en if language == "en" else row.text_zh)


def print_grades(graded: Sequence[Graded], config: Config, language: Language) -> None:
    """Print the true effects of a simulated bank and how the estimates did."""
    at = LANGUAGES.index(language)
    names = service_names(config)
    rows = [
        (
            names[one.service][at],
            *(format_points(value) for value in (one.att, one.atu, one.itt, one.late)),
            _held(one, language),
            _GRADES[one.grade][at],
        )
        for one in graded
    ]
    columns = _GRADE_COLUMNS[language]
    print_table(_GRADE_TITLES[language], columns, rows, left=(columns[0], *columns[-2:]))


_TITLES = {
    "en": "Which bindings cut churn: change of the churn probability in points, 95 % intervals",
    "zh": "绑定服务对流失的影响：流失概率变化（百分点），95% 区间",
}
_COLUMNS: Mapping[Language, tuple[str, ...]] = {
    "en": ("service", "bound", "SHAP", "raw", "estimated, not bound yet", "randomised, takers", "evidence", "verdict"),
    "zh": ("服务", "已绑定", "SHAP", "原始差异", "未绑定者若绑定（估计）", "随机实验（接受者）", "证据", "结论"),
}


_GRADE_TITLES = {
    "en": "True effects of the simulated bank, points",
    "zh": "模拟银行的真实效应（百分点）",
}
_GRADE_COLUMNS: Mapping[Language, tuple[str, ...]] = {
    "en": ("service", "true ATT", "true ATU", "true ITT", "true LATE", "does the interval hold it", "verdict"),
    "zh": ("服务", "真实 ATT", "真实 ATU", "真实 ITT", "真实 LATE", "区间是否包含真值", "结论"),
}
_GRADES: Mapping[Grade, tuple[str, str]] = {
    "right": ("right", "正确"),
    "wrong": ("wrong", "错误"),
    "open": ("open", "未下结论"),
}


def _held(one: Graded, language: Language) -> str:
    yes, no = ("yes", "no") if language == "en" else ("是", "否")
    covered = {"ATT": one.att_covered, "ATU": one.atu_covered, "ITT": one.itt_covered, "LATE": one.late_covered}
    return "  ".join(f"{name} {yes if held else no}" for name, held in covered.items() if held is not None) or "—"


def _changes(yes: Sequence[str], no: Sequence[str], options: str) -> dict[str, bool]:
    if both := [name for name in yes if name in no]:
        raise ConfigError(f"{options}: {both[0]} is given to both; leave it out of one")
    return dict.fromkeys(yes, True) | dict.fromkeys(no, False)


def _require_call(output: Path | None, customer_id: str | None, *, truth: bool, asks_what_if: bool) -> None:
    if output is None and customer_id is None:
        raise ConfigError("-o is missing; give the folder to write, or one customer with --customer")
    if asks_what_if and customer_id is None:
        raise ConfigError("--bind, --unbind, --open and --close ask about one customer; give --customer")
    if truth and customer_id is not None:
        raise ConfigError("--truth grades the table of all services; leave it out, or --customer")


def _survey(
    data: Data,
    customers: Iterable[Snapshot],
    stored: StoredModel,
    path: Path,
    n_threads: int,
    on_step: Callable[[str], None],
) -> Survey:
    names, done = stored.model.schema.names, 0
    services = service_columns(data.config, names)
    with pq.ParquetWriter(path, shap_schema(names), compression="zstd") as writer:

        def on_part(table: Any) -> None:
            nonlocal done
            writer.write_table(table)
            done += table.num_rows
            on_step(f"{done:,} customers explained")

        return survey_customers(
            customers,
            stored.model,
            services,
            n_expected=data.n_customers,
            n_threads=n_threads,
            on_part=on_part,
        )
