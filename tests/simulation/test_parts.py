from typing import Any

import numpy as np

from churn.simulation.parts import stream


def test_a_part_has_exactly_as_many_records_as_numbers(part: Any) -> None:
    assert part.tables["customers"].num_rows == 1200
    assert sorted(part.number[part.number > 0]) == list(range(1, 1201))


def test_streams_of_different_purposes_and_parts_differ_and_repeat() -> None:
    draws = {key: stream(*key).random() for key in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]}
    assert len(set(draws.values())) == 4
    assert stream(0, 0, 0).random() == draws[0, 0, 0]


def test_the_number_of_the_living_is_the_same_at_the_start_and_in_the_end(bank: Any) -> None:
    living = [len(bank.outcomes(day)) for day in ("2022-01-01", "2023-06-01", "2025-12-01")]
    assert max(living) - min(living) < 0.06 * living[0]


def test_campaign_members_are_kept_as_they_were_on_the_day(part: Any) -> None:
    for assignment, members in part.campaigns:
        assert not members.bound[:, assignment.service].any()
        assert set(members.person) == set(assignment.person)


def test_the_reference_population_is_everyone_with_a_holding(part: Any) -> None:
    assert (part.reference.state.coverage >= 1).all()
    assert len(np.unique(part.reference.state.person)) == len(part.reference.state.person)
