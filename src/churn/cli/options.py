"""Arguments and options that several commands share."""

import datetime as dt
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from churn import files
from churn.config import Config, read_config
from churn.data import Data, open_data
from churn.model.learners.catalogue import LEARNERS
from churn.model.storage import StoredModel
from churn.model.trees import LIGHTGBM
from churn.threads import use_threads
from churn.timeline import FIRST_YEAR, LAST_YEAR, MOST_DAYS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class IsoDate(click.ParamType[dt.date]):
    """A calendar date, YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        """Parse the date, or fail with what was expected."""
        try:
            date = dt.datetime.strptime(str(value), "%Y-%m-%d").date()
        except ValueError:
            self.fail(f"{value!r} is not a date; write it as 2025-01-31", param, ctx)
        if not FIRST_YEAR <= date.year <= LAST_YEAR:
            self.fail(f"{value} is not between the years {FIRST_YEAR} and {LAST_YEAR}", param, ctx)
        return date


class Utf8Path(click.Path):
    """A path that every library reads alike."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give the path, or fail where its name is not UTF-8."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not files.is_utf8(path):
            self.fail(f"{path}: the name is not UTF-8; rename the file or folder", param, ctx)
        return path


MOST_THREADS = 256
# The largest seed that every library takes.
MOST_SEED = 2**31 - 1


PATH = Utf8Path()
data_argument = click.argument("data", type=PATH)
config_option = click.option("--config", "config_path", type=PATH, help="TOML file: names, encodings, catalogue.")
data_end_option = click.option(
    "--data-end", type=IsoDate(), help="Last day the data know about [default: found in them]."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
model_option = click.option("--model", "model_path", type=PATH, required=True, help="Model folder, from churn train.")
scores_option = click.option(
    "--scores", "scores_path", type=PATH, required=True, help="Score file, best from churn score --explain."
)
language_option = click.option(
    "--lang", "language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="English or Chinese."
)
threads_option = click.option(
    "--threads", type=click.IntRange(1, MOST_THREADS), help="Threads to use [default: all]; no result depends on it."
)
horizon_option = click.option(
    "--horizon", type=click.IntRange(1, MOST_DAYS), default=365, show_default=True, help="Days within which to leave."
)
dates_option = click.option(
    "--as-of", "dates", type=IsoDate(), multiple=True, help="Snapshot to use; may be repeated [default: the latest]."
)
learner_option = click.option(
    "--learner",
    default=LIGHTGBM,
    show_default=True,
    metavar=f"[{'|'.join((LIGHTGBM, *LEARNERS))}]",
    help="What grows the model; learners joined by + are averaged.",
)
parameters_option = click.option(
    "--parameters", "parameters_path", type=PATH, help="How LightGBM grows trees: a file from churn tune."
)
without_option = click.option(
    "--without", multiple=True, metavar="NAME", help="Feature, or family, to leave out; may be repeated."
)
no_track_option = click.option(
    "--no-track", is_flag=True, envvar="CHURN_NO_TRACK", help="Do not log the run to MLflow [variable: CHURN_NO_TRACK]."
)
seed_option = click.option(
    "--seed", type=click.IntRange(0, MOST_SEED), default=0, show_default=True, help="Random seed."
)


def output_option(text: str) -> Decorator:
    """Return the required option `-o`, described as `text`."""
    return click.option("-o", "--output", type=PATH, required=True, help=text)


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What every command that reads data is told alike, whatever it does with them."""

    config: Config
    config_path: Path | None
    data_end: dt.date | None
    as_json: bool
    seed: int = 0
    no_track: bool = False

    def open(self, data: Path, model: StoredModel | None = None, **how: Any) -> AbstractContextManager[Data]:
        """Open data; arguments are those of `churn.data.open_data`."""
        return open_data(data, self.config, model, data_end=self.data_end, **how)


def shared_options(*, seed: bool = False, track: bool = False) -> Decorator:
    """Return the options of `Shared`, which a command gets as `shared`, and --threads, which holds for all it does."""
    given = [config_option, data_end_option, *([seed_option] if seed else []), threads_option]
    given += [*([no_track_option] if track else []), json_option]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(*, threads: int | None, config_path: Path | None, **told: Any) -> Any:
            own = {name: told.pop(name) for name in ("data_end", "as_json", "seed", "no_track") if name in told}
            shared = Shared(config=read_config(config_path), config_path=config_path, **own)
            with use_threads(threads):
                return command(shared=shared, **told)

        made: Callable[..., Any] = run
        for option in reversed(given):
            made = option(made)
        return made

    return decorate
