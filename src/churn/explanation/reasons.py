"""Why a customer's risk is what it is, in plain words: three stories that raise it most, two that hold it down.

Correlated features share a risk that TreeSHAP divides among them by chance, so that a reader would read the same
thing three times, each time as less than it is. So features of one story are said together. The rule:

- A feature belongs to the story its entry in the catalogue names, or else to its family's. Families are cut where
  their parts speak of different things: products held and products lately opened or closed; bindings and unbindings;
  losses, the size of assets, and where assets go.
- A story may take features of another family that speak of the same: the net flow of money joins the trend of
  assets, loss notices join the losses. Transactions by whatever channel are one story.
- All services together are one story: "not bound" eight times is one fact about a customer, named by the services
  that weigh most.
- Where a customer has an unrealised loss, and losses and contact both raise the risk, they are one story: a loss
  nobody speaks about. That is done customer by customer.
- A file's own column is a story of its own.

A story weighs the sum of its features' SHAP values, in log-odds. It is said by the one or two of its features that
push its way most, with the customer's own values; the second only where it speaks of another topic, the first does not
say it already (`Feature.implies`) and it pushes at least a third as hard. Reasons say what the model used, not what
would change the outcome. They are values until they are written: `Stories.words` puts them into a language.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.errors import DataError
from churn.features.feature import CONTACT, LOSS, Feature, own_features
from churn.speech import Language, Said, joined, say

N_RAISING, N_HOLDING = 3, 2
SECOND_SHARE = 1 / 3
"""Least push of a second feature, as a share of the first's."""

Texts = NDArray[np.object_]
_Numbers = NDArray[np.float64]
_Places = NDArray[np.int64]
_Marks = NDArray[np.bool_]


class Telling(NamedTuple):
    """A feature and the value it has, and what that says."""

    feature: Feature
    value: Any
    said: Said


@dataclass(frozen=True)
class Stories:
    """Stories of n customers, the one of most weight first.

    Attributes
    ----------
    tellings
        Everything that is said of anybody, once.
    places
        Which of `tellings` tell each story, shape (n, ranks, 2); -1 where fewer do, or fewer stories push that way.
    """

    tellings: Sequence[Telling]
    places: _Places

    def words(self, language: Language) -> Texts:
        """Put them into words, shape (n, ranks); None where there is no story. Each value is worded once."""
        # numbers stand apart from Chinese words, words do not
        said = [say(one.said, language).replace(" 不到", "不到") for one in self.tellings]
        return self._joined(said, say(joined(["{one}", "{other}"], "and"), language))

    def features(self) -> Texts:
        """Name the features that tell them, one or two with a space between, shape (n, ranks); None as for `words`."""
        return self._joined([one.feature.name for one in self.tellings], "{one} {other}")

    def _joined(self, said: list[str], between: str) -> Texts:
        table = np.array([*said, None], dtype=object)
        texts: Texts = table[self.places[..., 0]]
        two = self.places[..., 1] >= 0
        pairs = zip(texts[two], table[self.places[..., 1][two]], strict=True)
        texts[two] = np.array([between.format(one=one, other=other) for one, other in pairs], dtype=object)
        return texts


class Reasons(NamedTuple):
    """Stories that raise the risk, at most three, and that hold it down, at most two."""

    raising: Stories
    holding: Stories


@dataclass(frozen=True)
class _Story:
    """Columns of a story and, as whole numbers, their topics."""

    columns: _Places
    topics: _Places


def explain_reasons(values: NDArray[np.float32], features: pd.DataFrame, catalogue: Sequence[Feature]) -> Reasons:
    r"""Tell the stories of each customer.

    Parameters
    ----------
    values
        SHAP values in log-odds, shape (n, k); positive raises the risk.
    features
        The customers' own values, shape (n, k), columns in the same order.
    catalogue
        What the columns are; one that it does not have is said as a file's own.

    Raises
    ------
    DataError
        `values` and `features` are not of one shape.

    Examples
    --------
    >>> from churn.config import Config
    >>> from churn.features.catalogue import catalogue
    >>> customers = pd.DataFrame({"unrealised_return": [-0.14], "days_since_contact": [75.0], "age_years": [41.0]})
    >>> told = explain_reasons(np.array([[0.5, 0.2, -0.1]]), customers, catalogue(Config()))
    >>> told.raising.words("en")[0, 0], told.raising.words("zh")[0, 0], told.holding.words("en")[0, 0]
    ('unrealised loss 14\u202f% and no contact for 75 days', '浮亏 14%，75 天未联系', 'aged 41')
    >>> told.raising.features()[0].tolist()
    ['unrealised_return days_since_contact', None, None]
    """
    if values.shape != features.shape:
        raise DataError(
            f"reasons: SHAP values of shape {values.shape}, features of shape {features.shape}; "
            "give both for the same customers and columns"
        )
    known = {feature.name: feature for feature in catalogue}
    columns = [known.get(name) or own_features([name])[0] for name in map(str, features.columns)]
    stories = _stories(columns)
    losing = _losing(features, columns) if LOSS in stories else np.zeros(len(features), dtype=bool)
    # of those without a loss, nothing is said about the time since it began
    shown = [
        features.iloc[:, at].where(losing) if column.role == "since_loss" else features.iloc[:, at]
        for at, column in enumerate(columns)
    ]
    pushes = values.astype(np.float64)
    raising = _choose(pushes, stories, losing, N_RAISING)
    holding = _choose(-pushes, stories, np.zeros_like(losing), N_HOLDING)
    return Reasons(_tell(raising, shown, columns, raises=True), _tell(holding, shown, columns, raises=False))


def _stories(columns: Sequence[Feature]) -> dict[str, _Story]:
    topics = np.unique([column.topic for column in columns], return_inverse=True)[1]
    belongs = [column.story for column in columns]
    places = {story: np.flatnonzero([one == story for one in belongs]) for story in dict.fromkeys(belongs)}
    return {story: _Story(found, topics[found]) for story, found in places.items()}


def _losing(features: pd.DataFrame, columns: Sequence[Feature]) -> _Marks:
    """Mark the customers with an unrealised loss at the last month-end."""
    for at, column in enumerate(columns):
        if column.role == "unrealised":
            return np.asarray(features.iloc[:, at].to_numpy(dtype=np.float64, na_value=np.nan) < 0)
    return np.zeros(len(features), dtype=bool)


def _choose(pushes: _Numbers, stories: dict[str, _Story], losing: _Marks, ranks: int) -> _Places:
    """Rank stories by weight and choose the columns that tell them, shape (n, ranks, 2); -1 where there is none.

    `pushes` are SHAP values with the sign turned so that stories of positive weight are told.
    """
    n = len(pushes)
    weights = np.column_stack([pushes[:, story.columns].sum(axis=1) for story in stories.values()])
    joined = _join(weights, list(stories), losing)
    order = np.argsort(-weights, axis=1, kind="stable")[:, :ranks]
    first, second = np.full((n, ranks), -1), np.full((n, ranks), -1)
    for at, (name, story) in enumerate(stories.items()):
        rows, rank = np.nonzero((order == at) & (np.take_along_axis(weights, order, axis=1) > 0))
        first[rows, rank], second[rows, rank] = _best_two(pushes[np.ix_(rows, story.columns)], story)
        if name == LOSS and joined[rows].any():
            both = joined[rows]
            contact = stories[CONTACT]
            second[rows[both], rank[both]] = _best_two(pushes[np.ix_(rows[both], contact.columns)], contact)[0]
    return np.stack([first, second], axis=-1)


def _join(weights: _Numbers, names: list[str], losing: _Marks) -> _Marks:
    """Add contact to losses, in place, where the customer is losing and both push; mark these customers."""
    if LOSS not in names or CONTACT not in names:
        return np.zeros(len(weights), dtype=bool)
    loss, contact = names.index(LOSS), names.index(CONTACT)
    joined = losing & (weights[:, loss] > 0) & (weights[:, contact] > 0)
    weights[joined, loss] += weights[joined, contact]
    weights[joined, contact] = 0.0
    return joined


def _best_two(pushes: _Numbers, story: _Story) -> tuple[_Places, _Places]:
    """Return, one row each, the column that pushes most, and the next of another topic or -1."""
    best = pushes.argmax(axis=1)
    rows = np.arange(len(pushes))
    others = np.where(story.topics == story.topics[best][:, None], -np.inf, pushes)
    runner = others.argmax(axis=1)
    enough = others[rows, runner] >= SECOND_SHARE * pushes[rows, best]
    return story.columns[best], np.where(enough, story.columns[runner], -1)


def _tell(chosen: _Places, shown: list["pd.Series[Any]"], columns: Sequence[Feature], *, raises: bool) -> Stories:
    """Tell stories by the customers' values; each value of a column is told once."""
    places = np.full(chosen.shape, -1)
    tellings: list[Telling] = []
    for at in np.unique(chosen[chosen >= 0]):
        here = chosen == at
        codes, uniques = pd.factorize(shown[at].iloc[np.nonzero(here)[0]], use_na_sentinel=False)
        places[here] = len(tellings) + codes
        tellings += [Telling(columns[at], value, columns[at].tell(value, raises=raises)) for value in uniques]
    _leave_out_implied(places, tellings)
    return Stories(tellings, places)


def _leave_out_implied(places: _Places, tellings: Sequence[Telling]) -> None:
    """Drop, in place, of two tellings the one that goes without saying after the other."""
    at = np.nonzero(places[..., 1] >= 0)
    pairs, which = np.unique(places[at] @ [len(tellings), 1], return_inverse=True)
    kept = [_kept(tellings, *divmod(pair, len(tellings))) for pair in pairs.tolist()]
    places[at] = np.array(kept, dtype=np.int64).reshape(-1, 2)[which]


def _kept(tellings: Sequence[Telling], first: int, second: int) -> tuple[int, int]:
    one, other = tellings[first], tellings[second]
    if _implies(other, one):
        return second, -1
    return first, -1 if _implies(one, other) else second


def _implies(one: Telling, other: Telling) -> bool:
    """Whether what the one says leaves the other nothing to say, by what they are and their values."""
    if one.said == other.said:
        return True
    rule = one.feature.implies
    return rule is not None and rule(one.value, other.feature, other.value)
