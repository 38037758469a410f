"""Parts of the model card for those who answer for a model: who may use it, where it fails, how it is watched.

Model-risk guidance (SR 26-2 / OCC 2026-13, April 2026, in place of SR 11-7) asks of a bank's models that they be
documented, validated by somebody else than their makers, challenged and monitored. The card gives the facts for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from churn.model.anchoring_card import count, percent

RETRAIN_AFTER_DAYS = 365
"""A model older than a year has not seen a whole year of outcomes that is known by now."""
_VERDICTS = {"holds": "holds", "fails": "FAILS", "too_few": "too few to say"}


def users_section() -> str:
    """Say who may use the model, and for what."""
    return "\n".join(
        [
            "## Who may use it",
            "",
            "- Relationship managers and their branches: whom to call and meet first, and what to talk about.",
            "- Operations: scoring customer files; only of customers like those it was trained on (see Data).",
            "- Data scientists and model validation: comparing, challenging and monitoring.",
            "- Nobody: for credit, pricing, closing accounts, or judging an employee.",
            "",
            "Scores are personal data about people's finances: keep them as short as the work needs, and leave out of",
            "marketing whoever refused it (`do_not_contact`; in China PIPL, Articles 19, 24 and 28).",
        ]
    )


def segments_section(manifest: Mapping[str, Any]) -> str:
    """Show how the judged model did in each group of customers, those in which it failed first named.

    Parameters
    ----------
    manifest
        As in `manifest.json`; its held-out rows have segments.
    """
    held_out = manifest["held_out"]
    failures: Sequence[str] = held_out["failures"]
    named = [f"- {sentence}" for sentence in failures] or ["It failed in none of them."]
    rows = [_segment(segment) for segment in held_out["segments"]]
    return "\n".join(
        [
            "## Groups of customers",
            "",
            "A group fails where predicted and observed churn differ by 5 points or more, beyond noise corrected for",
            "the number of groups, or where the model hardly ranks its customers (ROC-AUC surely below 0.55).",
            "",
            *named,
            "",
            "| group | customers | observed (95 %) | predicted | ROC-AUC (95 %) | verdict |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
        ]
    )


def _segment(segment: Mapping[str, Any]) -> str:
    observed, area = segment["observed"], segment["roc_auc"]
    value = "not known" if segment["value"] is None else str(segment["value"]).replace("|", "\\|")
    shown = "–" if area["value"] is None else f"{area['value']:.3f}"
    if area["low"] is not None:
        shown += f" ({area['low']:.3f} to {area['high']:.3f})"
    return (
        f"| {segment['segmentation']} {value} | {count(segment['n'])} | {percent(observed['value'])} "
        f"({percent(observed['low'])} to {percent(observed['high'])}) | {percent(segment['predicted'])} | {shown} "
        f"| {_VERDICTS[segment['verdict']]} |"
    )


def monitoring_section(manifest: Mapping[str, Any]) -> str:
    """Say how the model is watched, challenged and replaced.

    Parameters
    ----------
    manifest
        As in `manifest.json`.
    """
    horizon = manifest["horizon_days"]
    return "\n".join(
        [
            "## How to watch and challenge it",
            "",
            f"- Its predictions can be judged {horizon} days after they were made. Until then watch the distribution",
            "  of the scores, and how many customers, unseen categories and rows left out the manifest of every score",
            "  file counts.",
            "- Once outcomes are in, run `churn baselines DATA --model MODEL --as-of DATE`: stated, observed and",
            "  predicted churn by products held, with intervals.",
            "- `churn compare DATA --promote` challenges it with every other learner over rolling snapshots; another",
            "  model takes its place only if it ranks better beyond noise and is calibrated as well.",
            "  `churn champion --back` undoes that.",
            f"- Train again at the latest {RETRAIN_AFTER_DAYS} days after the last snapshot, and after any change of",
            "  products, of what counts as leaving, or of the tables.",
            "- Validation by somebody other than the maker, before first use and after each change, is the bank's own",
            "  duty (in the United States: SR 26-2). Metrics, intervals, groups and data hashes for it are here.",
        ]
    )
