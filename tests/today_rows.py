"""What is known today, from a few rows written down in a test."""

import datetime as dt
from typing import Any

import pandas as pd

from churn.actions.managers import find_managers
from churn.actions.today import Today, complete
from churn.config import Config
from churn.scores import check_scores
from churn.speech import message


def today_of(
    people: pd.DataFrame, scores: pd.DataFrame, date: dt.date, config: Config, *, missing: tuple[str, ...] = ()
) -> Today:
    """Give customers and their scores as `read_today` does; `missing` names what says nothing of today."""
    given: Any = {"as_of": date.isoformat()}
    known = check_scores(scores.assign(**given))
    customers = complete(people, known, config)
    why = {name: message("there is no {table} table", table=name) for name in missing}
    return Today(
        date=date,
        config=config,
        customers=customers,
        managers=find_managers(customers, date, config.plan),
        scores=known,
        absent=why,
        missing=why,
        bank=None,  # type: ignore[arg-type]
        tables={},
        begin=0,
        end=0,
    )
