"""The measures of progress as one table, with what each is called beside it, to be written as a file."""

import pandas as pd

from churn.actions.progress.build import Progress
from churn.actions.progress.wording import COUNTED, UNITS

COLUMNS = {
    "date": "str",
    "level": "str",
    "unit": "str",
    "branch_id": "str",
    "measure": "str",
    "title_en": "str",
    "title_zh": "str",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "value_in_en": "str",
    "value_in_zh": "str",
    "n": "Int64",
    "n_of_en": "str",
    "n_of_zh": "str",
    "target": "float64",
    "not_told_en": "str",
    "not_told_zh": "str",
}
"""Every column with its dtype, in order; docs/progress.md says what each holds."""


def progress_table(progress: Progress) -> pd.DataFrame:
    """Give every measure with what it is called and counted in, in both languages, or why it cannot be told.

    Returns
    -------
    DataFrame
        `COLUMNS`. The bank first, with a row for every measure, in the order of `progress.titles`: one that cannot be
        told has no numbers and says why in `not_told_en` and `not_told_zh`. Then a row a measure that can, for each
        branch and then each manager. `date` is the date as YYYY-MM-DD.

    Examples
    --------
    >>> import datetime as dt
    >>> measured = pd.DataFrame([["bank", None, None, "days_kept", 0.5, 0.4, 0.6, 90, 1.0]], columns=[
    ...     "level", "unit", "branch_id", "measure", "value", "low", "high", "n", "target"])
    >>> titles = {"days_kept": ("Days kept", "达标日"), "referrals": ("Customers brought", "转介")}
    >>> why = {"referrals": ("there is no referrals table", "缺少 referrals 表")}
    >>> progress = Progress(dt.date(2026, 1, 5), 30, 365, measured, pd.DataFrame(), titles, why, ())
    >>> progress_table(progress)[["level", "title_en", "value", "n", "not_told_en"]].values.tolist()
    [['bank', 'Days kept', 0.5, 90, nan], ['bank', 'Customers brought', nan, <NA>, 'there is no referrals table']]
    """
    is_bank = progress.measures["level"] == "bank"
    bank = progress.measures[is_bank].set_index("measure").reindex(list(progress.titles)).reset_index()
    rows = pd.concat([bank.assign(level="bank"), progress.measures[~is_bank]], ignore_index=True)
    said = {"title": progress.titles, "value_in": UNITS, "n_of": COUNTED, "not_told": progress.not_told}
    texts = {
        f"{name}_{language}": rows["measure"].map({measure: pair[at] for measure, pair in pairs.items()})
        for name, pairs in said.items()
        for at, language in enumerate(("en", "zh"))
    }
    return rows.assign(date=progress.date.isoformat(), **texts)[list(COLUMNS)].astype(COLUMNS)
