import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.actions.today import in_hold_out
from churn.config import Config, PlanSettings
from churn.frame import Snapshot
from churn.model.documents import Thresholds
from churn.report.audience import MOST_GROUPS, bank_audience, flat_audience, summarise_groups
from churn.report.facts import Group
from today_rows import today_of

THRESHOLDS = Thresholds(high=0.6, low=0.2)
NAN = np.nan
NOBODY = PlanSettings(hold_out=0)


def people(**columns):
    """Four customers, A to D, with what is given instead of the defaults."""
    rows = {
        "customer_id": ["A", "B", "C", "D"],
        "branch_id": ["N", "N", "S", None],
        "manager_id": ["M1", None, "M2", None],
        "tier": ["gold", "ordinary", "platinum", "ordinary"],
        "familiarity_stage": [0, 1, 2, 3],
        "days_since_contact": [30.0, 31.0, 365.0, NAN],
        "aum_cny": [1000.0, -50.0, 0.0, NAN],
        "unrealised_pnl_cny": [-60.0, -10.0, 0.0, 0.0],
        "unrealised_return": [-0.05, -0.01, 0.02, NAN],
        "product_coverage": [1.0, 2.0, 7.0, 0.0],
        "do_not_contact": [False] * 4,
    }
    return pd.DataFrame(rows | columns)


def scores(*probabilities):
    return pd.DataFrame({"customer_id": list("ABCD")[: len(probabilities)], "churn_probability": probabilities})


def bank_of(people, scores, settings=PlanSettings()):  # noqa: B008 (frozen)
    return bank_audience(today_of(people, scores, dt.date(2026, 1, 5), Config(plan=settings)), THRESHOLDS)


def test_customers_are_banded_valued_and_grouped():
    found = bank_of(people(), scores(0.6, 0.2, 0.19, 0.5), PlanSettings(product_value_cny=100))
    assert found["risk_band"].tolist() == ["high", "medium", "low", "medium"]
    assert found["value_cny"].tolist() == [1100.0, 200.0, 700.0, 0.0]
    np.testing.assert_allclose(found["at_risk_cny"], [660.0, 40.0, 133.0, 0.0])
    assert found["by_coverage"].tolist()[:3] == ["1", "2", "5+"]
    assert found["by_coverage"].isna().tolist() == [False, False, False, True]
    assert found["by_stage"].tolist() == ["not_reached", "spoken_to", "invited", "met"]
    assert found["by_contact"].tolist() == ["within_30_days", "within_90_days", "within_a_year", "longer_ago"]
    assert found["by_investment"].tolist() == ["losing_much", "losing", "not_losing", "no_investment"]


def test_who_is_not_scored_is_left_out():
    assert bank_of(people(), scores(0.6, 0.2))["customer_id"].tolist() == ["A", "B"]


def test_values_are_not_known_where_nobodys_assets_are():
    found = bank_of(people(aum_cny=[NAN] * 4), scores(0.6, 0.2, 0.1, 0.5))
    assert found["value_cny"].isna().all()
    assert found["at_risk_cny"].isna().all()


def snapshot(held, **features):
    n = len(next(iter(features.values())))
    ids = np.array(list("ABCD")[:n], dtype=object)
    return Snapshot(None, ids, pd.DataFrame(features), None, held)


def test_a_flat_file_is_grouped_by_its_own_categories():
    parts = [snapshot(np.array([1.0, 6.0]), sex=pd.Series(["f", None], dtype="str"), income=[1.0, 2.0])]
    found = flat_audience(parts, scores(0.7, 0.1), THRESHOLDS, NOBODY)
    assert found["by_coverage"].tolist() == ["1", "5+"]
    assert found["by_own_sex"].fillna("?").tolist() == ["f", "?"]
    assert "by_own_income" not in found
    assert found["value_cny"].isna().all()


def test_a_column_called_coverage_is_a_files_own_where_products_are_not_counted():
    found = flat_audience(
        [snapshot(None, coverage=pd.Series(["full", "part"], dtype="str"))], scores(0.7, 0.1), THRESHOLDS, NOBODY
    )
    assert found["by_own_coverage"].tolist() == ["full", "part"]
    assert "by_coverage" not in found


def test_who_refused_or_is_held_out_is_not_to_be_named():
    n = 200
    ids = [f"C{number}" for number in range(n)]
    rows = {name: [column[0]] * n for name, column in people().to_dict("list").items()}
    crowd = pd.DataFrame(rows | {"customer_id": ids, "do_not_contact": [number < 50 for number in range(n)]})
    known = pd.DataFrame({"customer_id": ids, "churn_probability": [0.5] * n})
    found = bank_of(crowd, known, PlanSettings(hold_out=0.2))
    held_out = in_hold_out(crowd["customer_id"], PlanSettings(hold_out=0.2))
    assert 20 < held_out.sum() < 60
    expected = np.where(crowd["do_not_contact"], "do_not_contact", np.where(held_out, "held_out", ""))
    assert found["unnamed"].tolist() == expected.tolist()


def test_who_has_left_as_a_file_says_is_not_to_be_named():
    found = flat_audience([snapshot(None, income=[1.0, 2.0])], scores(0.7, 0.1), THRESHOLDS, NOBODY, gone=["B", "X"])
    assert found["unnamed"].tolist() == ["", "gone"]


def test_a_flat_file_has_the_same_hold_out():
    ids = [f"C{number}" for number in range(200)]
    many = Snapshot(None, np.array(ids, dtype=object), pd.DataFrame({"income": [1.0] * 200}), None, None)
    known = pd.DataFrame({"customer_id": ids, "churn_probability": [0.5] * 200})
    found = flat_audience([many], known, THRESHOLDS, PlanSettings(hold_out=0.2), gone=ids[:100])
    held_out = in_hold_out(pd.Series(ids), PlanSettings(hold_out=0.2))
    expected = np.where(np.arange(200) < 100, "gone", np.where(held_out, "held_out", ""))
    assert found["unnamed"].tolist() == expected.tolist()


def customers(**columns):
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame(columns)
    frame["customer_id"] = [f"C{number}" for number in range(n)]
    return frame


def test_groups_are_counted_and_averaged_in_their_own_order():
    found = summarise_groups(
        customers(
            by_tier=["platinum", "ordinary", "ordinary", None],
            churn_probability=[0.1, 0.2, 0.4, 0.8],
            risk_band=["low", "low", "high", "high"],
            at_risk_cny=[10.0, 20.0, 40.0, float("nan")],
        )
    )
    (tier,) = found
    assert (tier.key, tier.is_own, tier.n_more) == ("tier", False, 0)
    assert [group.code for group in tier.groups] == ["ordinary", "platinum", None]
    assert tier.groups[0] == Group("ordinary", 2, 1, pytest.approx(0.3), 60.0)
    assert tier.groups[2] == Group(None, 1, 1, pytest.approx(0.8), None)


def test_a_trait_that_everybody_shares_says_nothing():
    rows = customers(by_tier=["gold"] * 2, churn_probability=[0.1, 0.2], risk_band=["low"] * 2, at_risk_cny=[1.0, 2.0])
    assert summarise_groups(rows) == ()


@pytest.mark.parametrize(("branch", "keys"), [(None, ["branch"]), ("N", ["manager"])])
def test_the_bank_is_shown_by_branch_and_a_branch_by_manager(branch, keys):
    rows = customers(
        by_branch=["N", "S"],
        by_manager=["M1", "M2"],
        churn_probability=[0.1, 0.2],
        risk_band=["low"] * 2,
        at_risk_cny=[1.0, 2.0],
    )
    assert [one.key for one in summarise_groups(rows, branch)] == keys


def test_of_many_branches_those_that_risk_most_are_shown_and_the_others_counted():
    n = MOST_GROUPS + 3
    rows = customers(
        by_branch=[f"B{number:02}" for number in range(n)],
        churn_probability=[0.5] * n,
        risk_band=["low"] * n,
        at_risk_cny=[float(number) for number in range(n)],
    )
    (branches,) = summarise_groups(rows)
    assert branches.groups[0].code == f"B{n - 1:02}"
    assert (len(branches.groups), branches.n_more) == (MOST_GROUPS, 3)


def test_columns_of_a_bank_s_own_file_keep_their_names():
    rows = customers(
        by_own_tier=["b", "a"], churn_probability=[0.1, 0.2], risk_band=["low"] * 2, at_risk_cny=[float("nan")] * 2
    )
    (own,) = summarise_groups(rows)
    assert (own.key, own.is_own, [group.code for group in own.groups]) == ("tier", True, ["a", "b"])
