"""Every word replaced by nonsense: scores, plan, lists, progress and page keep all numbers, ranks, choices, columns."""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from gettext import NullTranslations
from typing import Any

import pandas as pd
import pytest

import churn
from churn.actions.lists.build import Lists
from churn.report.facts import to_json
from churn.speech import LANGUAGES, use_catalogues

MARK = "zq"


class Nonsense(NullTranslations):
    """Gives for every message a word that nobody knows, and the message's facts in another order."""

    def __init__(self, language):
        super().__init__()
        self.language = language

    def gettext(self, message):
        facts = sorted(re.findall(r"%\(\w+\)s|\{\w+\}", message), reverse=True)
        return " ".join([f"{MARK}{zlib.crc32(f'{self.language}{message}'.encode())}", *facts])

    def ngettext(self, message, several, n):
        return self.gettext(message if n == 1 else several)

    def pgettext(self, context, message):
        # from which amounts on numbers are shortened: sizes, not words
        return message if context == "steps" else self.gettext(message)

    def npgettext(self, context, message, several, n):
        return self.ngettext(message, several, n)


@pytest.fixture(scope="module")
def outputs(scored_bank, few_months):
    """What the data, the model and the day give, in words and in nonsense."""
    made = make(scored_bank, scored_bank.explained)
    with use_catalogues({language: Nonsense(language) for language in LANGUAGES}):
        return made, make(scored_bank, None)  # explained anew, in nonsense


def make(scored, explained):
    with churn.open_bank(scored.data) as bank:
        scores = churn.score(scored.model, bank, "2026-01-01", explain=True)
        plan = churn.plan_day(bank, scores)
        lists: Lists = churn.lists(bank, scores)
        progress = churn.progress(bank, scores)
        pages = churn.page(bank, scored.model, scores, explained)
        customer = churn.explain_customer(scored.model, bank, scores["customer_id"].iloc[0], "2026-01-01")
        findings = churn.check(bank)
    return {
        "scores": scores,
        "customer": customer.to_json(),
        "findings": findings,
        "plan": plan.rows,
        "assignments": plan.assignments,
        "managers": plan.managers,
        "left out": plan.left_out,
        **lists.frames,
        "not made": sorted(lists.not_made),
        "progress": progress.measures,
        "page": to_json(pages.facts()),
        "branch": to_json(pages.facts(pages.branches[0])),
        "drawn": drawn(pages),
    }


def drawn(pages):
    """Every number that the charts of both languages draw, as it stands there."""
    charts = [re.search('id="chart-data">(.*?)</script>', pages.html(one), re.DOTALL).group(1) for one in LANGUAGES]
    return [re.findall(r'"(?:n|rate|low|high|points|value|target|share)":([-\d.e]+)', chart) for chart in charts]


def plain(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        # missing as None, which equals itself
        return {
            "columns": list(value.columns),
            "rows": value.astype(object).where(value.notna(), None).to_numpy().tolist(),
        }
    return plain(asdict(value)) if is_dataclass(value) and not isinstance(value, type) else value


def differences(said: Any, nonsense: Any, where: str = "") -> list[str]:
    """Name the places that differ by more than words of the catalogue."""
    said, nonsense = plain(said), plain(nonsense)
    if isinstance(said, str) and isinstance(nonsense, str):
        return [] if said == nonsense or MARK in nonsense else [where]
    if isinstance(said, Mapping) and isinstance(nonsense, Mapping) and list(said) == list(nonsense):
        return [each for key in said for each in differences(said[key], nonsense[key], f"{where}.{key}")]
    if isinstance(said, Sequence) and isinstance(nonsense, Sequence) and len(said) == len(nonsense):
        pairs = enumerate(zip(said, nonsense, strict=True))
        return [each for at, (one, other) in pairs for each in differences(one, other, f"{where}[{at}]")]
    return [] if type(said) is type(nonsense) and said == nonsense else [where]


@pytest.mark.parametrize(
    "name",
    [
        "scores",
        "customer",
        "findings",
        "plan",
        "assignments",
        "managers",
        "left out",
        "not made",
        "progress",
        "page",
        "branch",
        "drawn",
    ],
)
def test_nothing_but_words_differs(outputs, name):
    said, nonsense = outputs
    assert differences(said[name], nonsense[name]) == []


def test_no_list_differs_but_in_words(outputs):
    said, nonsense = outputs
    assert list(said) == list(nonsense)
    assert [where for name in said for where in differences(said[name], nonsense[name], name)] == []


@pytest.mark.parametrize("name", ["scores", "plan", "never_bound", "page", "branch"])
def test_the_words_were_replaced(outputs, name):
    said, nonsense = (str(plain(one[name])) for one in outputs)
    assert nonsense.count(MARK) > 20
    assert said.count(MARK) == 0


def test_a_choice_by_a_word_is_found():
    frame = pd.DataFrame({"n": [2, 1], "text_en": ["a", "b"], "kept": [None, "x"]})
    other = frame.assign(text_en=[f"{MARK}1", f"{MARK}2"])
    assert differences(frame, other) == []
    assert differences(frame, other.iloc[::-1]) != []
    assert differences(frame, other.assign(kept=["x", None])) != []
    assert differences(frame, other.assign(n=[2, 3])) == [".rows[1][0]"]
