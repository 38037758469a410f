"""Every list, and the one place that makes them all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from churn.actions.lists import care, offers, referrers
from churn.actions.lists.listing import ListBasis, make_list
from churn.actions.today import Today
from churn.speech import LANGUAGES, Message, Said, say

ALL_LISTS = (
    care.UNASSIGNED_VIPS,
    care.LOSS_ALERTS,
    offers.POTENTIAL_VIPS,
    offers.UPGRADES,
    referrers.REFERRERS,
    referrers.CIRCLES,
    offers.THINLY_BOUND,
    care.RELATIONSHIP_GRADES,
    offers.NEVER_BOUND,
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
        What each is called.
    sentences
        How many are on it, how many are left out since they asked not to be contacted or are of the random hold-out,
        what is not known; or why it could not be made.
    not_made
        Names of lists that could not be made.
    """

    frames: Mapping[str, pd.DataFrame]
    titles: Mapping[str, Message]
    sentences: Mapping[str, Said]
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
    >>> from churn.data import open_bank
    >>> from churn.simulation import simulate_bank
    >>> with TemporaryDirectory() as folder:
    ...     _ = simulate_bank(Path(folder) / "bank", customers=100, months=24, truth=False)
    ...     with open_bank(Path(folder) / "bank") as bank:
    ...         lists = build_lists(read_today(bank, None, datetime.date(2025, 6, 1), bank.config))
    >>> list(lists.frames)[:3], lists.not_made
    (['unassigned_vips', 'loss_alerts', 'potential_vips'], ())
    """
    basis = ListBasis.of(today)
    made = {kind.name: make_list(kind, basis) for kind in ALL_LISTS}
    return Lists(
        frames={name: frame for name, (frame, _, _) in made.items()},
        titles={kind.name: kind.title for kind in ALL_LISTS},
        sentences={name: says for name, (_, says, _) in made.items()},
        not_made=tuple(name for name, (_, _, is_made) in made.items() if not is_made),
    )


def describe_lists(lists: Lists) -> dict[str, dict[str, Any]]:
    """Say of each list what it is, how long, and what it leaves out or lacks, as JSON values."""
    return {
        name: {
            "rows": len(rows),
            "made": name not in lists.not_made,
            **{f"title_{language}": say(lists.titles[name], language) for language in LANGUAGES},
            **{f"says_{language}": say(lists.sentences[name], language) for language in LANGUAGES},
        }
        for name, rows in lists.frames.items()
    }
