"""The model card: the stored documents as one page for people; it computes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

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
_VERDICTS = {
    "agrees": "agrees",
    "departs": "departs",
    "too_few": "too few customers to say",
    "not_stated": "none stated",
}


def render_card(manifest: Mapping[str, Any], metrics: Mapping[str, Any], baselines: Sequence[Mapping[str, Any]]) -> str:
    """Render `MODEL_CARD.md` from the model's own documents, in Markdown.

    Parameters
    ----------
    manifest, metrics, baselines
        As in `manifest.json`, `metrics.json` and `baselines.json`.

    Examples
    --------
    >>> print(render_card({"model_id": "0f", "horizon_days": 365}, {}, []).splitlines()[0])
    # Churn model 0f
    """
    parts = [
        _purpose(manifest),
        _data(manifest),
        _metrics(manifest, metrics),
        _calibration(manifest),
        _baselines(manifest, baselines),
        _limits(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _purpose(manifest: Mapping[str, Any]) -> str:
    return (
        f"# Churn model {manifest['model_id']}\n\n"
        "## Purpose\n\n"
        f"The probability that a customer leaves within {manifest['horizon_days']} days of the as-of date, "
        "to decide whom relationship managers meet and call first. It is not made for decisions on credit, prices "
        "or the closing of accounts."
    )


def _data(manifest: Mapping[str, Any]) -> str:
    snapshots = ", ".join(manifest.get("snapshots") or []) or "none (one flat file, without time)"
    lines = [
        f"- Snapshots: {snapshots}",
        f"- Rows the stored model was fitted on: {_count(manifest.get('training_rows'))}",
        f"- Of them churned: {_percent(manifest.get('training_churn_rate'))}",
        f"- Features: {_count(len(manifest.get('features', [])))}",
        f"- Trees: {_count(manifest.get('rounds'))}; seed {manifest.get('seed')}",
    ]
    return "## Data\n\n" + "\n".join(lines)


def _metrics(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    held_out = manifest.get("held_out") or {}
    rows = [
        f"| {label} | {_number(metrics[name]['value'])} | {_interval(metrics[name])} |"
        for name, label in _METRIC_NAMES.items()
        if name in metrics
    ]
    return "\n".join(
        [
            "## How good it is",
            "",
            _held_out(held_out, metrics),
            f"{_count(held_out.get('rows'))} customers, {_percent(held_out.get('churn_rate'))} churned.",
            "Intervals: 95 %, customers resampled.",
            "",
            "| metric | value | interval |",
            "| --- | --- | --- |",
            *rows,
        ]
    )


def _held_out(held_out: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    if metrics.get("out_of_time"):
        return f"Measured out of time, on the snapshot of {held_out.get('as_of')}, by a model of earlier outcomes only:"
    if held_out.get("as_of"):
        return (
            f"NOT out of time: too little history lay before the snapshot of {held_out['as_of']}. "
            "Measured on its customers whom no tree had seen:"
        )
    return "NOT out of time: a flat file has no time. Measured out of fold:"


def _calibration(manifest: Mapping[str, Any]) -> str:
    losses = manifest.get("calibration_log_losses") or {}
    tried = ", ".join(f"{method} {_number(loss)}" for method, loss in losses.items())
    text = f"## Calibration\n\nMethod: {manifest.get('calibration_method')}."
    if not tried:
        return text
    return f"{text} Chosen before the refit: {manifest.get('calibration_chosen')}; cross-fitted log loss: {tried}."


def _baselines(manifest: Mapping[str, Any], baselines: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"| {row['product_coverage']} | {_count(row['n'])} | {_percent(row['stated'])} | {_percent(row['observed'])} "
        f"({_percent(row['observed_low'])} to {_percent(row['observed_high'])}) | {_percent(row['predicted'])} "
        f"| {_VERDICTS[row['verdict']]} |"
        for row in baselines
    ]
    return "\n".join(
        [
            "## Stated and observed churn by number of products",
            "",
            f"Stated rates are a year's, converted to {manifest['horizon_days']} days under a constant hazard.",
            "The model is not forced to them.",
            "",
            "| products | customers | stated | observed (95 %) | predicted | verdict |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
        ]
    )


def _limits(manifest: Mapping[str, Any]) -> str:
    limits = [
        "A contribution (SHAP) says what the model used, not what would change the outcome.",
        "Probabilities hold while customers and their reasons to leave stay the same; watch drift, and train again.",
        "A category or a level of a feature that training did not have is scored as missing.",
        "Trees and schema hold ranges of features and names of categories: treat the folder as bank data.",
    ]
    if not manifest.get("out_of_time"):
        limits.append("The metrics above are not out of time: expect worse on customers of a later date.")
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _count(value: Any) -> str:
    return "–" if value is None else f"{value:,}"


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.4f}"


def _percent(value: Any) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _interval(estimate: Mapping[str, Any]) -> str:
    if estimate["low"] is None:
        return "–"
    return f"{_number(estimate['low'])} to {_number(estimate['high'])}"
