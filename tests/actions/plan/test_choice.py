from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from churn.actions.plan.choice import ANYBODY, ChosenContacts, Competitors, Desk, choose_contacts, rank_within


class Bank(NamedTuple):
    customers: Competitors
    desk: Desk


def draw_bank(seed: int, *, customers: int = 80, managers: int = 9, branches: int = 2) -> Bank:
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, customers)), int(rng.integers(1, managers))
    call = np.round(rng.lognormal(0, 1.5, n), int(rng.integers(0, 4)))  # with ties, and zeros
    meeting = call * np.where(rng.random(n) < 0.4, 1.5, 1.0)
    home = np.sort(rng.integers(0, branches, m))
    manager = np.where(rng.random(n) < rng.random(), rng.integers(0, m, n), ANYBODY)
    branch = np.where(manager >= 0, home[manager], rng.integers(0, branches, n))
    known = (meeting > call) | (rng.random(n) < 0.5)
    return Bank(
        Competitors(call, meeting, manager, branch, known), Desk(home, rng.integers(0, 4, m), rng.integers(0, 6, m))
    )


def allowed_pairs(bank: Bank) -> list[tuple[int, int]]:
    customers, desk = bank
    return [
        (one, manager)
        for one in range(len(customers.call))
        for manager in range(len(desk.branch))
        if customers.manager[one] == manager
        or (customers.manager[one] == ANYBODY and customers.branch[one] == desk.branch[manager])
    ]


def best_possible(bank: Bank) -> float:
    """The most that could be kept, by an integer program over every pair of customer, manager and kind."""
    customers, desk = bank
    pairs = allowed_pairs(bank)
    if not pairs:
        return 0.0
    n, m, k = len(customers.call), len(desk.branch), len(pairs)
    one, manager = np.array(pairs).T
    gain = np.concatenate([customers.meeting[one], customers.call[one]])
    rows = np.concatenate([one, one, n + manager, n + m + manager])
    columns = np.concatenate([np.arange(2 * k), np.arange(2 * k)])
    matrix = csr_array((np.ones(4 * k), (rows, columns)), shape=(n + 2 * m, 2 * k))
    room = np.concatenate([np.ones(n), desk.meetings, desk.calls])
    found = milp(-gain, integrality=np.ones(2 * k), bounds=Bounds(0, 1), constraints=LinearConstraint(matrix, ub=room))
    assert found.success
    return float(-found.fun)


def total(bank: Bank, chosen: ChosenContacts) -> float:
    meeting, call = bank.customers.meeting[chosen.customer], bank.customers.call[chosen.customer]
    return float(np.where(chosen.is_meeting, meeting, call).sum())


@pytest.mark.parametrize("seed", range(60))
def test_a_plan_keeps_as_much_as_an_exact_solver_finds(seed):
    bank = draw_bank(seed)
    assert total(bank, choose_contacts(*bank)) == pytest.approx(best_possible(bank), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_a_branch_cut_into_groups_keeps_more_than_999_in_1000(seed):
    rng = np.random.default_rng(seed)
    n, m = 3000, 24
    weight = rng.pareto(1, m) + 0.01  # some managers look after many, others after few
    manager = np.where(rng.random(n) < 0.4, rng.choice(m, n, p=weight / weight.sum()), ANYBODY)
    call = rng.lognormal(0, 2, n)
    meeting = call * np.where(rng.random(n) < 0.3, 1.5, 1.0)
    customers = Competitors(call, meeting, manager, np.zeros(n, dtype=int), meeting > call)
    bank = Bank(customers, Desk(np.zeros(m, dtype=int), np.full(m, 5), np.full(m, 20)))
    whole, cut = choose_contacts(*bank, most_slots=25 * m), choose_contacts(*bank, most_slots=250)
    assert not np.array_equal(whole.manager, cut.manager)
    assert total(bank, cut) >= 0.999 * total(bank, whole)
    assert len(cut.customer) == 25 * m


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 100_000), st.sampled_from([4, 12, 250]))
def test_capacities_and_responsibility_hold_and_nobody_is_contacted_twice(seed, most_slots):
    bank = draw_bank(seed)
    chosen = choose_contacts(*bank, most_slots=most_slots)
    assert len(np.unique(chosen.customer)) == len(chosen.customer)
    assert set(zip(chosen.customer.tolist(), chosen.manager.tolist(), strict=True)) <= set(allowed_pairs(bank))
    n = len(bank.desk.branch)
    assert (np.bincount(chosen.manager[chosen.is_meeting], minlength=n) <= bank.desk.meetings).all()
    assert (np.bincount(chosen.manager[~chosen.is_meeting], minlength=n) <= bank.desk.calls).all()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 100_000))
def test_no_slot_stays_empty_while_somebody_could_fill_it(seed):
    bank = draw_bank(seed)
    chosen = choose_contacts(*bank)
    waiting = set(range(len(bank.customers.call))) - set(chosen.customer.tolist())
    used = np.bincount(chosen.manager, minlength=len(bank.desk.branch))
    full = used == bank.desk.meetings + bank.desk.calls
    assert all(full[manager] for one, manager in allowed_pairs(bank) if one in waiting)


def test_a_meeting_goes_where_it_gains_most_over_a_call():
    nobody_managed = np.zeros(2, int), np.zeros(2, int), np.ones(2, bool)
    customers = Competitors(np.array([9.0, 8.0]), np.array([9.5, 12.0]), *nobody_managed)
    chosen = choose_contacts(customers, Desk(np.array([0]), np.array([1]), np.array([1])))
    assert chosen.is_meeting.tolist() == [False, True]


@pytest.mark.parametrize(
    ("known", "met"),
    [
        ([False, True, False, False], [1]),  # whom we know
        ([False, False, False, False], [0]),  # of strangers, whom most depends on
        ([True, True, False, True], [0]),
    ],
)
def test_where_a_meeting_keeps_as_much_as_a_call_whom_we_know_is_met(known, met):
    kept = np.array([9.0, 7.0, 8.0, 6.0])
    customers = Competitors(kept, kept, np.zeros(4, int), np.zeros(4, int), np.array(known))
    chosen = choose_contacts(customers, Desk(np.array([0]), np.array([1]), np.array([2])))
    assert chosen.customer[chosen.is_meeting].tolist() == met
    assert chosen.customer.tolist() == [0, 1, 2]


@pytest.mark.parametrize("seed", range(60))
def test_nobody_meets_a_stranger_and_calls_somebody_known(seed):
    bank = draw_bank(seed)
    strangers_gain_nothing = bank.customers._replace(
        meeting=np.where(bank.customers.is_known, bank.customers.meeting, bank.customers.call)
    )
    chosen = choose_contacts(strangers_gain_nothing, bank.desk)
    known = bank.customers.is_known[chosen.customer]
    met_strangers = set(chosen.manager[chosen.is_meeting & ~known].tolist())
    assert not met_strangers & set(chosen.manager[~chosen.is_meeting & known].tolist())


def test_a_customer_of_the_branch_goes_to_the_manager_whose_own_customers_keep_less():
    own = [10.0, 9.0, 1.0]
    customers = Competitors(
        np.array([*own, 5.0]), np.array([*own, 5.0]), np.array([0, 0, 1, ANYBODY]), np.zeros(4, int), np.ones(4, bool)
    )
    chosen = choose_contacts(customers, Desk(np.zeros(2, int), np.zeros(2, int), np.array([2, 1])))
    assert chosen.customer.tolist() == [0, 1, 3]
    assert chosen.manager.tolist() == [0, 0, 1]


def test_contacts_that_keep_nothing_still_fill_the_day():
    nothing = Competitors(np.zeros(3), np.zeros(3), np.zeros(3, int), np.zeros(3, int), np.zeros(3, bool))
    assert len(choose_contacts(nothing, Desk(np.array([0]), np.array([1]), np.array([1]))).customer) == 2


@pytest.mark.parametrize(("n", "m"), [(0, 2), (3, 0), (0, 0)])
def test_without_customers_or_managers_nothing_is_chosen(n, m):
    customers = Competitors(np.ones(n), np.ones(n), np.full(n, ANYBODY), np.zeros(n, int), np.ones(n, bool))
    desk = Desk(np.zeros(m, int), np.ones(m, int), np.ones(m, int))
    assert choose_contacts(customers, desk).customer.tolist() == []


def test_ranks_begin_anew_in_each_group_and_ties_keep_their_order():
    assert rank_within(np.array([0, 1, 0, 0]), np.array([1.0, 9.0, 2.0, 2.0])).tolist() == [2, 0, 0, 1]
