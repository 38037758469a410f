import pandas as pd
import pytest

from churn.report.facts import Group
from churn.report.groups import MOST_GROUPS, summarise_groups


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
