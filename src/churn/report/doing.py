"""What is to be done today: the plan and the lists, as much as a page has room for."""

from typing import Any

import pandas as pd

from churn.actions.lists.build import Lists
from churn.actions.plan import Plan
from churn.report.facts_today import Assignment, Contact, Day, Listed, Listing, ManagerDay

MOST_MANAGERS = 60
"""Managers a page names."""
MOST_DETAILED = 12
"""Managers up to whom the bank's page has room for every contact; beyond, the branches' pages have them."""
MOST_ROWS = 10
"""First rows of a list that a page shows."""


def summarise_day(plan: Plan, branch_id: str | None = None) -> Day:
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
    return Day(
        plan.date,
        tuple(_manager(row, by_manager.get(row["manager_id"]), detailed) for row in shown.to_dict("records")),
        detailed,
        len(managers),
        int(met.sum()),
        int((~met).sum()),
        float(rows["expected_value_kept"].sum()),
        tuple(plan.left_out.items()),
        tuple(_assignment(row) for row in assignments.head(MOST_ROWS).to_dict("records")),
        len(assignments),
        plan.notes,
        plan.knows_contacts,
    )


def _manager(manager: dict[Any, Any], rows: pd.DataFrame | None, detailed: bool) -> ManagerDay:
    contacts = [] if rows is None else [_contact(row) for row in rows.to_dict("records")]
    n_meetings = sum(contact.kind == "meeting" for contact in contacts)
    kept = sum(contact.kept_cny for contact in contacts)
    shown = tuple(contacts) if detailed else ()
    return ManagerDay(manager["manager_id"], manager["branch_id"], n_meetings, len(contacts) - n_meetings, kept, shown)


def _contact(row: dict[Any, Any]) -> Contact:
    return Contact(
        kind=row["kind"],
        customer_id=row["customer_id"],
        tier=row["tier"],
        purpose=row["purpose"],
        probability=row["churn_probability"],
        kept_cny=row["expected_value_kept"],
        why=(row["why_en"], row["why_zh"]),
        say_first=(row["say_first_en"], row["say_first_zh"]),
        offer=(row["offer_en"], row["offer_zh"]),
        last_contacted_on=row["last_contacted_on"],
        assignment=row["assignment"],
    )


def _assignment(row: dict[Any, Any]) -> Assignment:
    manager = row["proposed_manager_id"]
    return Assignment(
        row["customer_id"],
        row["branch_id"],
        row["tier"],
        None if pd.isna(manager) else manager,
        (row["reason_en"], row["reason_zh"]),
    )


def summarise_lists(lists: Lists, branch_id: str | None = None) -> tuple[Listing, ...]:
    """Say of each list what it is, how long, and who stands first; of a branch, where it is given.

    The sentence of a list is the whole bank's.
    """
    found = []
    for name, rows in lists.frames.items():
        mine = rows if branch_id is None else rows[rows["branch_id"] == branch_id]
        first = tuple(_listed(row) for row in mine.head(MOST_ROWS).to_dict("records"))
        title, says = lists.titles[name], lists.sentences[name]
        found.append(Listing(name, title, says, len(mine), name not in lists.not_made, first))
    return tuple(found)


def _listed(row: dict[Any, Any]) -> Listed:
    branch, manager, tier = (None if pd.isna(row[name]) else row[name] for name in ("branch_id", "manager_id", "tier"))
    refuses = bool(row.get("do_not_contact", False))
    return Listed(row["customer_id"], branch, manager, tier, (row["why_en"], row["why_zh"]), refuses)
