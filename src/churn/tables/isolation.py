"""A process of its own for parsing: a file that crashes, fills or stops the parser ends there, not here.

One worker is kept and used again, so that only the first call waits for its start.
"""

import contextlib
import os
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from typing import ParamSpec, TypeVar

from loky import get_reusable_executor

from churn.errors import DataError

P = ParamSpec("P")
T = TypeVar("T")

# What a parse may take: a share of the machine's memory, and time that grows with the bytes it reads.
MEMORY_SHARE = 0.75
LEAST_SECONDS, BYTES_PER_SECOND = 300, 200_000
_IDLE_SECONDS = 60


def run_apart(about: Callable[[], str], n_bytes: int, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call `work` in the other process and return what it returns, or raise what it raises.

    Parameters
    ----------
    about
        Names what is being read, for the message.
    n_bytes
        How much is read; sets the time it may take.
    work
        A function of a module; its arguments, its value and its errors can be sent between processes.

    Raises
    ------
    DataError
        The process crashed, ran out of memory, or did not end in time.
    """
    executor = get_reusable_executor(max_workers=1, timeout=_IDLE_SECONDS, initializer=_limit)
    future = executor.submit(work, *arguments, **named)
    seconds = LEAST_SECONDS + n_bytes / BYTES_PER_SECOND
    try:
        result: T = future.result(timeout=seconds)
    except BrokenExecutor:
        raise DataError(
            f"{about()}: a file there crashes the reader; it is damaged, export it again, or memory is short, free some"
        ) from None
    except MemoryError:
        raise DataError(f"{about()}: is too large for the memory at hand; free some memory and try again") from None
    except TimeoutError:
        executor.shutdown(kill_workers=True)
        raise DataError(
            f"{about()}: was not read within {seconds:.0f} seconds; it is damaged, or split it into parts"
        ) from None
    except KeyboardInterrupt:
        executor.shutdown(kill_workers=True)
        raise
    return result


def _limit() -> None:
    """Bound the worker's memory, and keep what a crashing library prints off the user's screen."""
    memory = int(MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(ValueError, OSError):  # a lower limit is in force already
        resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)


def _end_with(parent: int) -> None:
    """End this process when the one that started it is gone, killed perhaps, so that nothing is left behind."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
