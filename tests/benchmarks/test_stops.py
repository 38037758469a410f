"""The short form of the study of stops; `python benchmarks/stops.py` is the long one."""

import shutil
import tempfile

import pytest
import stops as study

from churn.cli.main import main
from commands import call
from made_once import made_once

NAMES = ("score",)
KINDS = ("KILL", "KILL", "TERM", "INT", "HUP", "disk", "disk", "closed log", "full output")


@pytest.fixture(scope="module")
def commands(commanded, tmp_path_factory):
    def make(made):
        (made / "bank").symlink_to(commanded / "bank")
        shutil.copytree(commanded / "model", made / "one")
        call("baselines", commanded / "bank", "--model", commanded / "model", "--anchor", "-o", made / "other")

    work = tmp_path_factory.mktemp("stops")
    (work / "made").symlink_to(made_once(tmp_path_factory, "stops-made", make))
    (work / "tmp").mkdir()
    found = study.Commands(work, [])
    yield found
    found.close()


@pytest.fixture(scope="module")
def seconds(commands):
    return {name: study.prepare(commands, name) for name in NAMES}


@pytest.fixture
def run_next(commands, capsys, monkeypatch):
    """Run the next command here, where its reader waits already."""

    def run(words):
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(commands.run)
            patch.setattr(tempfile, "tempdir", str(commands.temporary))
            with pytest.raises(SystemExit) as ended:
                main(list(words))
        return study.Ended(int(ended.value.code or 0), capsys.readouterr().err, 0)

    return run


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_a_stopped_command_leaves_the_old_output_or_the_new_one_and_nothing_else(commands, seconds, run_next, number):
    streams = study.LOGS.get(KINDS[number], ("/dev/null", "file"))
    chosen = study.choose(number, 1, NAMES, seconds)
    stop = chosen._replace(kind=KINDS[number], streams=streams, fresh=False, again=number % 4 == 0)
    assert (stop, study.try_stop(commands, stop, None, run_next)) == (stop, [])
