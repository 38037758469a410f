"""The model card: what the documents of a model say, as one page for people; it computes nothing.

Model-risk guidance (SR 26-2 / OCC 2026-13, April 2026, in place of SR 11-7) asks of a bank's models that they be
documented, validated by somebody else than their makers, challenged and monitored. The card gives the facts for it.
"""

from functools import cache

import jinja2

from churn.estimates import Estimate
from churn.model import documents, recipe
from churn.speech import Message, Number, Percent, counted, message, say

RETRAIN_AFTER_DAYS = 365
"""A model older than a year has not seen a whole year of outcomes that is known by now."""
_METRIC_NAMES = {
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier_score": "Brier score",
    "ece": "expected calibration error",
    "calibration_slope": "calibration slope (1 is right)",
    "calibration_intercept": "calibration in the large (0 is right)",
    "top_decile_lift": "top-decile lift",
    "top_decile_lift_share": "top-decile lift, share of its maximum",
}


def render_card(manifest: documents.Manifest, metrics: documents.Metrics, baselines: documents.Baselines) -> str:
    """Render `MODEL_CARD.md` from the model's own documents, in Markdown."""
    anchored, intervals = manifest.anchored, manifest.intervals
    return _template().render(
        manifest=manifest,
        held_out=manifest.held_out,
        metrics=metrics,
        metric_names=_METRIC_NAMES,
        baselines=baselines,
        losses=[f"{method} {_number(loss)}" for method, loss in manifest.calibration_log_losses.items()],
        intervals=intervals,
        n_within=sum(one.low <= one.observed <= one.high for one in intervals.groups) if intervals else 0,
        anchored=anchored,
        anchored_on=_anchored_on(anchored) if anchored else "",
        departures=[say(one, "en") for one in describe_departures(anchored)] if anchored else [],
        gaps=[say(one, "en") for one in describe_gaps(anchored)] if anchored else [],
        describe_monotone=recipe.describe_monotone,
        retrain_after_days=RETRAIN_AFTER_DAYS,
    )


def describe_departures(anchored: documents.Anchored) -> list[Message]:
    """Say of each rate the model was anchored to that the bank's own reliable outcomes contradict it.

    Reliable is an interval that leaves the rate out, of a bucket with enough outcomes: the verdict "departs". The
    rate may be stated, lie between stated ones, or be what the shift of another bucket led to.
    """
    found = []
    for row in anchored.evidence.buckets:
        if row.verdict != "departs":
            continue
        date, asked = anchored.evidence.as_of, message("stated is {rate}", rate=Percent(row.stated))
        if row.stated is None:
            asked = message("anchored to {rate}; no rate is stated for it", rate=Percent(row.target))
        said = message(
            "with {products} {observed} left{when} ({low} to {high}, 95\u202f%), {asked}",
            products=_products(row.product_coverage),
            observed=Percent(row.observed),
            when=message(" from {date} on", date=date) if date else "",
            low=Percent(row.observed_low),
            high=Percent(row.observed_high),
            asked=asked,
        )
        found.append(said)
    return found


def describe_gaps(anchored: documents.Anchored) -> list[Message]:
    """Say which customers the anchoring did not reach, and which stated rate nobody holds the products for."""
    lines = []
    if left := anchored.rows - _shifted(anchored):
        lines.append(
            message(
                "{n} of {rows} customers hold no product, or an unknown number: not shifted", n=left, rows=anchored.rows
            )
        )
    stated = {row.product_coverage for row in anchored.evidence.buckets if row.stated is not None}
    return lines + [
        message(
            "a rate is stated for {products}, which nobody holds yet; later holders are shifted as with {others}",
            products=_products(row.product_coverage),
            others=_products(row.taken_from),
        )
        for row in anchored.buckets
        if row.n == 0 and row.product_coverage in stated
    ]


def _anchored_on(anchored: documents.Anchored) -> str:
    when = f"as of {anchored.as_of}" if anchored.as_of else "of one flat file"
    return f"on {_shifted(anchored):,} customers {when}"


def _shifted(anchored: documents.Anchored) -> int:
    return sum(row.n for row in anchored.buckets)


def _products(coverage: int | str | None) -> Message:
    return counted("{bucket} product", "{bucket} products", 1 if coverage == 1 else 2, bucket=str(coverage))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("churn.model"),
        autoescape=False,  # noqa: S701 (Markdown; `cell` escapes what would break a table)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "cell": lambda text: text.replace("|", "\\|"),
        "count": lambda value: f"{value:,}",
        "interval": _interval,
        "number": _number,
        "percent": lambda share: say(Percent(share), "en"),
    }
    return environment.get_template("card.md.j2")


def _number(value: float | None, digits: int = 4) -> str:
    return say(Number(value, digits), "en")


def _interval(estimate: Estimate) -> str:
    return say(Number(None), "en") if estimate.low is None else f"{_number(estimate.low)} to {_number(estimate.high)}"
