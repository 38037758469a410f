"""What managers do with scores, for Python."""

import pandas as pd

from churn.actions.plan import Plan, build_plan
from churn.actions.today import read_today
from churn.data import Data
from churn.scores import check_scores
from churn.timeline import Date, as_date


def plan_day(bank: Data, scores: pd.DataFrame, date: Date) -> Plan:
    """Plan a day of all managers: `rows` has the meetings and calls, one a row (docs/plan.md).

    Parameters
    ----------
    bank
        Open; its configuration says what a day holds and who may be contacted.
    scores
        Of `churn.score`, best with `explain`: without it no next binding is known.
    date
        The day; nobody asks whether it is a holiday.

    Raises
    ------
    DataError
        The scores cannot be used.
    TimeRangeError
        The date lies too far after the data end, or nobody is a customer at it.
    """
    return build_plan(read_today(bank, check_scores(scores), as_date(date), bank.config))
