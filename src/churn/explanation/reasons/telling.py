"""Why a customer's risk is what it is, in plain words: three stories that raise it most, two that hold it down.

A story (`churn.explanation.reasons.stories`) weighs the sum of its features' SHAP values, in log-odds. It is told by
the one or two of its features that push its way most, with the customer's own values; the second only where the first
does not say it already and it pushes at least a third as hard. Reasons say what the model used, not what would change
the outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import Config
from churn.errors import DataError
from churn.explanation.reasons.amounts import Pair, plain
from churn.explanation.reasons.phrases import NO_BINDING, NO_CONTACT, NO_TRANSACTIONS, phrases
from churn.explanation.reasons.sentences import Phrase
from churn.explanation.reasons.stories import CONTACT, LOSS, find_stories, find_topic
from churn.features.feature import Feature

N_RAISING, N_HOLDING = 3, 2
SECOND_SHARE = 1 / 3
"""What a second feature pushes at least, of the first."""
_NOTHING_MORE = {NO_CONTACT[0], NO_TRANSACTIONS[0], "no transactions in a year"}
"""What leaves nothing else to say of its story."""
_NOTHING_DIGITAL = "no transaction online or mobile in a year"
_SINCE_LOSS = ("loss_without_contact", "n_reached_since_loss", "n_loss_notices_since_loss")

Texts = NDArray[np.object_]
_Numbers = NDArray[np.float64]
_Places = NDArray[np.int64]
_Marks = NDArray[np.bool_]


class Reasons(NamedTuple):
    """Stories of n customers, the one of most weight first; None where fewer push that way.

    Attributes
    ----------
    raising_en, raising_zh
        What raises the risk, shape (n, 3).
    holding_en, holding_zh
        What holds it down, shape (n, 2).
    """

    raising_en: Texts
    raising_zh: Texts
    holding_en: Texts
    holding_zh: Texts


@dataclass(frozen=True)
class _Story:
    """Columns of a story and, as whole numbers, their topics."""

    columns: _Places
    topics: _Places


class _Told(NamedTuple):
    """Columns by which stories are told, shape (n, ranks); -1 where there is none."""

    first: _Places
    second: _Places


def explain_reasons(
    values: NDArray[np.float32], features: pd.DataFrame, catalogue: Sequence[Feature], config: Config
) -> Reasons:
    """Tell the stories of each customer.

    Parameters
    ----------
    values
        SHAP values in log-odds, shape (n, k); positive raises the risk.
    features
        The customers' own values, shape (n, k), columns in the same order.
    catalogue
        Features that have a phrase; none for a flat file.
    config
        Names products and services.

    Raises
    ------
    DataError
        `values` and `features` are not of one shape.

    Examples
    --------
    >>> from churn.features.catalogue import catalogue
    >>> customers = pd.DataFrame({"unrealised_return": [-0.14], "days_since_contact": [75.0], "age_years": [41.0]})
    >>> told = explain_reasons(np.array([[0.5, 0.2, -0.1]]), customers, catalogue(Config()), Config())
    >>> told.raising_en[0, 0], told.raising_zh[0, 0], told.holding_en[0, 0]
    ('unrealised loss 14 % and no contact for 75 days', '浮亏 14%，75 天未联系', 'aged 41')
    """
    if values.shape != features.shape:
        raise DataError(
            f"reasons: SHAP values of shape {values.shape}, features of shape {features.shape}; "
            "give both for the same customers and columns"
        )
    names = [str(name) for name in features.columns]
    stories = _stories(names, catalogue)
    losing = _losing(features) if LOSS in stories else np.zeros(len(features), dtype=bool)
    said = phrases(catalogue, config)
    shown = [_shown(features.iloc[:, at], losing, told=name in said) for at, name in enumerate(names)]
    texts: list[Texts] = []
    for sign, ranks in ((1.0, N_RAISING), (-1.0, N_HOLDING)):
        told = _choose(sign * values.astype(np.float64), stories, losing if sign > 0 else np.zeros_like(losing), ranks)
        texts += _tell(told, shown, [said.get(name) for name in names], names, raises=sign > 0)
    return Reasons(*texts)


def _stories(names: Sequence[str], catalogue: Sequence[Feature]) -> dict[str, _Story]:
    belongs = find_stories(names, catalogue)
    topics = np.unique([find_topic(name) for name in names], return_inverse=True)[1]
    columns = {story: np.flatnonzero([one == story for one in belongs]) for story in dict.fromkeys(belongs)}
    return {story: _Story(found, topics[found]) for story, found in columns.items()}


def _losing(features: pd.DataFrame) -> _Marks:
    """Mark the customers with an unrealised loss at the last month-end."""
    for name in ("unrealised_pnl_cny", "unrealised_return"):
        if name in features:
            return np.asarray(features[name].to_numpy(dtype=np.float64, na_value=np.nan) < 0)
    return np.zeros(len(features), dtype=bool)


def _shown(column: "pd.Series[Any]", losing: _Marks, *, told: bool) -> "pd.Series[Any]":
    """Give what a phrase is told: of those without a loss, nothing about the time since it began."""
    return column.where(losing) if told and column.name in _SINCE_LOSS else column


def _choose(pushes: _Numbers, stories: dict[str, _Story], losing: _Marks, ranks: int) -> _Told:
    """Rank stories by weight and choose the columns that tell them.

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
    return _Told(first, second)


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
    """Return, a row each, the column that pushes most, and the next of another topic or -1."""
    best = pushes.argmax(axis=1)
    rows = np.arange(len(pushes))
    others = np.where(story.topics == story.topics[best][:, None], -np.inf, pushes)
    runner = others.argmax(axis=1)
    enough = others[rows, runner] >= SECOND_SHARE * pushes[rows, best]
    return story.columns[best], np.where(enough, story.columns[runner], -1)


def _tell(
    told: _Told, shown: list["pd.Series[Any]"], said: list[Phrase | None], names: list[str], *, raises: bool
) -> tuple[Texts, Texts]:
    """Put stories into words, in both languages; each value of a column is worded once."""
    parts = np.stack(told)
    words = np.full((2, *parts.shape), None, dtype=object)
    for at in np.unique(parts[parts >= 0]):
        here = parts == at
        rows = np.nonzero(here)[1]
        codes, uniques = pd.factorize(shown[at].iloc[rows], use_na_sentinel=False)
        pairs = [_word(said[at], names[at], value, raises) for value in uniques]
        for language in (0, 1):
            words[language][here] = np.array([pair[language] for pair in pairs], dtype=object)[codes]
    _leave_out_implied(words)
    return _joined(words[0], " and "), _joined(words[1], "，")


def _word(phrase: Phrase | None, name: str, value: Any, raises: bool) -> Pair:
    if phrase is not None:
        en, zh = phrase(float("nan") if pd.isna(value) else float(value), raises)
        return en, zh.replace(" 不到", "不到")  # numbers stand apart, words do not
    if pd.isna(value):
        return f"{name} not known", f"{name} 不详"
    if isinstance(value, (bool, np.bool_)):
        return f"{name} = {'yes' if value else 'no'}", f"{name} 为{'是' if value else '否'}"
    text = plain(float(value)) if isinstance(value, (int, float, np.number)) else str(value)
    return f"{name} = {text}", f"{name} 为 {text}"


def _leave_out_implied(words: Texts) -> None:
    """Drop, in place, of two phrases the one that goes without saying after the other.

    `words` has shape (2 languages, 2 phrases, n, ranks).
    """
    first, second = words[0]
    for row, rank in zip(*np.nonzero(second != None), strict=True):  # noqa: E711 (elementwise)
        one, other = first[row, rank], second[row, rank]
        if _implies(other, one):
            words[:, 0, row, rank] = words[:, 1, row, rank]
        if _implies(other, one) or _implies(one, other):
            words[:, 1, row, rank] = None


def _implies(one: str, other: str) -> bool:
    if one.startswith(other):
        return True
    if one == NO_BINDING[0]:
        return other.endswith(" not bound")
    if one == _NOTHING_DIGITAL:
        return other.startswith(("no online", "no mobile"))
    if one.startswith("assets shrank") and one.endswith("in 12 months"):
        # What they shrank from lies a month before the twelve whose highest is told: the two would contradict.
        return other.endswith("12-month high")
    whole, _, amount = one.partition(" CNY ")
    if whole == "assets" and other in (f"deposits CNY {amount}", f"investments CNY {amount}"):
        return True
    return one in _NOTHING_MORE and other.startswith(("no ", "not ")) and "loss" not in other


def _joined(words: Texts, between: str) -> Texts:
    first, second = words
    texts: Texts = first.copy()
    two = second != None  # noqa: E711 (elementwise)
    texts[two] = first[two] + between + second[two]
    return texts
