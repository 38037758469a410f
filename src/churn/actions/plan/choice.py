"""Who is met and who is called, by whom: the choice that keeps most, exact branch by branch.

A manager's day is a row of slots, so many for meetings and so many for calls. A customer fills at most one slot of all
managers; one who has a manager (or is proposed to one) fills only that manager's, any other one a slot of any manager
of the branch. What a filled slot keeps depends on the customer and on the kind of slot. That is an assignment problem
(slots × customers), and is solved as one (Crouse 2016, https://doi.org/10.1109/TAES.2016.140952, in scipy).

Two steps keep it small. First, of the customers who compete for the same k slots only the k best as calls and the k
best as meetings matter: a worse one in a slot could be exchanged for one of these that is free. Second, where only own
customers compete each manager is a problem of their own. What is left is exact, except for branches of more than
`most_slots` slots with customers whom nobody manages: they are cut into groups of managers, and those customers are
dealt out by how many slots the managers' own customers leave.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Marks = NDArray[np.bool_]

MOST_SLOTS = 250
"""Ten managers of 25: about 30 ms. The time grows with the cube."""
ANYBODY = -1


class Competitors(NamedTuple):
    """Customers who may be contacted, shapes (n,).

    Attributes
    ----------
    call, meeting
        What either keeps, at least 0, in yuan.
    manager
        Place of the only manager who may contact the customer; `ANYBODY` where anyone of the branch may.
    branch
        Place of the branch.
    is_known
        Whether somebody spoke to the customer: where two choices keep as much, a stranger is called and not met.
    """

    call: Floats
    meeting: Floats
    manager: Ints
    branch: Ints
    is_known: Marks


class Desk(NamedTuple):
    """Managers, shapes (m,): the place of the branch, and how many meetings and calls the day has room for."""

    branch: Ints
    meetings: Ints
    calls: Ints


class ChosenContacts(NamedTuple):
    """One entry per contact: places of the customer and of the manager, and whether it is a meeting."""

    customer: Ints
    manager: Ints
    is_meeting: Marks


def choose_contacts(customers: Competitors, desk: Desk, *, most_slots: int = MOST_SLOTS) -> ChosenContacts:
    """Choose each manager's contacts so that they keep most together.

    No manager meets a stranger and calls somebody known where the other way round would keep as much; of strangers
    those are met of whom most is kept. No slot stays empty while somebody could fill it.

    Examples
    --------
    One manager, one meeting and one call: meeting the second customer gains more over calling than meeting the first.

    >>> nobody_managed = np.zeros(3, int), np.zeros(3, int), np.ones(3, bool)
    >>> found = choose_contacts(
    ...     Competitors(np.array([9.0, 8.0, 1.0]), np.array([9.0, 12.0, 1.5]), *nobody_managed),
    ...     Desk(np.array([0]), np.array([1]), np.array([1])),
    ... )
    >>> found.customer.tolist(), found.is_meeting.tolist()
    ([0, 1], [False, True])
    """
    slots = desk.meetings + desk.calls
    n_branches = 1 + max(desk.branch.max(initial=0), customers.branch.max(initial=0))
    branch_slots = np.bincount(desk.branch, weights=slots, minlength=n_branches).astype(np.int64)
    kept = np.flatnonzero(_among_best(customers, branch_slots, slots))
    problems = _problems(customers, desk, kept, most_slots)
    found = [_solve(customers, desk, managers, who) for managers, who in problems]
    if not found:
        return ChosenContacts(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, bool))
    customer, manager, is_meeting = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(customer, kind="stable")
    return ChosenContacts(customer[order], manager[order], is_meeting[order])


def rank_within(group: Ints, value: Floats) -> Ints:
    """Rank from 0 the entries of each group, the largest value first, ties in the order given.

    Examples
    --------
    >>> rank_within(np.array([1, 0, 1, 1]), np.array([5.0, 2.0, 7.0, 5.0])).tolist()
    [1, 0, 0, 2]
    """
    order = np.lexsort((-value, group))
    grouped = group[order]
    begins = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]]) if len(group) else np.empty(0, np.int64)
    lengths = np.diff(np.r_[begins, len(group)])
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - np.repeat(begins, lengths)
    return rank


def _among_best(customers: Competitors, branch_slots: Ints, slots: Ints) -> Marks:
    """Mark who is among the best of those competing for the same slots, as a call or as a meeting."""
    mine = customers.manager != ANYBODY
    room = branch_slots[customers.branch]
    room[mine] = slots[customers.manager[mine]]
    # pools and managers in one numbering
    group = np.where(mine, len(branch_slots) + customers.manager, customers.branch)
    best: Marks = np.minimum(rank_within(group, customers.call), rank_within(group, customers.meeting)) < room
    return best


def _problems(customers: Competitors, desk: Desk, kept: Ints, most_slots: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield managers and customers who can be looked at without the others."""
    mine = customers.manager != ANYBODY
    own = _grouped(customers.manager[kept], kept, len(desk.branch))
    pools = _grouped(np.where(mine[kept], ANYBODY, customers.branch[kept]), kept, int(desk.branch.max(initial=-1)) + 1)
    for branch, managers in enumerate(_grouped(desk.branch, np.arange(len(desk.branch)), len(pools))):
        pool = pools[branch]
        if len(pool) == 0:
            yield from ((np.array([manager]), own[manager]) for manager in managers.tolist())
            continue
        for part, dealt in _cut(customers, desk, managers, own, pool, most_slots):
            yield part, np.concatenate([*(own[manager] for manager in part.tolist()), dealt])


def _grouped(group: Ints, items: Ints, n: int) -> list[Ints]:
    """Give the items of each group 0 to n − 1, in the order given; negative groups are left out."""
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(n + 1))
    return [items[order[begin:end]] for begin, end in pairwise(edges)]


def _cut(
    customers: Competitors, desk: Desk, managers: Ints, own: list[Ints], pool: Ints, most_slots: int
) -> Iterator[tuple[Ints, Ints]]:
    """Cut a branch into groups of managers of at most `most_slots` slots, and deal its unmanaged customers out."""
    slots = (desk.meetings + desk.calls)[managers]
    n_parts = min(len(managers), -(-int(slots.sum()) // most_slots))
    if n_parts <= 1:
        yield managers, pool
        return
    free = _slots_left(customers, own, managers, slots, pool)
    # Those with most room first, back and forth, so that every part has about as much of it.
    turn = np.arange(len(managers)) % (2 * n_parts)
    part = np.empty(len(managers), dtype=np.int64)
    part[np.argsort(-free, kind="stable")] = np.where(turn < n_parts, turn, 2 * n_parts - 1 - turn)
    ranked = pool[np.argsort(-np.maximum(customers.call[pool], customers.meeting[pool]), kind="stable")]
    dealt = _deal(np.bincount(part, weights=free, minlength=n_parts).astype(np.float64), len(ranked))
    for one in range(n_parts):
        yield managers[part == one], ranked[dealt == one]


def _slots_left(customers: Competitors, own: list[Ints], managers: Ints, slots: Ints, pool: Ints) -> Ints:
    """Count the slots of each manager that own customers would leave, if all that counted were who keeps most."""
    mine = [own[manager][np.argsort(-customers.meeting[own[manager]], kind="stable")][:size]
            for manager, size in zip(managers.tolist(), slots.tolist(), strict=True)]  # fmt: skip
    holder = np.concatenate([np.repeat(np.arange(len(managers)), [len(one) for one in mine]), np.full(len(pool), -1)])
    value = customers.meeting[np.concatenate([*mine, pool])]
    taken = holder[np.argsort(-value, kind="stable")[: int(slots.sum())]]
    left: Ints = slots - np.bincount(taken[taken >= 0], minlength=len(managers))
    return left


def _deal(room: Floats, n: int) -> Ints:
    """Deal n ranked customers out in proportion to room: each turn to the part that is furthest behind its share."""
    weights = room if room.sum() > 0 else np.ones(len(room))
    turns = np.ceil(n * weights / weights.sum()).astype(np.int64) + 2 * (weights > 0)
    part = np.repeat(np.arange(len(room)), turns)
    nth = np.arange(len(part)) - np.repeat(np.cumsum(turns) - turns, turns)
    return np.asarray(part[np.argsort((nth + 0.5) / weights[part], kind="stable")[:n]], dtype=np.int64)


def _solve(customers: Competitors, desk: Desk, managers: Ints, who: Ints) -> ChosenContacts:
    """Fill the slots of some managers from some customers, exactly."""
    sizes = np.column_stack([desk.meetings[managers], desk.calls[managers]]).ravel()
    manager = np.repeat(np.repeat(managers, 2), sizes)
    is_meeting = np.repeat(np.tile([True, False], len(managers)), sizes)
    theirs = customers.manager[who]
    allowed = (theirs == ANYBODY) | (theirs == manager[:, None])
    kept = np.where(is_meeting[:, None], customers.meeting[who], customers.call[who])
    # A contact that keeps nothing is still better than an empty slot, by less than any amount of money matters; and
    # all that is left to taste together matters less than one empty slot.
    most = max(1.0, float(kept.max(initial=0.0)))
    taste = np.where(is_meeting[:, None], customers.is_known[who] + 0.5 * customers.meeting[who] / most, 0.0)
    least = 1e-9 * most
    wanted = kept + least * (1 + taste / (2 * len(manager)))
    slot, at = scipy.optimize.linear_sum_assignment(np.where(allowed, wanted, 0.0), maximize=True)
    real = allowed[slot, at]
    slot, at = slot[real], at[real]
    return ChosenContacts(who[at], manager[slot], is_meeting[slot])
