"""Heavy things that tests only read, made once for all workers of a run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Give the folder `name`; whoever comes first makes what is in it, the others wait.

    As the documentation of pytest-xdist has it: workers share the parent of their temporary folders.
    """
    root = factory.getbasetemp()
    folder = (root.parent if root.name.startswith("popen-") else root) / "made-once" / name
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        done = folder.with_suffix(".done")
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
