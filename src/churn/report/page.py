"""Rendering alone: a summary becomes one HTML file that loads nothing."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jinja2

from churn.explanation.captions import evidence_text, verdict_text
from churn.report.charts.baselines import draw_baselines
from churn.report.charts.figure import Figure, cut
from churn.report.charts.reasons import draw_bindings, draw_drivers
from churn.report.charts.risk import draw_bins, draw_segmentation
from churn.report.charts.working import draw_adherence, draw_series
from churn.report.facts import Summary
from churn.report.labels import (
    ASSIGNMENTS,
    BANDS,
    CANNOT,
    HEADLINES,
    LEFT_OUT,
    UNNAMED,
    kind_label,
    purpose_label,
    tier_label,
)
from churn.report.measures import (
    MEASURE_COLUMNS,
    format_measured,
    format_range,
    format_target,
    format_value,
    is_missed,
)
from churn.report.script import chart_data, page_script, page_style, security_policy, vega_script
from churn.report.words import Language, Words, read_words

_TEXT = 120
"""Letters of an id, and of any text of a bank, that a page shows."""
_WORDS = {
    "headlines": HEADLINES,
    "bands": BANDS,
    "left_out": LEFT_OUT,
    "assignments": ASSIGNMENTS,
    "cannot": CANNOT,
    "unnamed": UNNAMED,
}


def render_page(summary: Summary, language: Language) -> str:
    """Render a page in one language.

    Returns
    -------
    str
        HTML with its style, scripts, charts and figures inside; under 3 MB.
    """
    words = read_words(language)
    figures = _figures(summary, words)
    shown = [figure for group in figures.values() for figure in group]
    return (
        _environment(words)
        .get_template("page.html.j2")
        .render(
            summary=summary,
            figures=figures,
            style=page_style(),
            vega=vega_script(),
            script=page_script(),
            policy=security_policy(vega_script(), page_script()),
            data=chart_data({figure.name: figure.spec for figure in shown}, _NUMBERS),
            columns=[name for name in MEASURE_COLUMNS if summary.working and name in summary.working.titles],
        )
    )


_NUMBERS = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["", ""], "minus": "−"}


def _figures(summary: Summary, words: Words) -> dict[str, list[Figure]]:
    """Draw every chart, by its place in the page."""
    return {
        "bins": _there(draw_bins(summary.bins, words)),
        "groups": [draw_segmentation(one, number, words) for number, one in enumerate(summary.segmentations)],
        "drivers": _there(draw_drivers(summary.drivers, words)),
        "bindings": _there(draw_bindings(summary.bindings, summary.binding_names, words)),
        "baselines": _there(draw_baselines(summary.baselines, words, is_branch=summary.about.branch_id is not None)),
        "adherence": _there(*_adherence(summary, words)),
        "series": _there(*_series(summary, words)),
    }


def _there(*figures: Figure | None) -> list[Figure]:
    return [figure for figure in figures if figure is not None]


def _adherence(summary: Summary, words: Words) -> Iterator[Figure | None]:
    if summary.working is not None:
        for measure in ("meetings_per_day", "calls_per_day"):
            yield draw_adherence(summary.working, measure, words)


def _series(summary: Summary, words: Words) -> Iterator[Figure | None]:
    working = summary.working
    if working is None:
        return
    for measure, points in working.series.items():
        whole = working.whole.get(measure)
        target = whole.target if whole and measure.endswith("_per_day") else None
        yield draw_series(points, measure, words.pick(working.titles[measure]), target, words)


def _environment(words: Words) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("churn.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(words.catalogue, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= _filters(words)
    environment.globals |= {
        "language": "zh-CN" if words.language == "zh" else "en",
        "gap": "" if words.language == "zh" else " ",
        "colon": "：" if words.language == "zh" else ": ",
    }
    return environment


def _filters(words: Words) -> dict[str, Any]:
    return {
        "short": lambda text: "" if text is None else cut(str(text), _TEXT),
        "pick": lambda pair: cut(words.pick(pair), 4 * _TEXT),
        "percent": words.percent,
        "points": words.points,
        "number": words.number,
        "yuan": words.yuan,
        "date": words.date,
        "tier": partial(tier_label, words=words),
        "purpose": partial(purpose_label, words=words),
        "kind": partial(kind_label, words=words),
        "verdict": lambda row: verdict_text(row, words.language),
        "evidence": lambda row: evidence_text(row, words.language),
        "value": lambda head: format_value(head.value, head.unit, words),
        "measured": partial(format_measured, words=words),
        "between": partial(format_range, words=words),
        "target": partial(format_target, words=words),
        "missed": is_missed,
        "word": lambda code, kind: words.say(_WORDS[kind][code]) if _WORDS[kind][code] else "",
    }
