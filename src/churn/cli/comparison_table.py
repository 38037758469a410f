"""How a comparison is shown: one table that decides, and what lies behind the decision."""

from collections.abc import Sequence

import click

from churn.cli.console import print_table
from churn.estimates import Estimate
from churn.evaluation.backtest import Backtest
from churn.evaluation.comparison import Comparison
from churn.evaluation.judged import Judged
from churn.evaluation.promotion import find_test
from churn.evaluation.segments import evaluate_segments, name_failures

SIGNIFICANT = 0.05
BETTER, WORSE = "▲", "▼"
_COLUMNS = {
    "roc_auc": ("ROC-AUC", 4),
    "average_precision": ("avg. precision", 4),
    "log_loss": ("log loss", 4),
    "brier_score": ("Brier", 4),
    "ece": ("ECE", 4),
    "calibration_slope": ("slope", 3),
    "calibration_intercept": ("intercept", 3),
    "top_decile_lift": ("lift 10 %", 2),
    "top_decile_lift_share": ("of max.", 3),
    "empc": ("EMPC", 2),
    "campaign_profit": ("profit", 2),
}


def print_comparison(
    comparison: Comparison, reference: str, found: Backtest, *, title: str, with_intervals: bool = False
) -> None:
    """Print every model's metrics, best ROC-AUC first, marked where they differ from the reference beyond noise."""
    order = best_ranked(comparison)
    rows = [
        (
            name,
            *(_cell(comparison, metric, name, reference, digits) for metric, (_, digits) in _COLUMNS.items()),
            f"{found.seconds[name]:.1f}",
        )
        for name in order
    ]
    columns = ("model", *(heading for heading, _ in _COLUMNS.values()), "seconds")
    print_table(title, columns, rows, left=("model",))
    click.echo(
        f"{BETTER} better, {WORSE} worse than {reference} beyond noise (p < {SIGNIFICANT}; ROC-AUC: DeLong, all else: "
        "customers resampled). EMPC and profit: per customer, at the costs of [campaign]."
    )
    if with_intervals:
        _print_intervals(comparison, order)
    _print_differences(comparison, reference)
    _print_failures(found.judged, order[0])


def best_ranked(comparison: Comparison) -> list[str]:
    """Return the models' names, the largest ROC-AUC first."""
    return sorted(comparison.models, key=lambda name: -(comparison.models[name]["roc_auc"].value or 0.0))


def _print_intervals(comparison: Comparison, order: Sequence[str]) -> None:
    rows = []
    for metric, (heading, digits) in _COLUMNS.items():
        for name in order:
            value, low, high = comparison.models[name].get(metric, Estimate(None, None, None))
            shown = ["–" if number is None else f"{number:.{digits}f}" for number in (value, low, high)]
            rows.append((heading, name, *shown))
    print_table("95 % intervals", ("metric", "model", "value", "low", "high"), rows, left=("metric", "model"))


def _cell(comparison: Comparison, metric: str, name: str, reference: str, digits: int) -> str:
    estimate = comparison.models[name].get(metric, Estimate(None, None, None))
    if estimate.value is None:
        return "–"
    test = find_test(comparison, metric, name, reference)
    mark = ""
    if test is not None and test.p_value is not None and test.p_value < SIGNIFICANT:
        mark = BETTER if test.better == name else WORSE
    return f"{estimate.value:.{digits}f}{mark or ' '}"


def _print_differences(comparison: Comparison, reference: str) -> None:
    rows = []
    for name in comparison.models:
        test = find_test(comparison, "roc_auc", name, reference)
        if test is None:
            continue
        sign = 1 if test.better == name else -1
        low, high = sorted((sign * (test.low or 0.0), sign * (test.high or 0.0)))
        p_value = "–" if test.p_value is None else f"{test.p_value:.3g}"
        rows.append((name, f"{sign * test.difference:+.4f}", f"{low:+.4f} to {high:+.4f}", p_value))
    print_table(f"ROC-AUC against {reference}", ("model", "difference", "95 % interval", "p"), rows, left=("model",))


def _print_failures(judged: Judged, model: str) -> None:
    failures: Sequence[str] = name_failures(evaluate_segments(judged, model))
    for sentence in failures:
        click.echo(f"{model}: {sentence}")
    if not failures:
        click.echo(f"{model} fails in no segment of {', '.join(map(str, judged.segments)) or 'none known'}.")
