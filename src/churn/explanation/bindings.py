"""The bindings table: SHAP, raw difference and estimated effect of each service, graded where the truth is known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from churn.config import Config, EffectSettings
from churn.errors import DataError, ExplanationError
from churn.estimates import UNKNOWN, Estimate
from churn.explanation.effects import ServiceEffect
from churn.explanation.survey import Contrast, Seen
from churn.explanation.verdict import EVIDENCE, VERDICTS, explain_verdict, judge
from churn.model.documents import Evidence, Verdict
from churn.speech import Name, Said, say

Grade = Literal["right", "wrong", "open"]
GROUPS = {"bound": "att", "unbound": "atu", "itt": "itt", "late": "late"}
_ORDER: Mapping[Verdict, int] = {"cuts": 0, "suggests": 1, "no_effect": 2, "cannot_tell": 3, "raises": 4}


@dataclass(frozen=True, kw_only=True)
class BindingRow:
    """One service among the customers who could bind it.

    Differences and effects are changes of the churn probability within the horizon, in [-1, 1], negative = less
    churn; None where not known. Intervals are of 95 %.

    Attributes
    ----------
    service
        Its name in the catalogue.
    n_eligible, n_bound
        Customers with its product open, and those of them who bound it.
    shap
        The model's view of it, with and without it.
    raw
        Churn, bound minus not bound.
    att
        Observational estimate for those who have it.
    atu
        Observational estimate for those who do not have it yet.
    bounds
        Of `atu`, its interval included, under a hidden driver of the declared strength; they have no value between.
    itt
        Randomised offers: effect of being offered the service.
    late
        Randomised offers: effect of binding on those who took the offer up within 31 days.
    expected
        What is to be expected of that effect, by the offers of all services.
    n_offered
        Customers in randomised offers whose horizon is complete.
    evidence
        Which of the two drives the verdict.
    robustness_value
        Strength, as a share of residual variance, a hidden driver needs to explain `atu` away, in [0, 1].
    overlap_share
        Share of the settled eligible whose chance to have bound it is neither near 0 nor near 1.
    controls_passed
        Whether the placebo and the negative controls found nothing; None where none could be run.
    verdict, text
        The conclusion for a manager.
    """

    service: str
    n_eligible: int
    n_bound: int
    shap: Contrast
    raw: Estimate
    att: Estimate
    atu: Estimate
    bounds: Estimate
    itt: Estimate
    late: Estimate
    expected: Estimate
    n_offered: int
    evidence: Evidence
    robustness_value: float | None
    overlap_share: float | None
    controls_passed: bool | None
    verdict: Verdict
    text: Said

    @property
    def leading(self) -> Estimate:
        """The estimate that the verdict rests on; unknown where it rests on none."""
        return {"randomised": self.expected, "observational": self.atu, "none": UNKNOWN}[self.evidence]


_MOST = 10**12
"""Customers, and the largest number of any column: every one can be printed and drawn."""
_WHOLE = ("n_eligible", "n_bound", "n_offered")
_PLAIN = ("service", *_WHOLE, "evidence", "robustness_value", "overlap_share", "controls_passed", "verdict")
"""Columns that are fields of the same name."""
_ESTIMATES = {
    "raw": ("raw_difference", "raw_low", "raw_high"),
    "att": ("effect_att", "effect_att_low", "effect_att_high"),
    "atu": ("effect_atu", "effect_atu_low", "effect_atu_high"),
    "bounds": ("", "bound_low", "bound_high"),
    "itt": ("itt", "itt_low", "itt_high"),
    "late": ("late", "late_low", "late_high"),
    "expected": ("expected_effect", "expected_low", "expected_high"),
}
"""Columns of the value and the ends of each estimate, by its field."""
_SHAP = ("shap_bound", "shap_unbound", "shap_contrast_log_odds", "shap_contrast_points", "shap_low", "shap_high")
FIELDS = (
    *("service", "n_eligible", "n_bound", *_SHAP),
    *(column for columns in _ESTIMATES.values() for column in columns if column),
    *("n_offered", "evidence", "robustness_value", "overlap_share", "controls_passed", "verdict", "text_en", "text_zh"),
)
"""Columns of the table where it is flat: in `bindings.json`, in `bindings.csv`, and as a DataFrame."""


def service_names(config: Config) -> dict[str, Name]:
    """Return English and Chinese names by service; a flat file's columns stand under their own."""
    if config.flat is not None:
        return {name: Name(name, name) for name in config.flat.bindings}
    return {name: service.name for name, service in config.services.items()}


def build_bindings(
    effects: Sequence[ServiceEffect], seen: Mapping[str, Seen], names: Mapping[str, Name], settings: EffectSettings
) -> list[BindingRow]:
    """Put everything known of each service side by side, ranked by what binding would do.

    First what cuts, by the size of the effect, then what may, then what does nothing, then what the data cannot say (by
    the estimate all the same), last what raises.

    Parameters
    ----------
    effects
        One per service.
    seen
        By service.
    names
        English and Chinese name by service.
    """
    rows = [_row(effect, seen[effect.service], settings, names[effect.service]) for effect in effects]
    return sorted(rows, key=_rank)


def flatten(row: BindingRow) -> dict[str, Any]:
    """Give a row as the table is written: the columns of `FIELDS` in their order, None where not known."""
    found: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    found |= zip(_SHAP, (row.shap.bound, row.shap.unbound, row.shap.log_odds, *row.shap.points), strict=True)
    for name, columns in _ESTIMATES.items():
        found |= zip(columns, getattr(row, name), strict=True)
    found |= {"text_en": say(row.text, "en"), "text_zh": say(row.text, "zh")}
    return {column: found[column] for column in FIELDS}


def _require_kind(column: str, value: Any) -> None:
    """Refuse a cell that `flatten` would not give: strings, whole counts, else numbers or None."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST
    match column:
        case "service" | "evidence" | "verdict" | "text_en" | "text_zh":
            fits = isinstance(value, str)
        case "controls_passed":
            fits = value is None or isinstance(value, bool)
        case "n_eligible" | "n_bound" | "n_offered":
            fits = is_number and value >= 0 and value == int(value)
        case _:
            fits = value is None or is_number
    if not fits:
        raise ValueError(f"{column}: not what the bindings table has there")


def unflatten(record: Mapping[str, Any]) -> BindingRow:
    """Take a row from what `flatten` gave, or from what was read of it.

    Raises
    ------
    ValueError, TypeError
        It is none.
    """
    if set(record) != set(FIELDS) or record["verdict"] not in VERDICTS or record["evidence"] not in EVIDENCE:
        raise ValueError("not a row of the bindings table")
    for column, value in record.items():
        _require_kind(column, value)
    bound, unbound, log_odds, value, low, high = (record[column] for column in _SHAP)
    estimates: dict[str, Any] = {
        name: Estimate(record.get(middle), record[bottom], record[top])
        for name, (middle, bottom, top) in _ESTIMATES.items()
    }
    return BindingRow(
        shap=Contrast(bound, unbound, log_odds, Estimate(value, low, high)),
        text=Name(record["text_en"], record["text_zh"]),
        **{name: record[name] for name in _PLAIN},
        **estimates,
    )


def bindings_frame(rows: Iterable[BindingRow]) -> pd.DataFrame:
    """Return rows as a DataFrame in their order; what is None is missing."""
    return pd.DataFrame([flatten(row) for row in rows], columns=list(FIELDS))


def binding_rows(table: pd.DataFrame) -> list[BindingRow]:
    """Return the rows of a DataFrame of `bindings_frame`, some of them, or in another order.

    Raises
    ------
    ExplanationError
        A column is missing.

    Examples
    --------
    >>> binding_rows(bindings_frame([]))
    []
    """
    if missing := [name for name in FIELDS if name not in table]:
        raise ExplanationError(f"bindings: column {missing[0]} is missing; give the table of explain_bindings")
    return [unflatten(_cells(record)) for record in table[list(FIELDS)].to_dict("records")]


def _cells(record: Mapping[Any, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {str(name): None if pd.isna(value) else value for name, value in record.items()}
    passed = known["controls_passed"]
    whole = {name: int(known[name]) for name in _WHOLE}
    return known | whole | {"controls_passed": None if passed is None else bool(passed)}


def _rank(row: BindingRow) -> tuple[int, float]:
    value = row.leading.value
    return _ORDER[row.verdict], np.inf if value is None else value


def _row(effect: ServiceEffect, seen: Seen, settings: EffectSettings, name: Name) -> BindingRow:
    judged = judge(effect, settings)
    found, offer = effect.observational, effect.offer
    return BindingRow(
        service=effect.service,
        n_eligible=seen.n_eligible,
        n_bound=seen.n_bound,
        shap=seen.contrast,
        raw=effect.raw,
        att=found.att if found else UNKNOWN,
        atu=found.atu if found else UNKNOWN,
        bounds=Estimate(None, found.bound_low, found.bound_high) if found else UNKNOWN,
        itt=offer.itt if offer else UNKNOWN,
        late=offer.late if offer else UNKNOWN,
        expected=effect.expected,
        n_offered=offer.n if offer else 0,
        evidence=judged.evidence,
        robustness_value=found.robustness_value if found else None,
        overlap_share=found.overlap_share if found else None,
        controls_passed=all(control.passed for control in effect.controls) if effect.controls else None,
        verdict=judged.verdict,
        text=explain_verdict(effect, judged, settings, name),
    )


_GRADED = ("att", "atu", "itt", "late")


class Graded(NamedTuple):
    """The truth about one service, and how the table did.

    Attributes
    ----------
    service
        Its name.
    truth
        By effect (att, atu, itt, late): the true one as a change of the churn probability; None where it is not known.
    covered
        By effect: whether the estimate's interval holds the truth; None without either.
    grade
        "open" where the verdict claims nothing.
    """

    service: str
    truth: Mapping[str, float | None]
    covered: Mapping[str, bool | None]
    grade: Grade

    def to_json(self) -> dict[str, Any]:
        """Give it as a row of `truth.json`: `att`, `atu`, `itt`, `late`, and whether each is covered."""
        covered = {f"{name}_covered": held for name, held in self.covered.items()}
        return {"service": self.service, **self.truth, **covered, "grade": self.grade}


def read_truth(folder: Path) -> dict[str, dict[str, float]]:
    """Read a simulated bank's true effects: att, atu, itt and late by service, offers pooled by their size.

    Raises
    ------
    DataError
        The folder or one of its files is not there, or is damaged.
    """
    found: dict[str, dict[str, float]] = {}
    for name in ("effects.parquet", "campaigns.parquet"):
        path = folder / name
        try:
            rows = pd.read_parquet(path, columns=["service", "group", "n", "effect"])
            rows = rows.astype({"n": float, "effect": float})
        except (OSError, ValueError) as error:
            wrong = f"{path}: no true effects are there; --truth is for banks made by churn simulate"
            raise DataError(wrong) from error
        rows = rows[rows["group"].isin(GROUPS) & rows["effect"].notna()]
        for (service, group), part in rows.groupby(["service", "group"]):
            weighted = float((part["n"] * part["effect"]).sum() / part["n"].sum())
            found.setdefault(str(service), {})[GROUPS[str(group)]] = weighted
    return found


def grade_bindings(rows: Sequence[BindingRow], truth: dict[str, dict[str, float]], worthwhile: float) -> list[Graded]:
    """Grade each row.

    Cuts and suggests are right where the true effect on those who bind (LATE where offers were made, else ATU) is
    below zero, raises where it is above, no effect where it is smaller than `worthwhile` either way.
    """
    graded = []
    for row in rows:
        true = {name: truth.get(row.service, {}).get(name) for name in _GRADED}
        covered = {name: _covers(true[name], getattr(row, name)) for name in _GRADED}
        grade = _judge(row, true["late" if row.evidence == "randomised" else "atu"], worthwhile)
        graded.append(Graded(row.service, true, covered, grade))
    return graded


def _covers(truth: float | None, estimate: Estimate) -> bool | None:
    _, low, high = estimate
    return None if truth is None or low is None or high is None else low <= truth <= high


def _judge(row: BindingRow, truth: float | None, worthwhile: float) -> Grade:
    if truth is None or row.verdict == "cannot_tell":
        return "open"
    right = {"cuts": truth < 0, "suggests": truth < 0, "raises": truth > 0, "no_effect": abs(truth) < worthwhile}
    return "right" if right[row.verdict] else "wrong"
