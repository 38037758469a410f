"""The errors, as one tree.

::

    ChurnError                      the call or its input cannot be used
    ├── ConfigError                 a configuration file            (also ValueError)
    ├── DataError                   a table, or the folder of tables (also ValueError)
    │   └── MissingColumnError      a column that must be there      (also KeyError)
    ├── TimeRangeError              an as-of date or horizon outside the data (also ValueError)
    ├── ModelError                  a model folder, or its use       (also ValueError)
    ├── ExplanationError            what cannot be explained or drawn (also ValueError)
    ├── OutputError                 a place that cannot be written   (also OSError)
    └── TrackingError               where runs and versions of models are kept (also OSError)

Every message is one line: what was found, where (file, column, row), and what to do.
No message repeats a customer's values: counts and positions only.
"""

import collections.abc
import difflib


class ChurnError(Exception):
    """Base of every error this package raises for bad calls and bad input."""

    def __str__(self) -> str:
        """Return the message on one line (KeyError alone would put it in quotes)."""
        return " ".join(str(part) for part in self.args).replace("\n", " ")


class ConfigError(ChurnError, ValueError):
    """A configuration file that cannot be used."""


class DataError(ChurnError, ValueError):
    """A table, or a folder of tables, that cannot be used."""


class MissingColumnError(DataError, KeyError):
    """A column that must be there is not."""


class TimeRangeError(ChurnError, ValueError):
    """A date or a horizon for which the data hold no answer."""


class ModelError(ChurnError, ValueError):
    """A model folder that was changed or is incomplete, or data it was not trained for."""


class ExplanationError(ChurnError, ValueError):
    """An explanation that cannot be worked out from what is there, or drawn with the fonts of this machine."""


class OutputError(ChurnError, OSError):
    """An output that cannot be written where it was asked for."""


class TrackingError(ChurnError, OSError):
    """A tracking database or server that cannot be used, or a version that is not in it."""


def meant(name: str, known: collections.abc.Iterable[str]) -> str:
    """Ask after the known name nearest to a mistyped one, for a message; empty where none is near.

    Examples
    --------
    >>> meant("moble_banking", ["online_banking", "mobile_banking"]), meant("jade", ["cts"])
    (' (did you mean mobile_banking?)', '')
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
