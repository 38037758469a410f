import datetime as dt
from collections.abc import Callable

import pandas as pd
import pytest

from churn.actions.lists.build import Lists, build_lists
from churn.config import Config
from churn.data import open_bank

DATE = dt.date(2024, 7, 1)


@pytest.fixture
def lists_of(make_folder) -> Callable[..., Lists]:
    """Make the lists of a bank of these tables, for 2024-07-01 unless another day is given."""

    def make(
        *,
        date=DATE,
        folder="bank",
        scores: pd.DataFrame | None = None,
        settings=None,
        config: Config | None = None,
        **tables,
    ) -> Lists:
        with open_bank(make_folder(folder, **tables), config, n_threads=1) as bank:
            return build_lists(bank, scores, date, bank.config, settings)

    return make
