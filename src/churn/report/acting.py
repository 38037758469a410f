"""What is to be done today, and whether it works: as much of plan, lists and progress as a page has room for."""

from typing import Any, Literal, NamedTuple

import pandas as pd

from churn.actions.lists.build import Lists
from churn.actions.plan.build import DayPlan
from churn.actions.progress.build import Progress
from churn.actions.progress.measures import MEASURES
from churn.report import facts
from churn.speech import Name

MOST_MANAGERS = 60
"""Managers a page names."""
MOST_DETAILED = 12
"""Managers up to whom the bank's page has room for every contact; beyond, the branches' pages have them."""
MOST_ROWS = 10
"""First rows of a list that a page shows."""
MOST_UNITS = 300
"""Branches or managers a page shows."""


class Acts(NamedTuple):
    """What a bank's tables tell beside the scores; a flat file has none of it."""

    plan: DayPlan
    lists: Lists
    progress: Progress


def summarise_day(plan: DayPlan, branch_id: str | None = None) -> facts.Day:
    """Say what each manager's day holds; of a branch, where it is given."""
    managers, rows, assignments = plan.managers, plan.rows, plan.assignments
    if branch_id is not None:
        managers = managers[managers["branch_id"] == branch_id]
        rows = rows[rows["manager_id"].isin(managers["manager_id"])]
        assignments = assignments[assignments["branch_id"] == branch_id]
    detailed = branch_id is not None or len(managers) <= MOST_DETAILED
    shown = managers.sort_values(["branch_id", "manager_id"]).head(MOST_MANAGERS)
    by_manager = dict(list(rows[rows["manager_id"].isin(shown["manager_id"])].groupby("manager_id")))
    met = rows["kind"] == "meeting"
    return facts.Day(
        date=plan.date,
        managers=tuple(_manager(row, by_manager.get(row["manager_id"]), detailed) for row in shown.to_dict("records")),
        has_contacts=detailed,
        n_managers=len(managers),
        n_meetings=int(met.sum()),
        n_calls=int((~met).sum()),
        kept_cny=float(rows["expected_value_kept"].sum()),
        left_out=tuple(plan.left_out.items()),
        assignments=tuple(_proposal(row) for row in assignments.head(MOST_ROWS).to_dict("records")),
        n_assignments=len(assignments),
        notes=plan.notes,
        knows_contacts=plan.knows_contacts,
    )


def _manager(manager: dict[Any, Any], rows: pd.DataFrame | None, detailed: bool) -> facts.ManagerDay:
    contacts = [] if rows is None else [_contact(row) for row in rows.to_dict("records")]
    n_meetings = sum(contact.kind == "meeting" for contact in contacts)
    return facts.ManagerDay(
        manager_id=manager["manager_id"],
        branch_id=manager["branch_id"],
        n_meetings=n_meetings,
        n_calls=len(contacts) - n_meetings,
        kept_cny=sum(contact.kept_cny for contact in contacts),
        contacts=tuple(contacts) if detailed else (),
    )


def _contact(row: dict[Any, Any]) -> facts.Contact:
    alike = ("kind", "customer_id", "tier", "purpose", "last_contacted_on", "assignment")
    said: dict[str, Any] = {name: Name(row[f"{name}_en"], row[f"{name}_zh"]) for name in ("why", "say_first", "offer")}
    risk = {"probability": row["churn_probability"], "kept_cny": row["expected_value_kept"]}
    return facts.Contact(**{name: row[name] for name in alike}, **risk, **said)


def _proposal(row: dict[Any, Any]) -> facts.Proposal:
    manager, reason = _known(row["proposed_manager_id"]), Name(row["reason_en"], row["reason_zh"])
    return facts.Proposal(row["customer_id"], row["branch_id"], row["tier"], manager_id=manager, reason=reason)


def summarise_lists(lists: Lists, branch_id: str | None = None) -> tuple[facts.Listing, ...]:
    """Say of each list what it is, how long, and who stands first; of a branch, where it is given.

    The sentence of a list is the whole bank's.
    """
    found = []
    for name, rows in lists.frames.items():
        mine = rows if branch_id is None else rows[rows["branch_id"] == branch_id]
        listing = facts.Listing(
            name=name,
            title=lists.titles[name],
            says=lists.sentences[name],
            n_rows=len(mine),
            is_made=name not in lists.not_made,
            rows=tuple(_listed(row) for row in mine.head(MOST_ROWS).to_dict("records")),
        )
        found.append(listing)
    return tuple(found)


def _listed(row: dict[Any, Any]) -> facts.ListedCustomer:
    known = {name: _known(row[name]) for name in ("branch_id", "manager_id", "tier")}
    why, refuses = Name(row["why_en"], row["why_zh"]), bool(row.get("do_not_contact", False))
    return facts.ListedCustomer(customer_id=row["customer_id"], why=why, refuses=refuses, **known)


def summarise_working(progress: Progress, branch_id: str | None = None) -> facts.Working:
    """Sort what was measured: of the bank and its branches, or of one branch and its managers."""
    measures = progress.measures
    level: Literal["branch", "manager"] = "branch" if branch_id is None else "manager"
    whole, parts = _of(measures, branch_id), measures[measures["level"] == level]
    if branch_id is not None:
        parts = parts[parts["branch_id"] == branch_id]
    units = list(dict.fromkeys(parts["unit"].tolist()))
    shown = parts[parts["unit"].isin(units[:MOST_UNITS])]
    return facts.Working(
        window_days=progress.window_days,
        horizon_days=progress.horizon_days,
        titles={name: one.title for name, one in MEASURES.items()},
        counted={name: one.counted for name, one in MEASURES.items()},
        whole=_measured(whole),
        level=level,
        units=tuple(facts.Unitwise(str(unit), _measured(rows)) for unit, rows in shown.groupby("unit", sort=False)),
        n_units=len(units),
        series=_series(progress.series, branch_id),
        not_told=tuple(progress.not_told.items()),
        notes=progress.notes,
    )


def _of(frame: pd.DataFrame, branch_id: str | None) -> pd.DataFrame:
    if branch_id is None:
        return frame[frame["level"] == "bank"]
    return frame[(frame["level"] == "branch") & (frame["unit"] == branch_id)]


def _measured(rows: pd.DataFrame) -> dict[str, facts.MeasuredValue]:
    return {str(row["measure"]): _one(row) for row in rows.to_dict("records")}


def _one(row: dict[Any, Any]) -> facts.MeasuredValue:
    value, low, high, target = (_known(row[name]) for name in ("value", "low", "high", "target"))
    return facts.MeasuredValue(value, low, high, int(row["n"]), target)


def _series(series: pd.DataFrame, branch_id: str | None) -> dict[str, tuple[facts.Point, ...]]:
    mine = _of(series, branch_id).dropna(subset="value")
    return {
        str(measure): tuple(facts.Point(row["date"], float(row["value"])) for row in rows.to_dict("records"))
        for measure, rows in mine.groupby("measure", sort=False)
    }


def _known(value: Any) -> Any:
    return None if pd.isna(value) else value
