"""What happens on a date or later changes no output of that date, whichever command makes it.

Randomised offers are left out: their outcomes tell of effects whatever the date (docs/explaining.md).
"""

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest

import churn
from churn.report.facts import to_json
from futures import BEGINS, other_future
from long_runs import examples
from other_bank import make_tables, write_tables

AS_OF, HORIZON = dt.date(2024, 2, 7), 120
TABLES = make_tables(60, 4)
DATES = [f"{year}-{month:02}-01" for year in (2022, 2023) for month in (7, 8, 9, 10)]
TABLES["holdings"]["account_class"] = pd.Series([None] * len(TABLES["holdings"]), dtype="str")
"""Nobody has an account of class 1, so that one of the future would be the first."""
SETTINGS = churn.Config.model_validate({"plan": {"hold_out": 0.2}, "lists": {"counter_days": 60}})
pytestmark = pytest.mark.usefixtures("few_months")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    place = write_tables(TABLES, tmp_path_factory.mktemp("then") / "bank", "parquet")
    with churn.open_bank(place, SETTINGS) as bank:
        return churn.train(churn.build_snapshots(bank, DATES, HORIZON), "scorecard")


def outputs(tables, model):
    """Everything that is made of a bank at a date: what is not a table is text."""
    with TemporaryDirectory() as folder:
        place = write_tables(tables, Path(folder) / "bank", "parquet")
        with churn.open_bank(place, SETTINGS) as bank:
            scores = churn.score(model, bank, AS_OF, explain=True)
            plan, lists = churn.plan_day(bank, scores), churn.lists(bank, scores)
            progress = churn.progress(bank, scores, horizon_days=HORIZON)
            pages = churn.page(bank, model, scores)
            first = churn.explain_customer(model, bank, scores["customer_id"][0], AS_OF)
            return {
                "features": churn.build_frame(bank, AS_OF),
                "scores": scores,
                "explanation": churn.explain_bindings(model, bank, AS_OF),
                "advice of one customer": str(first.next_step),
                "plan": plan.rows,
                "left out of the plan": str(plan.left_out),
                "assignments": plan.assignments,
                **{f"list {name}": frame for name, frame in lists.frames.items()},
                "lists": str(lists.sentences),
                "measures": progress.measures,
                "series": progress.series,
                "not told": str((progress.not_told, progress.notes)),
                "page": str(to_json(pages.facts())),
                "pages": pages.html() + "".join(pages.html("zh", branch) for branch in pages.branches),
            }


@pytest.fixture(scope="module")
def known_then(model):
    """The bank as it stands, later rows and all."""
    return outputs(TABLES, model)


@pytest.mark.parametrize("number", range(examples(2, 12)))
def test_no_future_changes_a_bit_of_any_output(known_then, model, number):
    for name, found in outputs(other_future(TABLES, AS_OF, number), model).items():
        if isinstance(found, str):
            assert found == known_then[name], name
        else:
            pd.testing.assert_frame_equal(found, known_then[name], check_exact=True, obj=name)


def test_the_bank_of_the_future_test_tells_something_in_every_output(known_then):
    assert [name for name in ("features", "scores", "explanation", "plan", "measures") if known_then[name].empty] == []
    assert sum(not found.empty for name, found in known_then.items() if name.startswith("list ")) >= 4
    for name in BEGINS.keys() & TABLES:
        assert (TABLES[name][BEGINS[name]] >= pd.Timestamp(AS_OF)).any(), name
