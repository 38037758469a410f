"""Rendering alone: what a page says becomes one HTML file that loads nothing."""

from functools import cache, partial
from gettext import NullTranslations
from typing import Any

import jinja2

from churn.explanation.verdict import EVIDENCE, VERDICTS
from churn.report import script, wording
from churn.report.charts import Figure, cut, reasons, risk, working
from churn.report.facts import PageFacts
from churn.speech import Date, Language, Number, Percent, Points, ShortMoney, joined, message, say
from churn.speech.catalogue import translations

_TEXT = 120
"""Letters of an id, and of any text of a bank, that a page shows."""
_SENTENCE = 4 * _TEXT
"""Letters of a sentence that a page shows."""
_NUMBERS = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["", ""], "minus": "−"}
"""How charts write numbers, but for per cent, whose sign stands as each language has it."""


def render_page(facts: PageFacts, language: Language) -> str:
    """Render a page in one language.

    Returns
    -------
    str
        HTML with its style, scripts, charts and figures inside; under 3 MB.
    """
    figures = _figures(facts, language)
    shown = [figure for group in figures.values() for figure in group]
    percent = say(message("{share}\u202f%", share=""), language)
    return (
        _environment(language, translations(language))
        .get_template("page.html.j2")
        .render(
            facts=facts,
            figures=figures,
            style=script.page_style(),
            vega=script.vega_script(),
            script=script.page_script(),
            policy=script.security_policy(script.vega_script(), script.page_script()),
            data=script.chart_data({figure.name: figure.spec for figure in shown}, _NUMBERS | {"percent": percent}),
            columns=[name for name in wording.MEASURE_COLUMNS if facts.working and name in facts.working.titles],
        )
    )


def _figures(facts: PageFacts, language: Language) -> dict[str, list[Figure]]:
    """Draw every chart, by its place in the page."""
    is_branch, works = facts.about.branch_id is not None, facts.working
    drawn: dict[str, list[Figure | None]] = {
        "bins": [risk.draw_bins(facts.bins, language)],
        "groups": [risk.draw_segmentation(one, number, language) for number, one in enumerate(facts.segmentations)],
        "drivers": [reasons.draw_drivers(facts.drivers, language)],
        "bindings": [reasons.draw_bindings(facts.bindings, facts.binding_names, language)],
        "baselines": [risk.draw_baselines(facts.baselines, language, is_branch=is_branch)],
        "adherence": [working.draw_adherence(works, name, language) for name in working.CONTACTS] if works else [],
        "series": [working.draw_series(works, name, language) for name in works.series] if works else [],
    }
    return {place: [figure for figure in figures if figure is not None] for place, figures in drawn.items()}


@cache
def _environment(language: Language, words: NullTranslations) -> jinja2.Environment:
    """Compile the templates, once for each catalogue."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("churn.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= _filters(language)
    environment.globals |= {
        "language": {"zh": "zh-CN"}.get(language, language),
        "gap": say(joined(("", ""), "sentences"), language),
        "colon": say(joined(("", ""), "colon"), language),
    }
    return environment


def _filters(language: Language) -> dict[str, Any]:
    tell = partial(say, language=language)

    def figure(value: float | None, measure: str) -> str:
        return tell(wording.measure_figure(value, measure))

    return {
        "tell": tell,
        "short": lambda text: "" if text is None else cut(text, _TEXT),
        "sentence": lambda value: cut(tell(value), _SENTENCE),
        "sentences": lambda values: tell(joined([cut(tell(value), _SENTENCE) for value in values], "semicolons")),
        "percent": lambda share, digits=1: tell(Percent(share, digits)),
        "points": lambda change: tell(Points(change)),
        "number": lambda value, digits=0: tell(Number(value, digits)),
        "yuan": lambda amount: tell(ShortMoney(amount)),
        "date": lambda date: tell(Date(date)),
        "word": lambda code, kind: tell(wording.word(code, kind)),
        "verdict": lambda row: tell(VERDICTS[row.verdict]),
        "evidence": lambda row: tell(EVIDENCE[row.evidence]),
        "headline": lambda head: tell(wording.headline_figure(head)),
        "measured": lambda one, measure: figure(one.value if one else None, measure),
        "between": lambda one, measure: tell(wording.measure_interval(one, measure)),
        "target": lambda one, measure: "" if one.target is None else figure(one.target, measure),
        "missed": wording.is_missed,
    }  # fmt: skip
