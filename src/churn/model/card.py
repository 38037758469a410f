"""The model card: the stored documents as one page for people; it computes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from churn.model.anchoring_card import anchored_on, anchoring_section, count, percent
from churn.model.card_use import monitoring_section, segments_section, users_section
from churn.model.documents import Baselines, Manifest, Metrics, MonotoneFacts
from churn.model.monotone import describe_monotone

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
_BEFORE_ANCHORING = (
    "**Before anchoring.** These figures judge the model as it was trained. They do not describe the anchored",
    "probabilities, neither their level nor, across numbers of products, their order.",
    "",
)


def render_card(manifest: Manifest, metrics: Metrics, baselines: Baselines) -> str:
    """Render `MODEL_CARD.md` from the model's own documents, in Markdown.

    Parameters
    ----------
    manifest, metrics, baselines
        As in `manifest.json`, `metrics.json` and `baselines.json`.

    """
    return _render(manifest, manifest.to_json(), metrics.to_json(), baselines.to_json())


def _render(
    facts: Manifest, manifest: Mapping[str, Any], metrics: Mapping[str, Any], baselines: Sequence[Mapping[str, Any]]
) -> str:
    parts = [
        _purpose(manifest),
        users_section(),
        _data(manifest, facts),
        _metrics(manifest, metrics),
        *([segments_section(manifest)] if (manifest.get("held_out") or {}).get("segments") else []),
        _calibration(manifest),
        *([_intervals(manifest, metrics)] if manifest.get("intervals") else []),
        *([anchoring_section(facts.anchored)] if facts.anchored else []),
        _baselines(facts, baselines),
        _limits(manifest),
        monitoring_section(manifest),
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


def _data(manifest: Mapping[str, Any], facts: Manifest) -> str:
    snapshots = ", ".join(manifest.get("snapshots") or []) or "none (one flat file, without time)"
    lines = [
        f"- Snapshots: {snapshots}",
        f"- Rows the stored model was fitted on: {count(manifest.get('training_rows'))}",
        f"- Of them churned: {percent(manifest.get('training_churn_rate'))}",
        *_inputs(manifest),
        f"- Features: {count(len(manifest.get('features', [])))}",
        f"- Learner: {' + '.join(manifest.get('learners', ['lightgbm']))}",
        f"- Trees: {count(manifest.get('rounds'))}; seed {manifest.get('seed')}",
        *_monotone(facts.monotone),
    ]
    return "## Data\n\n" + "\n".join(lines)


def _inputs(manifest: Mapping[str, Any]) -> list[str]:
    inputs, counts = manifest.get("inputs", []), manifest.get("row_counts", {})
    if not inputs:
        return []
    rows, left_out = (sum(one[name] for one in counts.values()) for name in ("rows", "quarantined"))
    span = f", from {manifest['data_begin']} to {manifest['data_end']}" if "data_begin" in manifest else ""
    return [
        f"- Read from {len(inputs)} files{span}; their SHA-256 are in `manifest.json`",
        f"- Rows of all tables: {count(rows)}, of which left out: {count(left_out)}",
    ]


def _monotone(facts: MonotoneFacts | None) -> list[str]:
    if facts is None:
        return []
    left_out = f" {len(facts.dropped)} that cannot be held to it were left out." if facts.dropped else ""
    held = (
        f"- A binding can only lower the risk, by constraint on {len(facts.falling)} columns.{left_out} "
        "This is assumed, not learnt: it is no evidence that binding helps."
    )
    return [held, f"- {describe_monotone(facts)}"]


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
            *(_BEFORE_ANCHORING if "anchored" in manifest else ()),
            _held_out(held_out, metrics),
            f"{count(held_out.get('rows'))} customers, {percent(held_out.get('churn_rate'))} churned.",
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


def _intervals(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    facts = manifest["intervals"]
    groups = facts["groups"]
    n_consistent = sum(group["consistent"] for group in groups)
    n_within = sum(group["low"] <= group["observed"] <= group["high"] for group in groups)
    n_rows = min(group["n"] for group in groups)
    whose = "of a later date" if metrics.get("out_of_time") else "of customers no tree had seen"
    rows = [
        f"| {count(group['n'])} | {percent(group['probability'])} | {percent(group['low'])} to "
        f"{percent(group['high'])} | {percent(group['observed'])} | {'no' if group['consistent'] else 'yes'} |"
        for group in groups
    ]
    return "\n".join(
        [
            "## Intervals of the probabilities",
            "",
            *(_BEFORE_ANCHORING if "anchored" in manifest else ()),
            "A probability comes with an interval (Venn-Abers): how well the rate is known of customers whom the model",
            "takes for alike. One customer's own risk may lie outside.",
            f"Of {len(groups)} risk groups {whose}, the observed rate lay within the mean interval in {n_within}; in",
            f"{n_consistent} it is not contradicted, give or take what chance explains (95 %) in groups of {n_rows}",
            f"and more. Mean width: {100 * facts['mean_width']:.1f} points.",
            _widening(facts["widening"]),
            "",
            "| customers | mean probability | mean interval | observed | contradicted |",
            "| --- | --- | --- | --- | --- |",
            *rows,
        ]
    )


def _widening(by: float) -> str:
    if not by:
        return "The stored intervals are not widened."
    return (
        f"The level of churn was off there by more than chance explains: either end of the stored intervals was moved "
        f"by {by:.2f} in log-odds, for what the next year may bring."
    )


def _baselines(manifest: Manifest, baselines: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"| {row['product_coverage']} | {count(row['n'])} | {percent(row['stated'])} | {percent(row['observed'])} "
        f"({percent(row['observed_low'])} to {percent(row['observed_high'])}) | {percent(row['predicted'])} "
        f"| {_verdict(row)} |"
        for row in baselines
    ]
    return "\n".join(
        [
            "## Stated and observed churn by number of products",
            "",
            f"Stated rates are a year's, converted to {manifest.horizon_days} days under a constant hazard.",
            _forced(manifest),
            "",
            "| products | customers | stated | observed (95 %) | predicted | verdict |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
        ]
    )


def _verdict(row: Mapping[str, Any]) -> str:
    # an anchored model may be shown for customers whose outcome lies ahead
    ahead = row["n"] and row["stated"] is not None and row["observed"] is None
    return "no outcome known yet" if ahead else _VERDICTS[row["verdict"]]


def _forced(manifest: Manifest) -> str:
    if manifest.anchored is None:
        return "The model is not forced to them."
    return f"The predictions are the anchored ones, {anchored_on(manifest.anchored)}; they are forced to them."


def _limits(manifest: Mapping[str, Any]) -> str:
    limits = [
        "A contribution (SHAP) says what the model used, not what would change the outcome.",
        "Probabilities hold while customers and their reasons to leave stay the same; watch drift, and train again.",
        "A category or a level of a feature that training did not have is scored as missing.",
        "Trees and schema hold ranges of features and names of categories: treat the folder as bank data.",
    ]
    if "anchored" in manifest:
        limits.append("Anchored probabilities are as right as the stated rates; nothing here measured those.")
    if not manifest.get("out_of_time"):
        limits.append("The metrics above are not out of time: expect worse on customers of a later date.")
    if manifest.get("static"):
        columns = ", ".join(manifest["static"])
        limits.append(
            f"The bank stated that {columns} of its customers never changed: today's value stands for all dates."
        )
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.4f}"


def _interval(estimate: Mapping[str, Any]) -> str:
    if estimate["low"] is None:
        return "–"
    return f"{_number(estimate['low'])} to {_number(estimate['high'])}"
