"""What managers do with scores, for Python."""

import pandas as pd

from churn import data, timeline
from churn.actions import plan, today
from churn.scores import check_scores


def plan_day(bank: data.Data, scores: pd.DataFrame, date: timeline.Date) -> plan.Plan:
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
    return plan.build_plan(today.read_today(bank, check_scores(scores), timeline.as_date(date), bank.config))
