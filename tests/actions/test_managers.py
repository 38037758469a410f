import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.actions.lists.care import find_homes
from churn.actions.managers import (
    choose_day,
    find_managers,
    is_working_day,
    manager_branches,
    next_working_day,
    propose_managers,
    unknown_managers,
)
from churn.config import PlanSettings
from churn.errors import TimeRangeError

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


THURSDAY = dt.date(2026, 10, 1)


def test_without_settings_every_day_is_a_working_day():
    assert all(is_working_day(THURSDAY + dt.timedelta(days=ahead), PlanSettings()) for ahead in range(7))


def test_the_next_working_day_lies_behind_holidays_and_weekends():
    settings = PlanSettings(weekend=("saturday", "sunday"), holidays=(THURSDAY, THURSDAY + dt.timedelta(days=1)))
    assert next_working_day(THURSDAY, settings) == dt.date(2026, 10, 5)


def test_a_day_worked_in_exchange_is_worked_though_it_is_a_sunday_and_a_holiday():
    sunday = dt.date(2026, 9, 27)
    settings = PlanSettings(weekend=("sunday",), holidays=(sunday,), working_days=(sunday,))
    assert is_working_day(sunday, settings)


def test_a_holiday_is_refused_with_the_day_that_would_do():
    with pytest.raises(TimeRangeError, match="next working day is 2026-10-02"):
        choose_day(THURSDAY, None, PlanSettings(holidays=(THURSDAY,)))


def test_a_year_without_a_working_day_is_an_error():
    every = PlanSettings(weekend=("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
    with pytest.raises(TimeRangeError, match="no working day within a year"):
        next_working_day(THURSDAY, every)


def test_the_day_is_the_one_asked_for_or_the_first_worked_from_the_scores_on():
    weekend = PlanSettings(weekend=("saturday", "sunday"))
    assert choose_day(None, dt.date(2026, 10, 3), weekend) == dt.date(2026, 10, 5)
    assert choose_day(THURSDAY, dt.date(2026, 9, 30), weekend) == THURSDAY
    with pytest.raises(TimeRangeError, match="the scores are of 2026-10-02, later"):
        choose_day(THURSDAY, dt.date(2026, 10, 2), weekend)
    with pytest.raises(TimeRangeError, match="--date is missing"):
        choose_day(None, None, weekend)
