"""`churn explain`."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from churn import errors, files
from churn.api import answers, explaining
from churn.cli import console, options
from churn.config import Config
from churn.explanation import bindings, verdict
from churn.features.feature import meaning_of, value_of
from churn.model.storage import read_model
from churn.speech import Language, Message, Percent, Points, PointsBetween, Said, message, say
from churn.tables.flat import Labels

N_SHOWN = 10
"""Features shown of one customer."""


@click.command()
@options.data_argument
@options.model_option
@click.option("--as-of", type=options.IsoDate(), help="Date to explain at; needed for tables, not for a file.")
@click.option("-o", "--output", type=options.PATH, help="Folder to write; needed but with --customer.")
@click.option("--customer", "customer_id", help="Explain this one customer.")
@click.option("--bind", multiple=True, metavar="SERVICE", help="With --customer: what if it were bound; repeatable.")
@click.option("--unbind", multiple=True, metavar="SERVICE", help="With --customer: what if it were not bound.")
@click.option("--open", "opened", multiple=True, metavar="PRODUCT", help="With --customer: what if it were held.")
@click.option("--close", "closed", multiple=True, metavar="PRODUCT", help="With --customer: what if it were closed.")
@click.option("--truth", is_flag=True, help="Grade the estimates by a simulated bank's true effects.")
@options.language_option
@options.shared_options(seed=True)
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
    shared: options.Shared,
) -> None:
    """Say which bindings reduce risk most, and how sure that is.

    SHAP stands beside the effect that binding would have.

    \b
    Example:  churn explain bank --model models/first --as-of 2026-01-01 -o explained
              churn explain bank --model models/first --as-of 2026-01-01 --customer C0000042 --bind cts
    """
    changes = _changes(bind, unbind, "--bind and --unbind")
    products = _changes(opened, closed, "--open and --close")
    _require_call(output, customer_id, truth=truth, asks_what_if=bool(changes or products))
    stored = read_model(model_path)
    if output is not None:
        if customer_id is None:
            explaining.require_explanation_place(output)
        else:
            files.require_writable_file(_picture(output))
        files.require_apart([output], [model_path, data])
    labels: Labels = "needed" if customer_id is None else "unread"
    with shared.open(data, stored, as_of=as_of, use="explain", labels=labels) as source:
        if customer_id is not None:
            found = answers.explain_customer(stored, source, customer_id, as_of, bindings=changes, products=products)
            _show_customer(found, output, language, as_json=shared.as_json)
            return
        assert output is not None
        console.show_notes(source.notes())
        with console.steps() as on_step:
            rows, graded = explaining.write_explanation(
                output,
                stored,
                source,
                as_of,
                truth=data / "truth" if truth else None,
                language=language,
                seed=shared.seed,
                on_step=on_step,
            )
    if shared.as_json:
        console.print_json([bindings.flatten(row) for row in rows])
        return
    print_bindings(rows, source.config, language)
    if graded:
        print_grades(graded, source.config, language)
    console.note(f"wrote {output}")


def _show_customer(found: answers.ExplainedCustomer, output: Path | None, language: Language, *, as_json: bool) -> None:
    """Print one customer's probability, what makes it, and the model's answer to a change; draw a waterfall."""
    if as_json:
        console.print_json(found.to_json())
    else:
        _print_customer(found, language)
    if output is not None:
        path = _picture(output)
        found.plot(path, language)
        console.note(f"wrote {path}")


def _picture(output: Path) -> Path:
    return output if output.suffix == ".png" else output / "waterfall.png"


def _print_customer(found: answers.ExplainedCustomer, language: Language) -> None:
    largest = sorted(found.points.items(), key=lambda item: -abs(item[1]))[:N_SHOWN]
    rows = [
        [meaning_of(found.catalogue, name), value_of(found.catalogue, name, found.values[name]), Points(value)]
        for name, value in largest
    ]
    title = message(
        "Churn probability {p}, from the model's base value of {base}",
        p=Percent(found.probability),
        base=Percent(found.base_rate),
    )
    console.print_table(title, _CUSTOMER_COLUMNS, rows, language=language)
    for sentence in found.sentences():
        console.echo(say(sentence, language))


def print_bindings(rows: Sequence[bindings.BindingRow], config: Config, language: Language) -> None:
    """Print the bindings table, and what it says in words."""
    names = bindings.service_names(config)
    table = [
        (
            names[row.service],
            f"{row.n_bound:,} / {row.n_eligible:,}",
            PointsBetween(row.shap.points),
            PointsBetween(row.raw),
            PointsBetween(row.atu),
            PointsBetween(row.late),
            PointsBetween(row.expected),
            verdict.EVIDENCE[row.evidence],
            verdict.VERDICTS[row.verdict],
        )
        for row in rows
    ]
    title = message("Which bindings cut churn: change of the churn probability in points, 95\u202f% intervals")
    console.print_table(title, _COLUMNS, table, left=(0, 7, 8), language=language)
    for row in rows:
        console.echo(say(row.text, language))


def print_grades(graded: Sequence[bindings.Graded], config: Config, language: Language) -> None:
    """Print the true effects of a simulated bank and how the estimates did."""
    names = bindings.service_names(config)
    rows: list[Sequence[Said]] = [
        [
            names[one.service],
            *map(Points, one.truth.values()),
            _held(one, language),
            _GRADES[one.grade],
        ]
        for one in graded
    ]
    title = message("True effects of the simulated bank, points")
    console.print_table(title, _GRADE_COLUMNS, rows, left=(0, 5, 6), language=language)


_COLUMNS = (
    message("service"), message("bound"), "SHAP", message("raw"), message("estimated, not bound yet"),
    message("randomised, takers"), message("expected effect"), message("evidence"), message("verdict"),
)  # fmt: skip
_CUSTOMER_COLUMNS = (message("feature"), message("value", context="feature"), message("points", context="feature"))
_GRADE_COLUMNS = (
    message("service"), message("true ATT"), message("true ATU"), message("true ITT"), message("true LATE"),
    message("interval contains it"), message("verdict"),
)  # fmt: skip
_GRADES: Mapping[bindings.Grade, Message] = {
    "right": message("right"),
    "wrong": message("wrong"),
    "open": message("open", context="grade"),
}


def _held(one: bindings.Graded, language: Language) -> Said:
    found = [
        message("{effect} yes", effect=name.upper()) if held else message("{effect} no", effect=name.upper())
        for name, held in one.covered.items()
        if held is not None
    ]
    return "  ".join(say(part, language) for part in found) or Points(None)


def _changes(yes: Sequence[str], no: Sequence[str], options: str) -> dict[str, bool]:
    if both := [name for name in yes if name in no]:
        raise errors.ConfigError(f"{options}: {both[0]} is given to both; leave it out of one")
    return dict.fromkeys(yes, True) | dict.fromkeys(no, False)


def _require_call(output: Path | None, customer_id: str | None, *, truth: bool, asks_what_if: bool) -> None:
    if output is None and customer_id is None:
        raise errors.ConfigError("-o is missing; give the folder to write, or one customer with --customer")
    if asks_what_if and customer_id is None:
        raise errors.ConfigError("--bind, --unbind, --open and --close ask about one customer; give --customer")
    if truth and customer_id is not None:
        raise errors.ConfigError("--truth grades the table of all services; leave it out, or --customer")
