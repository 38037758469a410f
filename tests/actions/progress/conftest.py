import datetime as dt
from collections.abc import Callable, Iterator

import pandas as pd
import pytest

from churn.actions.progress.build import Progress, build_progress
from churn.actions.today import read_today
from churn.config import Config
from churn.data import open_bank
from churn.scores import check_scores

DATE = dt.date(2024, 7, 1)


@pytest.fixture(scope="module", autouse=True)
def _few_months(request: pytest.FixtureRequest) -> Iterator[None]:
    """Two months say as much as twelve, and cost less; `test_series` looks at all of them."""
    with pytest.MonkeyPatch.context() as patch:
        if request.path.stem != "test_series":
            patch.setattr("churn.actions.progress.series.MONTHS", 2)
        yield


@pytest.fixture(scope="module")
def measured_before() -> dict[object, Progress]:
    """What was measured of banks given as texts: several tests look at the same."""
    return {}


@pytest.fixture
def progress_of(make_folder, measured_before) -> Callable[..., Progress]:
    """Measure a bank of these tables at 2024-07-01; the data reach to the eve unless another end is given."""

    def make(
        *,
        date=DATE,
        folder="bank",
        scores: pd.DataFrame | None = None,
        config: dict | None = None,
        horizon_days=365,
        data_end=None,
        **tables,
    ) -> Progress:
        end = data_end or date - dt.timedelta(days=1)
        is_plain = scores is None and all(table is None or isinstance(table, str) for table in tables.values())
        key = repr((date, end, config, horizon_days, sorted(tables.items()))) if is_plain else object()
        if key in measured_before:
            return measured_before[key]
        parsed = Config.model_validate(config or {})
        with open_bank(make_folder(folder, **tables), parsed, data_end=end, n_threads=1) as bank:
            known = None if scores is None else check_scores(scores.assign(as_of=date.isoformat()))
            found = build_progress(read_today(bank, known, date, bank.config), horizon_days=horizon_days)
        measured_before[key] = found
        return found

    return make


@pytest.fixture
def told() -> Callable[..., pd.Series]:
    """Give the row of a measure: of the bank, or of a unit."""

    def find(progress: Progress, measure: str, unit: str | None = None) -> pd.Series:
        rows = progress.measures[progress.measures["measure"] == measure]
        rows = rows[rows["level"] == "bank"] if unit is None else rows[rows["unit"] == unit]
        assert len(rows) == 1
        return rows.iloc[0]

    return find
