import logging
import math
import sqlite3
from contextlib import closing

import optuna
import pytest

from churn.errors import TrackingError
from churn.model.trees import TreeParameters
from churn.tuning.study import (
    SPACE,
    Trial,
    distributions,
    find_best,
    find_defaults,
    open_study,
    read_trials,
    tuned_part,
    with_tuned,
)

FACTS = {"data": "a1", "horizon": "365 days"}


def trial(number, objective, state="complete", **parameters):
    return Trial(number, state, objective, (), tuned_part(TreeParameters(**parameters)))


def tell(study, value):
    one = study.ask(distributions())
    study.tell(one, value)
    return one


def test_what_was_left_running_is_failed_and_what_had_ended_stays(tmp_path):
    with open_study(tmp_path / "o.db", "s", FACTS) as study:
        tell(study, 0.5)
        study.ask(distributions())
        tell(study, 0.1 + 0.2)
    with open_study(tmp_path / "o.db", "s", FACTS) as study:
        found = read_trials(study)
    assert [(one.number, one.state, one.objective) for one in found] == [
        (0, "complete", 0.5),
        (1, "failed", None),
        (2, "complete", 0.30000000000000004),
    ]


def test_studies_of_other_names_are_apart(tmp_path):
    for name in ("one", "other"):
        with open_study(tmp_path / "o.db", name, FACTS) as study:
            tell(study, 0.5)
            assert len(read_trials(study)) == 1


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (FACTS | {"data": "b2"}, "begun with other data;"),
        (FACTS | {"data": "b2", "horizon": "91 days"}, "begun with other data and other horizon;"),
        (FACTS | {"seed": "1"}, "begun with other seed;"),
    ],
)
def test_a_study_begun_with_other_facts_is_refused_by_their_names(tmp_path, now, words):
    with open_study(tmp_path / "o.db", "s", FACTS) as study:
        tell(study, 0.5)
    with pytest.raises(TrackingError, match=words), open_study(tmp_path / "o.db", "s", now):
        pass
    with open_study(tmp_path / "o.db", "s", FACTS) as study:
        assert len(read_trials(study)) == 1


def test_a_study_of_somebody_else_is_refused(tmp_path):
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'o.db'}")
    tell(optuna.create_study(storage=storage, study_name="s"), 0.5)
    storage.engine.dispose()
    with pytest.raises(TrackingError, match="was not made by churn tune"), open_study(tmp_path / "o.db", "s", FACTS):
        pass


def test_only_one_process_tunes_with_a_file(tmp_path):
    with open_study(tmp_path / "o.db", "s", FACTS):
        refused = pytest.raises(TrackingError, match="another churn tune is running")
        with refused, open_study(tmp_path / "o.db", "t", FACTS):
            pass
    with open_study(tmp_path / "o.db", "t", FACTS):
        pass


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / "o.db").write_bytes(b"minutes of the meeting, " * 100)
    refused = pytest.raises(TrackingError, match=r"o.db: cannot be used \(.*not a database\)")
    with refused, open_study(tmp_path / "o.db", "s", FACTS):
        pass
    assert (tmp_path / "o.db").read_bytes() == b"minutes of the meeting, " * 100


def test_a_file_of_another_version_is_refused(tmp_path):
    with open_study(tmp_path / "o.db", "s", FACTS):
        pass
    with closing(sqlite3.connect(tmp_path / "o.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v99.0.0'")
        connection.commit()
    with pytest.raises(TrackingError, match="another version of optuna"), open_study(tmp_path / "o.db", "s", FACTS):
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "mlruns").write_text("a file")
    refused = pytest.raises(TrackingError, match="cannot be written")
    with refused, open_study(tmp_path / "mlruns" / "o.db", "s", FACTS):
        pass


def test_signs_that_mean_something_in_an_address_are_signs_of_a_path(tmp_path):
    path = tmp_path / "what? {SCHEMA_VERSION} 100%" / "o.db"
    with open_study(path, "s", FACTS) as study:
        tell(study, 0.5)
    assert path.exists()


def test_optuna_says_nothing(tmp_path, capfd, caplog):
    with caplog.at_level(logging.INFO), open_study(tmp_path / "o.db", "s", FACTS) as study:
        tell(study, 0.5)
    assert capfd.readouterr() == ("", "")
    assert [record.name for record in caplog.records if record.name.startswith("optuna")] == []


def test_every_default_lies_in_its_range():
    assert tuned_part(TreeParameters()).keys() == SPACE.keys()
    for name, value in tuned_part(TreeParameters()).items():
        assert SPACE[name].low <= value <= SPACE[name].high, name


def test_what_is_tuned_replaces_its_like_and_nothing_else():
    before = TreeParameters(max_rounds=77, monotone=(1,))
    after = with_tuned(before, {"num_leaves": 12.0, "l2": 2})
    assert after == TreeParameters(max_rounds=77, monotone=(1,), num_leaves=12, l2=2.0)
    assert isinstance(after.num_leaves, int)
    assert isinstance(after.l2, float)


def test_the_best_is_the_first_of_equal_complete_ones():
    trials = [trial(0, 0.5), trial(1, None, "pruned"), trial(2, 0.4), trial(3, 0.4), trial(4, None, "failed")]
    assert find_best(trials).number == 2
    assert find_best([trial(0, None, "failed")]) is None


def test_the_defaults_are_found_where_they_are_complete():
    trials = [trial(0, None, "failed"), trial(1, 0.4, num_leaves=9), trial(2, 0.5)]
    assert find_defaults(trials).number == 2
    assert find_defaults(trials[:2]) is None
    nearly = trial(3, 0.5, learning_rate=math.nextafter(0.08, 1))  # as another machine may read it back
    assert find_defaults([nearly]) is nearly
