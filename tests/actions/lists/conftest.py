import datetime as dt
from collections.abc import Callable

import pandas as pd
import pytest

from churn.actions.lists.build import Lists, build_lists
from churn.actions.today import read_today
from churn.config import Config, ListSettings
from churn.data import open_bank
from churn.scores import check_scores

DATE = dt.date(2024, 7, 1)


@pytest.fixture
def lists_of(make_folder) -> Callable[..., Lists]:
    """Make the lists of a bank of these tables, for 2024-07-01 unless another day is given."""

    def make(
        *,
        date=DATE,
        folder="bank",
        scores: pd.DataFrame | None = None,
        settings: ListSettings | None = None,
        config: Config | None = None,
        **tables,
    ) -> Lists:
        given = config or Config()
        given = given.model_copy(update={"lists": settings or given.lists})
        known = None if scores is None else check_scores(scores.assign(as_of=date.isoformat()))
        with open_bank(make_folder(folder, **tables), given, data_end=date, n_threads=1) as bank:
            return build_lists(read_today(bank, known, date, bank.config))

    return make
