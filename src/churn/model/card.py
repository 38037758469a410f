"""The model card: what the documents of a model say, as one page for people; it computes nothing.

Model-risk guidance (SR 26-2 / OCC 2026-13, April 2026, in place of SR 11-7) asks of a bank's models that they be
documented, validated by somebody else than their makers, challenged and monitored. The card gives the facts for it.
"""

from functools import cache

import jinja2

from churn.estimates import Estimate
from churn.model import documents, recipe

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
_NOT_KNOWN = "–"


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
        departures=describe_departures(anchored) if anchored else [],
        gaps=describe_gaps(anchored) if anchored else [],
        describe_monotone=recipe.describe_monotone,
        retrain_after_days=RETRAIN_AFTER_DAYS,
    )


def describe_departures(anchored: documents.Anchored) -> list[str]:
    """Say, a line each, where the bank's own reliable outcomes contradict a rate the model was anchored to.

    Reliable is an interval that leaves the rate out, of a bucket with enough outcomes: the verdict "departs". The
    rate may be stated, lie between stated ones, or be what the shift of another bucket led to.
    """
    when = f" from {anchored.evidence.as_of} on" if anchored.evidence.as_of else ""
    return [
        f"with {_products(row.product_coverage)} {_percent(row.observed)} left{when} "
        f"({_percent(row.observed_low)} to {_percent(row.observed_high)}, 95\u202f%), {_asked(row)}"
        for row in anchored.evidence.buckets
        if row.verdict == "departs"
    ]


def describe_gaps(anchored: documents.Anchored) -> list[str]:
    """Say, a line each, whom the anchoring did not reach, and which stated rate nobody holds the products for."""
    lines = []
    if left := anchored.rows - _shifted(anchored):
        lines.append(
            f"{_count(left)} of {_count(anchored.rows)} customers hold no product, or it is not known how many: "
            "they were not shifted"
        )
    stated = {row.product_coverage for row in anchored.evidence.buckets if row.stated is not None}
    lines += [
        f"a rate is stated for {_products(row.product_coverage)}, which nobody holds: "
        f"customers who come to will be shifted like those with {_products(row.taken_from)}"
        for row in anchored.buckets
        if row.n == 0 and row.product_coverage in stated
    ]
    return lines


def _anchored_on(anchored: documents.Anchored) -> str:
    when = f"as of {anchored.as_of}" if anchored.as_of else "of one flat file"
    return f"on {_count(_shifted(anchored))} customers {when}"


def _shifted(anchored: documents.Anchored) -> int:
    return sum(row.n for row in anchored.buckets)


def _products(coverage: int | str | None) -> str:
    return f"{coverage} product" if coverage == 1 else f"{coverage} products"


def _asked(row: documents.AnchorEvidenceRow) -> str:
    if row.stated is not None:
        return f"stated is {_percent(row.stated)}"
    return f"anchored to {_percent(row.target)}, which no rate states"


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
        "count": _count,
        "interval": _interval,
        "number": _number,
        "percent": _percent,
    }
    return environment.get_template("card.md.j2")


def _count(value: int) -> str:
    return f"{value:,}"


def _percent(share: float | None) -> str:
    return _NOT_KNOWN if share is None else f"{100 * share:.1f}\u202f%"


def _number(value: float | None, digits: int = 4) -> str:
    return _NOT_KNOWN if value is None else f"{value:.{digits}f}"


def _interval(estimate: Estimate) -> str:
    return _NOT_KNOWN if estimate.low is None else f"{_number(estimate.low)} to {_number(estimate.high)}"
