"""How many threads the work of this context may use: known once, asked where threads begin; and how processes begin."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from multiprocessing import resource_tracker

_n: ContextVar[int] = ContextVar("threads", default=0)


def n_threads() -> int:
    """Say how many threads may be used; 0 means all. No result depends on it."""
    return _n.get()


@contextmanager
def use_threads(n: int | None) -> Iterator[None]:
    """Use so many threads until the block ends; None leaves the number as it is, 0 means all.

    Examples
    --------
    >>> with use_threads(2):
    ...     n_threads()
    2
    """
    if n is None:
        yield
        return
    token = _n.set(n)
    try:
        yield
    finally:
        _n.reset(token)


@contextmanager
def unstopped_children() -> Iterator[None]:
    """Let processes started in the block hear nothing of Ctrl-C or a closed terminal: whoever started them ends them.

    A terminal sends both to all of its processes, and one that just starts would print a traceback.
    """
    # Python's own helper, were it started in the block, would let Ctrl-C through to what is started after it.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
