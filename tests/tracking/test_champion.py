import shutil

import pytest

from churn.errors import ModelError, TrackingError
from churn.tracking.champion import get_champion, promote, read_standing, roll_back, set_challenger
from churn.tracking.place import tracking_place
from churn.tracking.versions import fetch_model, register


@pytest.fixture(scope="module")
def prepared(template, write_variant, tmp_path_factory):
    """A tracking folder with three registered versions, 1, 2 and 3."""
    folder = tmp_path_factory.mktemp("three")
    shutil.copytree(template[0] / "mlruns", folder / "mlruns")
    for name in ("one", "two", "three"):
        register(write_variant(folder / name), place=tracking_place(folder))
    return folder / "mlruns"


@pytest.fixture
def place(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "mlruns")
    return tracking_place(tmp_path)


def numbers(place):
    return tuple(None if version is None else version.version for version in read_standing(place=place))


def test_there_is_nobody_at_first(place, tmp_path):
    assert numbers(place) == (None, None, None)
    assert get_champion(place=place) is None
    nowhere = tracking_place(tmp_path / "nowhere")
    assert get_champion(place=nowhere) is None
    assert numbers(nowhere) == (None, None, None)
    assert not (tmp_path / "nowhere").exists()


def test_champions_follow_one_another_and_the_last_can_come_back(place):
    assert promote(1, reason="first", place=place) is None
    assert numbers(place) == (1, None, None)
    assert promote(2, reason="better", place=place) == 1
    assert promote(3, reason="better still", place=place) == 2
    assert numbers(place) == (3, None, 2)

    assert roll_back(reason="too low for VIPs", place=place) == 2
    assert numbers(place) == (2, None, 3)
    assert roll_back(reason="it was the data", place=place) == 3
    assert numbers(place) == (3, None, 2)


def test_a_champion_says_since_when_by_whom_and_why(place, trained):
    promote(2, reason="paired test, p = .01", by="churn compare", place=place)

    champion = read_standing(place=place).champion

    assert champion.reason == "paired test, p = .01"
    assert champion.by.startswith("churn compare, ")
    assert champion.since.startswith("20")
    assert champion.since.endswith("+00:00")
    assert champion.model_id == trained.stored.manifest.model_id
    assert champion.snapshots == ("2022-01-01", "2022-06-01")
    assert champion.metrics["roc_auc"] == trained.stored.metrics.roc_auc.value
    assert champion.metrics["roc_auc_low"] == trained.stored.metrics.roc_auc.low


def test_the_champions_model_comes_back_checked(place):
    promote(3, reason="", place=place)

    number, stored = get_champion(place=place)

    assert number == 3
    assert stored.card.endswith("three\n")


def test_promoting_the_champion_again_changes_nothing(place):
    promote(1, reason="first", place=place)
    promote(2, reason="second", place=place)

    assert promote(2, reason="again", place=place) == 1

    assert numbers(place) == (2, None, 1)
    assert read_standing(place=place).champion.reason == "second"


def test_a_challenger_that_is_promoted_is_no_challenger_any_more(place):
    promote(1, reason="first", place=place)
    set_challenger(2, reason="trial", place=place)
    assert numbers(place) == (1, 2, None)
    assert read_standing(place=place).challenger.reason == "trial"

    promote(2, reason="won", place=place)

    assert numbers(place) == (2, None, 1)


@pytest.mark.parametrize("last", ["champion", "previous_champion"])
def test_a_promotion_cut_off_at_any_alias_loses_nobody(place, monkeypatch, last, tmp_path):
    from mlflow import MlflowClient

    promote(1, reason="first", place=place)
    promote(2, reason="second", place=place)
    real = MlflowClient.set_registered_model_alias

    def cut(client, name, alias, version):
        if alias == last:
            raise KeyboardInterrupt
        real(client, name, alias, version)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", cut)
        with pytest.raises(KeyboardInterrupt):
            promote(3, reason="third", place=place)

    expected = {"champion": (2, None, 1), "previous_champion": (3, None, 2)}[last]
    assert numbers(place) == expected
    assert fetch_model("previous_champion", tmp_path / "out", place=place) == expected[2]
    assert roll_back(reason="back", place=place) == expected[2]
    assert numbers(place) == (expected[2], None, expected[0])


def test_a_version_that_cannot_be_loaded_is_not_promoted(place):
    promote(1, reason="first", place=place)
    for file in place.artifacts.glob("models/*/artifacts/artifacts/model/metrics.json"):
        file.write_text("{}")

    with pytest.raises(ModelError, match="churn version 2"):
        promote(2, reason="better", place=place)
    with pytest.raises(ModelError, match="churn version 2"):
        set_challenger(2, reason="trial", place=place)

    assert numbers(place) == (1, None, None)


def test_a_version_that_is_not_there_is_not_promoted(place):
    with pytest.raises(TrackingError, match="no version 9; give one of 1, 2, 3"):
        promote(9, reason="", place=place)


def test_nobody_comes_back_where_nobody_was(place):
    promote(1, reason="first", place=place)
    with pytest.raises(TrackingError, match="no champion before this one"):
        roll_back(reason="", place=place)
