"""The short form of the fuzzer; `python benchmarks/fuzz_model_folders.py` is the long one."""

import os
import signal
import subprocess
import sys
import time

import fuzz_model_folders as fuzz
import numpy as np
import pytest

from churn.errors import ModelError


def test_changed_folders_with_checksums_that_hold_are_refused_or_scored():
    # in a process of its own: threads of LightGBM that other tests started do not outlive its forks
    command = [sys.executable, fuzz.__file__, "--folders", "300"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("300 folders: ")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return list(fuzz.write_sound(tmp_path_factory.mktemp("sound")))


def test_the_folders_are_sound_before_they_are_changed(sound):
    assert [fuzz.judge(folder) for folder in sound] == ["scored"] * 3


def test_a_change_reaches_what_lies_behind_lengths_hashes_and_id(sound, tmp_path):
    """Lengths and id are made anew, so that a leaf of another value is scored like any other model's."""
    texts = fuzz.read_texts(sound[0])
    trees = texts["trees.txt"].replace("leaf_value=", "leaf_value=-", 1).replace("--", "")
    changed = fuzz.fit_manifest(texts | {"trees.txt": fuzz.fit_sizes(trees)})
    fuzz.write_folder(tmp_path, changed)

    assert trees != texts["trees.txt"]
    assert fuzz.judge(tmp_path) == "scored"


def test_every_change_is_made_again_from_its_number(sound):
    texts = [fuzz.read_texts(sound[0])]

    assert fuzz.make(texts, 0, 5) == fuzz.make(texts, 0, 5) != fuzz.make(texts, 0, 6)


def _misbehave(number):
    if number == 1:
        os.kill(os.getpid(), signal.SIGUSR1)
    if number == 3:
        time.sleep(60)
    if number == 4:
        np.ones(10**9)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a child by what /proc says")
def test_a_signal_a_hang_and_too_much_memory_are_seen_and_the_next_folder_is_judged_all_the_same():
    number = -1

    def remember(at):
        nonlocal number
        number = at

    def judge():
        try:
            _misbehave(number)
        except MemoryError:
            return "memory"
        return "scored"

    limits = fuzz.Limits(seconds=2, memory=1_000_000_000)
    found = dict(fuzz.judge_all(remember, judge, range(6), limits))

    assert found == {
        0: "scored",
        1: "signal SIGUSR1",
        2: "scored",
        3: "no answer within 2 seconds",
        4: "memory",
        5: "scored",
    }


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ModelError("trees.txt: no"), "refused"),
        (KeyError("thresholds"), "traceback: KeyError"),
        (MemoryError(), "memory"),
    ],
)
def test_only_an_error_of_ours_is_a_refusal(tmp_path, monkeypatch, error, verdict):
    def raise_it(folder):
        raise error

    monkeypatch.setattr(fuzz, "read_model", raise_it)
    assert fuzz.judge(tmp_path).startswith(verdict)
