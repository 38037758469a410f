"""How many threads the work of this context may use: known once, asked where threads begin."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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
