import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.actions.lists.vips import find_homes
from churn.actions.managers import find_managers, manager_branches, propose_managers, unknown_managers
from churn.config import PlanSettings

DATE = dt.date(2026, 1, 5)
# customer, branch, manager, tier, value
ROWS = [
    ("A", "N", "M1", "gold", 1.0),
    ("B", "N", "M1", "ordinary", 1.0),
    ("C", "S", "M1", "ordinary", 1.0),
    ("D", "N", "M2", "ordinary", 1.0),
    ("E", "N", None, "gold", 5.0),
    ("F", "N", None, "platinum", 9.0),
    ("G", "N", None, "gold", 7.0),
    ("H", "S", None, "gold", 8.0),
    ("I", "N", None, "ordinary", 99.0),
]


def people(rows=ROWS):
    columns = ["customer_id", "branch_id", "manager_id", "tier", "value_cny"]
    found = pd.DataFrame(rows, columns=columns)
    found["manager_id"] = pd.Series([row[2] for row in rows], dtype=object)
    return found.assign(is_vip=found["tier"] != "ordinary")


def test_a_manager_works_where_most_of_their_customers_are():
    found = find_managers(people(), DATE, PlanSettings())
    assert found.to_numpy().tolist() == [["M1", "N", 5, 20, 1, 3], ["M2", "N", 5, 20, 0, 1]]


def test_of_two_branches_with_as_many_customers_the_first_is_home():
    rows = [("A", "S", "M1", "ordinary", 1.0), ("B", "N", "M1", "ordinary", 1.0)]
    assert find_managers(people(rows), DATE, PlanSettings())["branch_id"].tolist() == ["N"]


def test_the_configuration_moves_adds_and_empties_days():
    settings = PlanSettings.model_validate(
        {
            "managers": {
                "M1": {"branch": "S", "calls": 3},
                "M2": {"away": ["2026-01-05"]},
                "M9": {"branch": "N"},
                "X": {},
            }
        }
    )
    found = find_managers(people(), DATE, settings)
    assert found.iloc[:, :4].to_numpy().tolist() == [["M1", "S", 5, 3], ["M2", "N", 0, 0], ["M9", "N", 5, 20]]
    assert unknown_managers(found, settings) == ["X"]


def test_a_bank_without_managers_has_none_and_its_vips_wait():
    alone = people([("A", "N", None, "gold", 1.0)])
    managers = find_managers(alone, DATE, PlanSettings())
    assert managers.empty
    assert list(managers) == ["manager_id", "branch_id", "meetings", "calls", "n_vips", "n_customers"]
    assert propose_managers(alone, managers)[["customer_id", "proposed_manager_id"]].to_numpy().tolist() == [
        ["A", None]
    ]


def test_vips_go_to_the_least_loaded_manager_of_their_branch_the_most_valuable_first():
    managers = find_managers(people(), DATE, PlanSettings())
    found = propose_managers(people(), managers)
    # F: M2 has no VIP yet. H: nobody works at S. G: both have one, M2 fewer customers. E: M1 has one, M2 two.
    assert found[["customer_id", "proposed_manager_id"]].to_numpy().tolist() == [
        ["F", "M2"],
        ["H", None],
        ["G", "M2"],
        ["E", "M1"],
    ]
    assert found["n_vips_before"].tolist()[0] == 0
    assert found["n_vips_before"].tolist()[2:] == [1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_loads_differ_by_one_at_most_once_all_vips_are_given(seed):
    rng = np.random.default_rng(seed)
    rows = [(f"V{n}", "N", None, "gold", float(rng.random())) for n in range(50)]
    rows += [(f"C{n}", "N", f"M{rng.integers(4)}", "gold", 1.0) for n in range(20)]
    managers = find_managers(people(rows), DATE, PlanSettings())
    given = propose_managers(people(rows), managers)["proposed_manager_id"].value_counts()
    loads = managers.set_index("manager_id")["n_vips"].add(given, fill_value=0)
    assert loads.max() - loads.min() <= 1


@pytest.mark.parametrize("seed", range(5))
def test_plan_and_lists_mean_one_branch_wherever_the_lists_mean_one(seed):
    rng = np.random.default_rng(seed)
    rows = [(f"C{n}", f"B{rng.integers(3)}", f"M{rng.integers(8)}", "gold", 1.0) for n in range(30)]
    stated = {"M0": "B9", "M99": "B1"}
    managers = manager_branches(people(rows), stated).set_index("manager_id")["branch_id"]
    homes = find_homes(people(rows), 0.5, stated).set_index("manager_id")["manager_branch_id"]
    assert len(homes) > 2
    assert homes.to_dict() == managers[homes.index].to_dict()
    assert set(managers.index) == {row[2] for row in rows} | set(stated)
