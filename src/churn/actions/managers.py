"""Managers: when and where they work, how much their day holds, and who becomes responsible for a VIP without one."""

import datetime as dt
from collections.abc import Mapping
from heapq import heapify, heapreplace
from typing import get_args

import pandas as pd

from churn.config import ManagerSettings, PlanSettings
from churn.config.actions import Weekday
from churn.errors import TimeRangeError

_WEEKDAYS = get_args(Weekday)
_LONGEST_BREAK_DAYS = 366


def is_working_day(date: dt.date, settings: PlanSettings) -> bool:
    """Whether managers work on a date: no holiday and no weekend, or a working day that was named as one.

    Examples
    --------
    >>> china = PlanSettings(weekend=("saturday", "sunday"), holidays=("2026-02-17",), working_days=("2026-02-14",))
    >>> [is_working_day(dt.date(2026, 2, day), china) for day in (13, 14, 15, 17)]
    [True, True, False, False]
    """
    if date in settings.working_days:
        return True
    return date not in settings.holidays and _WEEKDAYS[date.weekday()] not in settings.weekend


def next_working_day(date: dt.date, settings: PlanSettings) -> dt.date:
    """Return the first working day on or after a date.

    Raises
    ------
    TimeRangeError
        There is none within a year.

    Examples
    --------
    >>> next_working_day(dt.date(2026, 2, 21), PlanSettings(weekend=("saturday", "sunday"))).isoformat()
    '2026-02-23'
    """
    for ahead in range(_LONGEST_BREAK_DAYS):
        day = date + dt.timedelta(days=ahead)
        if is_working_day(day, settings):
            return day
    raise TimeRangeError(f"[plan]: no working day within a year of {date}; fix weekend and holidays")


def choose_day(date: dt.date | None, scored_on: dt.date | None, settings: PlanSettings) -> dt.date:
    """Return the day to plan: the one asked for, else the first working day on or after the scores' date.

    Raises
    ------
    TimeRangeError
        There is neither, nobody works on the day asked for, or the scores are of a later one.

    Examples
    --------
    >>> choose_day(None, dt.date(2026, 1, 3), PlanSettings(weekend=("saturday", "sunday")))
    datetime.date(2026, 1, 5)
    """
    if date is None and scored_on is None:
        raise TimeRangeError("--date is missing; the scores have no date of their own")
    if date is None:
        assert scored_on is not None
        return next_working_day(scored_on, settings)
    if (following := next_working_day(date, settings)) != date:
        raise TimeRangeError(f"--date {date}: nobody works on that day ([plan]); the next working day is {following}")
    if scored_on is not None and date < scored_on:
        raise TimeRangeError(f"--date {date}: the scores are of {scored_on}, later; give scores of that day or before")
    return date


def stated_branches(settings: PlanSettings) -> dict[str, str]:
    """Give the branches that the configuration states, by manager."""
    return {name: own.branch for name, own in settings.managers.items() if own.branch is not None}


def manager_branches(customers: pd.DataFrame, stated: Mapping[str, str]) -> pd.DataFrame:
    """Say where each manager works: the stated branch, else that of most of their customers, of equals the first.

    Returns
    -------
    DataFrame
        Sorted by `manager_id`, each once: `branch_id`, and `branch_share`, the part of the manager's customers that
        shows it, NaN where it is stated.

    Examples
    --------
    >>> customers = pd.DataFrame({"manager_id": ["M1", "M1", "M1", "M2"], "branch_id": ["N", "S", "N", "S"]})
    >>> manager_branches(customers, {"M2": "N"}).values.tolist()
    [['M1', 'N', 0.6666666666666666], ['M2', 'N', nan]]
    """
    shares = customers.groupby("manager_id")["branch_id"].value_counts(normalize=True).rename("branch_share")
    homes = shares.reset_index().sort_values(["manager_id", "branch_share", "branch_id"], ascending=[True, False, True])
    homes = homes[~homes["manager_id"].isin(list(stated))].drop_duplicates("manager_id")
    named = pd.DataFrame({"manager_id": list(stated), "branch_id": list(stated.values())}, dtype="str")
    return pd.concat([homes, named], ignore_index=True).sort_values("manager_id", ignore_index=True)


def find_managers(people: pd.DataFrame, date: dt.date, settings: PlanSettings) -> pd.DataFrame:
    """List the managers: those responsible for a customer today, and those the configuration gives a branch.

    Where they work, `manager_branches` says.

    Parameters
    ----------
    people
        Of `Today.customers`; `customer_id`, `branch_id`, `manager_id` and `is_vip` are read.
    date
        A manager who is away on it has room for nothing.

    Returns
    -------
    DataFrame
        Sorted by `manager_id`: `branch_id`, `meetings` and `calls` the day has room for, `n_vips` and `n_customers`
        they are responsible for; empty where the bank names no manager.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["A", "B", "C"], "branch_id": ["N", "N", "S"],
    ...                        "manager_id": ["M1", "M1", None], "is_vip": [True, False, True]})
    >>> find_managers(people, dt.date(2026, 1, 5), PlanSettings()).values.tolist()
    [['M1', 'N', 5, 20, 1, 2]]
    """
    managed = people[people["manager_id"].notna()]
    homes = manager_branches(managed, stated_branches(settings))
    vips = managed.loc[managed["is_vip"], "manager_id"].value_counts()
    customers = managed["manager_id"].value_counts()
    names = homes["manager_id"].tolist()
    away = {name for name, own in settings.managers.items() if date in own.away}
    rooms = [(0, 0) if name in away else daily_targets(name, settings) for name in names]
    return pd.DataFrame(
        {
            "manager_id": names,
            "branch_id": homes["branch_id"].tolist(),
            "meetings": [meetings for meetings, _ in rooms],
            "calls": [calls for _, calls in rooms],
            "n_vips": vips.reindex(names, fill_value=0).to_numpy(),
            "n_customers": customers.reindex(names, fill_value=0).to_numpy(),
        }
    )


def unknown_managers(managers: pd.DataFrame, settings: PlanSettings) -> list[str]:
    """Name the managers the configuration speaks of and nobody knows: without a customer and without a branch."""
    return sorted(set(settings.managers) - set(managers["manager_id"]))


def daily_targets(manager_id: str, settings: PlanSettings) -> tuple[int, int]:
    """Return the meetings and the calls that a manager's day is to have: the manager's own, or those of all."""
    own = settings.managers.get(manager_id, ManagerSettings())
    meetings = settings.meetings if own.meetings is None else own.meetings
    return meetings, settings.calls if own.calls is None else own.calls


def propose_managers(people: pd.DataFrame, managers: pd.DataFrame) -> pd.DataFrame:
    """Propose a responsible manager for every VIP who has none: the least loaded one of the branch.

    Least loaded has fewest VIPs, then fewest customers, then the first id; the most valuable VIP chooses first.

    Parameters
    ----------
    people
        `customer_id`, `branch_id`, `manager_id`, `is_vip`, `tier` and `value_cny` are read.
    managers
        Of `find_managers`.

    Returns
    -------
    DataFrame
        One row per VIP without a manager, the most valuable first: `customer_id`, `branch_id`, `tier`, `value_cny`,
        `proposed_manager_id` (None where the branch has no manager) and `n_vips_before` of that manager.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["A", "B", "C"], "branch_id": ["N", "N", "S"], "tier": ["gold"] * 3,
    ...                        "manager_id": ["M1", None, None], "is_vip": [True] * 3, "value_cny": [1.0, 2.0, 3.0]})
    >>> managers = find_managers(people, dt.date(2026, 1, 5), PlanSettings())
    >>> propose_managers(people, managers)[["customer_id", "proposed_manager_id"]].values.tolist()
    [['C', None], ['B', 'M1']]
    """
    waiting = people.loc[
        people["is_vip"] & people["manager_id"].isna(), ["customer_id", "branch_id", "tier", "value_cny"]
    ]
    waiting = waiting.sort_values(["value_cny", "customer_id"], ascending=[False, True]).reset_index(drop=True)
    heaps: dict[str, list[tuple[int, int, str]]] = {}
    loads = (managers[name].tolist() for name in ("branch_id", "n_vips", "n_customers", "manager_id"))
    for branch, *load in zip(*loads, strict=True):
        heaps.setdefault(branch, []).append((load[0], load[1], load[2]))
    for heap in heaps.values():
        heapify(heap)
    proposed: list[str | None] = []
    before: list[int | None] = []
    for branch in waiting["branch_id"].tolist():
        heap = heaps.get(branch, [])
        vips, customers, manager = heap[0] if heap else (None, 0, None)
        proposed.append(manager)
        before.append(vips)
        if vips is not None and manager is not None:
            heapreplace(heap, (vips + 1, customers + 1, manager))
    waiting["proposed_manager_id"] = pd.Series(proposed, dtype=object)
    waiting["n_vips_before"] = pd.Series(before, dtype="Int64")
    return waiting
