import numpy as np
import pytest

from churn.simulation.population import draw_people, join_people


@pytest.fixture(scope="module")
def people():  # type: ignore[no-untyped-def]
    return draw_people(np.zeros(20_000, dtype=np.int64), 2022 * 12, 20, np.random.default_rng(0))


def test_latents_are_standard_normal(people) -> None:  # type: ignore[no-untyped-def]
    assert people.latents.mean(axis=0) == pytest.approx(np.zeros(4), abs=0.03)
    assert people.latents.std(axis=0) == pytest.approx(np.ones(4), abs=0.03)


def test_age_goes_with_wealth_and_against_digital_habit(people) -> None:  # type: ignore[no-untyped-def]
    age = 2022 - people.birth_year
    assert np.corrcoef(age, people.latents[:, 1])[0, 1] == pytest.approx(0.3, abs=0.03)
    assert np.corrcoef(age, people.latents[:, 2])[0, 1] == pytest.approx(-0.5, abs=0.03)
    assert (age.min(), age.max()) >= (18, 60)
    assert age.max() <= 90


def test_wealth_shows_in_balances(people) -> None:  # type: ignore[no-untyped-def]
    assert np.corrcoef(people.latents[:, 1], people.log_balance)[0, 1] > 0.8


def test_joined_people_keep_their_places(people) -> None:  # type: ignore[no-untyped-def]
    both = join_people(people, people)
    assert len(both.entry) == 40_000
    assert (both.birth_year[20_000:] == people.birth_year).all()
