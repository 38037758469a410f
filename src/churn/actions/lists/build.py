"""Every list, and the one place that makes them all."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from churn.actions.lists.bindings import NEVER_BOUND, THINLY_BOUND
from churn.actions.lists.facts import list_facts
from churn.actions.lists.growth import POTENTIAL_VIPS, UPGRADES
from churn.actions.lists.listing import make_list
from churn.actions.lists.losses import LOSS_ALERTS
from churn.actions.lists.referrers import CIRCLES, REFERRERS
from churn.actions.lists.vips import RELATIONSHIP_GRADES, UNASSIGNED_VIPS
from churn.actions.today import Today
from churn.explanation.reasons.amounts import Pair

ALL_LISTS = (
    UNASSIGNED_VIPS,
    LOSS_ALERTS,
    POTENTIAL_VIPS,
    UPGRADES,
    REFERRERS,
    CIRCLES,
    THINLY_BOUND,
    RELATIONSHIP_GRADES,
    NEVER_BOUND,
)


@dataclass(frozen=True)
class Lists:
    """The managers' lists, by name, all in the order of `ALL_LISTS`.

    Attributes
    ----------
    frames
        Columns in a fixed order, with fixed dtypes: `rank` (from 1), `customer_id`, today's `branch_id`,
        `manager_id` (empty without one) and `tier`, the list's facts, `why_en`, `why_zh`. No row where nobody is
        found or the list could not be made.
    titles
        In English and Chinese.
    sentences
        How many are on it, how many are left out since they asked not to be contacted or are of the random hold-out,
        what is not known; or why it could not be made. In English and Chinese.
    not_made
        Names of lists that could not be made.
    """

    frames: Mapping[str, pd.DataFrame]
    titles: Mapping[str, Pair]
    sentences: Mapping[str, Pair]
    not_made: tuple[str, ...]


def build_lists(today: Today) -> Lists:
    """Build every list for today's customers.

    Only what happened strictly before the date is used; tier, manager and branch are today's. Who asked not to be
    contacted (`do_not_contact`), and who is of the random hold-out, is on the lists of unassigned VIPs and of losses
    alone: every other list leads to marketing. What is not there costs the lists made of it, which say so.

    Examples
    --------
    >>> import datetime
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from churn.actions.today import read_today
    >>> from churn.simulation import simulate_bank
    >>> from churn.data import open_bank
    >>> with TemporaryDirectory() as folder:
    ...     _ = simulate_bank(Path(folder) / "bank", customers=100, months=24, truth=False)
    ...     with open_bank(Path(folder) / "bank") as bank:
    ...         lists = build_lists(read_today(bank, None, datetime.date(2025, 6, 1), bank.config))
    >>> list(lists.frames)[:3], lists.not_made
    (['unassigned_vips', 'loss_alerts', 'potential_vips'], ())
    """
    facts = list_facts(today)
    made = {kind.name: make_list(kind, facts) for kind in ALL_LISTS}
    return Lists(
        {name: one.frame for name, one in made.items()},
        {kind.name: kind.title for kind in ALL_LISTS},
        {name: one.sentence for name, one in made.items()},
        tuple(name for name, one in made.items() if not one.is_made),
    )
