"""The managers' day: whom to meet and whom to call, why now, and what to say first.

Who may be contacted: a customer today, scored, who did not refuse (`do_not_contact`), whose last contact lies more than
`rest_days` back, and who has a manager or lives in a branch that has some. Who has a responsible manager hears from
that one alone; a VIP without one from the manager proposed for them. Of the random hold-out, a stable hash of the
customer's id, nobody is contacted for their score, but losses are told to all: what the programme is worth is the
difference in churn between the hold-out and the others.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.actions import sheets, value
from churn.actions.managers import propose_managers
from churn.actions.plan import choice, telling
from churn.actions.today import Today
from churn.config import PlanSettings
from churn.speech import Message

Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class DayPlan:
    """A day of all managers.

    Attributes
    ----------
    date
        The day.
    managers
        Of `find_managers`.
    rows
        One row per contact, sorted by manager, meetings first, then by rank; the columns of `plan.csv` (docs/plan.md).
    assignments
        One row per VIP without a manager; the columns of `assignments.csv`.
    left_out
        How many customers could not be contacted, each under the first reason that holds.
    n_customers
        Customers today.
    notes
        What a reader should know; sentences without a full stop.
    knows_contacts
        Whether the bank's tables tell who was contacted within a year; else nobody is known to be a stranger.
    """

    date: dt.date
    managers: pd.DataFrame
    rows: pd.DataFrame
    assignments: pd.DataFrame
    left_out: Mapping[str, int]
    n_customers: int
    notes: tuple[Message, ...] = ()
    knows_contacts: bool = True


def build_plan(today: Today) -> DayPlan:
    """Plan a day; whether anybody works on it is the caller's to ask (`choose_day`).

    Returns
    -------
    DayPlan
        Without rows where the bank names no manager: then nobody can be contacted, and a note says so.
    """
    settings, managers = today.config.plan, today.managers
    is_told = (today.customers["n_loss_notices_since_loss"] > 0).to_numpy()
    # What is not known of contacts and losses is none.
    people = today.customers.assign(
        stage=today.customers["familiarity_stage"].fillna(0).astype(np.int64),
        tells_loss=value.is_felt_loss(today.customers, settings) & ~is_told,
    )
    proposals = propose_managers(people, managers)
    people = _with_responsible(people, managers, proposals)
    reasons = _left_out(people, settings)
    first = np.select(list(reasons.values()), list(reasons), default="")
    open_to = people[first == ""].reset_index(drop=True)
    kept = _kept(open_to, settings)
    chosen = choice.choose_contacts(_competitors(open_to, kept), _desk(managers))
    return DayPlan(
        date=today.date,
        managers=managers,
        rows=_rows(open_to, kept, chosen, today),
        assignments=_assignments(proposals, today.date),
        left_out={name: int((first == name).sum()) for name in reasons},
        n_customers=len(people),
        notes=telling.note_limits(today),
        knows_contacts=today.knows_contacts,
    )


def _with_responsible(people: pd.DataFrame, managers: pd.DataFrame, proposals: pd.DataFrame) -> pd.DataFrame:
    """Add places of the only manager who may contact a customer, and of the branch whose managers may."""
    proposed = people["customer_id"].map(proposals.set_index("customer_id")["proposed_manager_id"])
    responsible = people["manager_id"].where(people["manager_id"].notna(), proposed)
    manager = pd.Index(managers["manager_id"]).get_indexer(pd.Index(responsible))
    branches = pd.Index(managers["branch_id"].unique())
    branch = branches.get_indexer(pd.Index(people["branch_id"]))
    # the last one is that of nobody, whose place is -1
    theirs = np.append(branches.get_indexer(pd.Index(managers["branch_id"])), -1)
    owned = np.where(manager >= 0, "own", "branch").astype(object)
    owned[(manager >= 0) & people["manager_id"].isna().to_numpy()] = "proposed"
    return people.assign(
        manager_place=manager, branch_place=np.where(manager >= 0, theirs[manager], branch), assignment=owned
    )


def _left_out(people: pd.DataFrame, settings: PlanSettings) -> dict[str, Marks]:
    """Say who cannot be contacted and why, in the order in which reasons are given."""
    never = {
        "not_scored": people["churn_probability"].isna().to_numpy(),
        "do_not_contact": people["do_not_contact"].to_numpy(dtype=bool),
        "branch_without_manager": ((people["manager_place"] < 0) & (people["branch_place"] < 0)).to_numpy(),
        "resting": (people["days_since_contact"] <= settings.rest_days).to_numpy(),
    }
    held = people["is_held_out"].to_numpy() & ~people["tells_loss"].to_numpy()
    return {**never, "held_out": held}


def _kept(people: pd.DataFrame, settings: PlanSettings) -> value.Kept:
    return value.value_kept(
        people["churn_probability"].to_numpy(),
        people["value_cny"].to_numpy(),
        people["stage"].to_numpy(),
        people["is_vip"].to_numpy(),
        people["tells_loss"].to_numpy(),
        people["next_binding_effect"].to_numpy(dtype=np.float64),
        settings,
    )


def _competitors(people: pd.DataFrame, kept: value.Kept) -> choice.Competitors:
    manager = people["manager_place"].to_numpy(dtype=np.int64)
    return choice.Competitors(
        call=kept.call,
        meeting=kept.meeting,
        manager=np.where(manager < 0, choice.ANYBODY, manager),
        branch=people["branch_place"].to_numpy(dtype=np.int64),
        is_known=people["stage"].to_numpy() >= value.SPOKEN_TO,
    )


def _desk(managers: pd.DataFrame) -> choice.Desk:
    branch = pd.Index(managers["branch_id"].unique()).get_indexer(pd.Index(managers["branch_id"]))
    meetings, calls = (managers[name].to_numpy(dtype=np.int64) for name in ("meetings", "calls"))
    return choice.Desk(branch.astype(np.int64), meetings, calls)


def _rows(people: pd.DataFrame, kept: value.Kept, chosen: choice.ChosenContacts, today: Today) -> pd.DataFrame:
    """Give the columns of `plan.csv`."""
    at, met = chosen.customer, chosen.is_meeting
    planned = people.iloc[at].reset_index(drop=True)
    planned["manager_id"] = today.managers["manager_id"].to_numpy(dtype=object)[chosen.manager]
    planned["kind"] = np.where(met, "meeting", "call").astype(object)
    planned["expected_value_kept"] = np.where(met, kept.meeting[at], kept.call[at])
    planned["assumed"] = np.where(met, kept.meeting_assumes[at], kept.call_assumes[at])
    planned["is_call"] = ~met
    planned = planned.sort_values(
        ["manager_id", "is_call", "expected_value_kept", "customer_id"],
        ascending=[True, True, False, True],
        ignore_index=True,
    )
    planned["rank"] = planned.groupby(["manager_id", "kind"]).cumcount() + 1
    planned["date"] = today.date.isoformat()
    steps = np.array(telling.STEPS, dtype=object)[planned["stage"].to_numpy()]
    planned["purpose"] = np.where(planned["tells_loss"], "loss_notice", steps)
    planned["record_as"] = planned["purpose"].map(telling.RECORDED_AS)
    planned["last_contacted_on"] = _last_contacted(planned["days_since_contact"], today.date)
    planned = planned.rename(columns={"next_binding": "service", "next_product": "product"})
    # Nothing is offered with the news of a loss, and to the hold-out nothing at all.
    told = planned["purpose"] == "loss_notice"
    planned.loc[told, ["service", "product"]] = None
    planned.loc[told, "next_binding_effect"] = np.nan
    for name in _TEXTS:
        planned[name] = planned[name].astype(object).where(planned[name].notna(), None)
    return _with_words(planned, today)[list(COLUMNS)]


COLUMNS = (
    "date", "manager_id", "kind", "rank", "customer_id", "purpose", "service", "churn_probability",
    "expected_value_kept", "why_en", "why_zh", "say_first_en", "say_first_zh", "product", "next_binding_effect",
    "offer_en", "offer_zh", "value_cny", "last_contacted_on", "tier", "branch_id", "assignment", "record_as", "assumed",
)  # fmt: skip
_TEXTS = ("customer_id", "branch_id", "tier", "service", "product")


def _last_contacted(days: "pd.Series[float]", date: dt.date) -> "pd.Series[Any]":
    dates = [None if np.isnan(ago) else (date - dt.timedelta(days=int(ago))).isoformat() for ago in days.tolist()]
    return pd.Series(dates, dtype=object)


def _with_words(planned: pd.DataFrame, today: Today) -> pd.DataFrame:
    config, meanings = today.config, telling.feature_words(today.config)
    told = {} if today.scores is None else today.scores.told(planned["customer_id"].tolist())
    rows: Iterable[Any] = planned.itertuples(index=False)
    said: dict[str, list[Any]] = {"why": [], "say_first": [], "offer": []}
    for row in rows:
        says = told[row.customer_id]
        reason, names = telling.what_raises(says, meanings), says.raises_features
        said["why"].append(telling.why_now(row, reason, names=names, knows_contacts=today.knows_contacts))
        said["say_first"].append(telling.say_first(row.purpose, row.kind, row.service, row.product, config))
        said["offer"].append(telling.offer_next(row.service, row.product, row.next_binding_effect, config))
    return planned.assign(**sheets.word_columns(said))


def _assignments(proposals: pd.DataFrame, date: dt.date) -> pd.DataFrame:
    """Give the columns of `assignments.csv`; nothing is assigned before somebody agrees."""
    columns = (proposals[name] for name in ("proposed_manager_id", "n_vips_before", "branch_id"))
    reasons = [
        telling.why_assigned(manager, None if pd.isna(vips) else int(vips), branch)
        for manager, vips, branch in zip(*columns, strict=True)
    ]
    return pd.DataFrame(
        {
            "date": date.isoformat(),
            "customer_id": proposals["customer_id"],
            "branch_id": proposals["branch_id"],
            "tier": proposals["tier"],
            "value_cny": proposals["value_cny"],
            "proposed_manager_id": proposals["proposed_manager_id"],
            "status": np.where(proposals["proposed_manager_id"].isna(), "open", "proposed"),
            **sheets.word_columns({"reason": reasons}),
        }
    )
