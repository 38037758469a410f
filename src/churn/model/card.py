"""The model card: the stored documents as one page for people; it computes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

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
_BASES = {"stated": "stated", "between": "between its stated neighbours", "neighbour": "shifted like {taken_from}"}
_BEFORE_ANCHORING = (
    "**Before anchoring.** These figures judge the model as it was trained. They do not describe the anchored",
    "probabilities, neither their level nor, across numbers of products, their order.",
    "",
)


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
        *([_anchoring(manifest)] if "anchored" in manifest else []),
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
        *_monotone(manifest),
    ]
    return "## Data\n\n" + "\n".join(lines)


def _monotone(manifest: Mapping[str, Any]) -> list[str]:
    if "monotone" not in manifest:
        return []
    facts = manifest["monotone"]
    left_out = f" {len(facts['dropped'])} that cannot be held to it were left out." if facts["dropped"] else ""
    held = (
        f"- A binding can only lower the risk, by constraint on {len(facts['falling'])} columns.{left_out} "
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


def describe_departures(anchored: Mapping[str, Any]) -> list[str]:
    """Say, a line each, where the bank's own reliable outcomes contradict a rate the model was anchored to.

    Reliable is an interval that leaves the stated rate out, of a bucket with enough outcomes: the verdict "departs".

    Parameters
    ----------
    anchored
        ``manifest["anchored"]``.

    Examples
    --------
    >>> row = {"product_coverage": 1, "stated": 0.62, "observed": 0.4, "observed_low": 0.38, "observed_high": 0.42}
    >>> describe_departures({"evidence": {"as_of": None, "buckets": [row | {"verdict": "departs"}]}})
    ['with 1 product 40.0 % left (38.0 % to 42.0 %, 95 %), stated is 62.0 %']
    """
    evidence = anchored["evidence"]
    when = f" from {evidence['as_of']} on" if evidence["as_of"] else ""
    return [
        f"with {_products(row['product_coverage'])} {_percent(row['observed'])} left{when} "
        f"({_percent(row['observed_low'])} to {_percent(row['observed_high'])}, 95 %), "
        f"stated is {_percent(row['stated'])}"
        for row in evidence["buckets"]
        if row["verdict"] == "departs"
    ]


def _products(coverage: int | str) -> str:
    return f"{coverage} product" if coverage == 1 else f"{coverage} products"


def _anchoring(manifest: Mapping[str, Any]) -> str:
    anchored = manifest["anchored"]
    rows = [
        f"| {row['product_coverage']} | {_count(row['n'])} | {_percent(row['predicted_before'])} "
        f"| {_percent(row['target'])} | {_BASES[row['basis']].format(**row)} | {row['shift']:+.3f} "
        f"| {_percent(row['predicted'])} |"
        for row in anchored["buckets"]
    ]
    done = (
        "After training, probabilities were anchored to the rates the bank states: the log-odds of all customers with "
        "the same number of products were shifted alike, until their mean was the rate asked for. This was done "
        f"{_anchored_on(anchored)}, without any outcome. The order among customers with the same number of products "
        "is as it was. At another date, or for other customers, the means are no longer exactly these."
    )
    lines = [
        "## Anchoring",
        "",
        done,
        "",
        "| products | customers | predicted before | asked for | why | shift | predicted |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        f"Risk bands are multiples of the mean anchored rate, {_percent(anchored['mean_predicted'])}.",
        "",
        *_departures(anchored),
    ]
    return "\n".join(lines)


def _anchored_on(anchored: Mapping[str, Any]) -> str:
    when = f"as of {anchored['as_of']}" if anchored["as_of"] else "of one flat file"
    return f"on {_count(anchored['rows'])} customers {when}"


def _departures(anchored: Mapping[str, Any]) -> list[str]:
    lines = describe_departures(anchored)
    if not lines:
        verdicts = [row["verdict"] for row in anchored["evidence"]["buckets"] if row["verdict"] != "not_stated"]
        held = f"{verdicts.count('agrees')} of {len(verdicts)} could be held against enough of them"
        return [f"The bank's own outcomes contradict none of the stated rates; {held}."]
    doubt = (
        "Either those outcomes are no fair picture of the year to come, or the stated rates are wrong for this bank "
        "and these probabilities with them. The outcomes alone cannot say which."
    )
    head = "**The bank's own outcomes contradict what it was anchored to:**"
    return [head, "", *(f"- {line}" for line in lines), "", doubt]


def _baselines(manifest: Mapping[str, Any], baselines: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"| {row['product_coverage']} | {_count(row['n'])} | {_percent(row['stated'])} | {_percent(row['observed'])} "
        f"({_percent(row['observed_low'])} to {_percent(row['observed_high'])}) | {_percent(row['predicted'])} "
        f"| {_verdict(row)} |"
        for row in baselines
    ]
    return "\n".join(
        [
            "## Stated and observed churn by number of products",
            "",
            f"Stated rates are a year's, converted to {manifest['horizon_days']} days under a constant hazard.",
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


def _forced(manifest: Mapping[str, Any]) -> str:
    if "anchored" not in manifest:
        return "The model is not forced to them."
    return f"The predictions are the anchored ones, {_anchored_on(manifest['anchored'])}; they are forced to them."


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
