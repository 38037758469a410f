"""What one asks a model: churn by products held beside what a bank states, and one customer explained."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from churn import errors, threads, timeline
from churn.config import Config, name_of
from churn.data import Data
from churn.evaluation.anchoring import anchor_model
from churn.evaluation.baselines import MIN_ROWS, build_baselines, restate_baselines
from churn.explanation.next_best import CLASS_1_PRODUCT, find_next_steps
from churn.explanation.reasons import Reasons, Stories, explain_reasons
from churn.explanation.shap import base_probability, explain_features, to_points
from churn.explanation.what_if import predict_what_if
from churn.features.feature import Feature, find_products, find_role, find_services
from churn.model import card, documents, storage
from churn.model.storage import StoredModel
from churn.speech import LANGUAGES, Language, Message, Name, Percent, Points, Said, counted, message
from churn.tables.checking import Note


class ComparedBaselines(NamedTuple):
    """Baselines at a date (None of a flat file), and what a reader of them should know."""

    rows: documents.Baselines
    as_of: dt.date | None
    notes: list[Note]


def baselines(
    model: storage.StoredModel, data: Data, as_of: timeline.Date | None = None, *, n_threads: int | None = None
) -> ComparedBaselines:
    """Compare stated, observed and predicted churn by products held: a row for 1, 2, 3, 4, and 5 or more.

    At the held-out snapshot of the data the model was trained on, predictions are those of the model that had not seen
    it; anywhere else, and of an anchored model, they are the model's own.

    Parameters
    ----------
    model
        Of `train` or `read_model`.
    data
        An open bank, or file opened with this model; its configuration states the rates.
    as_of
        Date to compare at; the one that judged the model by default, left out for a file.
    n_threads
        As for `train`.

    Raises
    ------
    TimeRangeError
        The horizon ends after the data do, nobody is in the population, or a date for a file.
    DataError, ConfigError, ModelError
        A file without its label, or data that are not of the kind the model was trained on.
    """
    date = _date_for(model, data, as_of)
    manifest, stated = model.manifest, data.config.baselines.stated
    notes: list[Note] = []
    same_data = {file["sha256"] for file in data.file_facts()} == {file.sha256 for file in manifest.inputs}
    # what an anchored model keeps is of the whole population it was anchored on, this is of those with an outcome
    if same_data and date == manifest.as_of and manifest.anchored is None and _same_labels(data, manifest):
        rows = restate_baselines(model.baselines, stated=stated, horizon_days=manifest.horizon_days)
        return ComparedBaselines(rows, date, notes)
    if date is not None and same_data and date in manifest.snapshots:
        said = message(
            "the model was trained on {as_of} of these data; its predictions there are not held out", as_of=date
        )
        notes.append(Note(False, said))
    snapshot = data.labelled(date, manifest.horizon_days)
    if snapshot.product_coverage is None:
        said = message("product coverage is not known, so no customer is in the table; name its column in [flat]")
        notes.append(Note(False, said))
    with threads.use_threads(n_threads):
        prediction = model.model.predict(snapshot.features)
    rows = build_baselines(
        snapshot.product_coverage,
        snapshot.churned if snapshot.churned is not None else [],
        prediction.probability,
        stated=stated,
        horizon_days=manifest.horizon_days,
    )
    return ComparedBaselines(rows, date, notes)


def anchor(
    model: storage.StoredModel, data: Data, as_of: timeline.Date | None = None, *, n_threads: int | None = None
) -> storage.StoredModel:
    """Shift a model so that its mean prediction for each number of products is the rate a bank states for it.

    It needs no outcomes: everybody in the population at the date counts, whether or not theirs is known. Give the date
    at which customers will be scored: the means hold there. What speaks against it, `anchoring_warnings` says.

    Parameters
    ----------
    model, data, n_threads
        As for `baselines`; rates are those of the data's configuration.
    as_of
        Date of the population; the one that judged the model by default, left out for a file.

    Raises
    ------
    TimeRangeError
        The date lies too far after the data end, nobody is in the population, or a date for a file.
    DataError
        Product coverage is not known, or nobody holds a number of products that a rate is stated for.
    ConfigError, ModelError
        As for `baselines`.
    """
    date = _date_for(model, data, as_of)
    feature = data.coverage_column
    people, labelled = data.everybody(date, model.manifest.horizon_days)
    with threads.use_threads(n_threads):
        return anchor_model(
            model,
            people,
            labelled=labelled,
            stated=data.config.baselines.stated,
            feature=feature,
            inputs=data.file_facts(),
            where=f"{data.coverage_place}: anchoring",
        )


def anchoring_warnings(model: storage.StoredModel) -> list[Note]:
    """Say what speaks against an anchoring: outcomes, customers left out, few of them; nothing of any other model."""
    anchored = model.manifest.anchored
    if anchored is None:
        return []
    departures = [
        message("{departure}; the model is anchored all the same, see its card", departure=line)
        for line in card.describe_departures(anchored)
    ]
    few = [
        counted(
            "coverage {bucket} is anchored on the mean of 1 customer alone",
            "coverage {bucket} is anchored on the mean of {n} customers alone",
            row.n,
            bucket=str(row.product_coverage),
        )
        for row in anchored.buckets
        if row.taken_from is None and row.n < MIN_ROWS
    ]
    found: list[Said] = [*departures, *card.describe_gaps(anchored), *few]
    return [Note(True, said) for said in found]


def _date_for(model: storage.StoredModel, data: Data, as_of: timeline.Date | None) -> dt.date | None:
    """Hold the data against the model, and return the date to compare at."""
    date = (model.manifest.as_of if data.is_dated else None) if as_of is None else timeline.as_date(as_of)
    data.require_model(model, date)
    return date


def _same_labels(data: Data, manifest: documents.Manifest) -> bool:
    """Whether outcomes are what they were in training: the same parts of the label, up to the same day."""
    ours, theirs = data.facts([]), manifest.data_end
    return ours.get("label") == manifest.label and ours.get("data_end") == (theirs and theirs.isoformat())


Changes = Mapping[str, bool]
_NONE: Changes = MappingProxyType({})


class NextStep(NamedTuple):
    """What to offer one customer next.

    Attributes
    ----------
    binding
        A service to bind; None where none can be.
    effect
        Change of the churn probability by it, negative = less churn; None where no effect is claimed.
    product
        A product to open first; None where a binding is named or everything is held.
    needs_class_1
        Whether what is lacking of the product is an account of class 1.
    """

    binding: str | None
    effect: float | None
    product: str | None
    needs_class_1: bool


class Answer(NamedTuple):
    """What the model says before and after a change, in [0, 1], and whether it is one; not the effect of the change."""

    before: float
    after: float
    is_change: bool


@dataclass(frozen=True, kw_only=True)
class ExplainedCustomer:
    """One customer explained.

    Attributes
    ----------
    customer_id, as_of
        Who, and at which date; None for a flat file.
    probability, base_rate
        Churn probability within the horizon, and the model's base value, calibrated, in [0, 1].
    points
        What each feature adds to the base value, in probability (0.01 is one point); together `probability`.
    values
        The customer's own value of each feature.
    catalogue, config
        What the features are, and what services and products are called.
    reasons
        What raises the risk and what holds it down.
    next_step
        What to offer next.
    what_if
        The model's answer to the change asked for; None where none was.
    """

    customer_id: str
    as_of: dt.date | None
    probability: float
    base_rate: float
    points: Mapping[str, float]
    values: Mapping[str, Any]
    catalogue: tuple[Feature, ...]
    config: Config
    reasons: Reasons
    next_step: NextStep
    what_if: Answer | None

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values, reasons in words; what `churn explain --customer --json` prints."""
        answer, step = self.what_if, self.next_step
        raising, holding = map(_in_words, self.reasons)
        return {
            "churn_probability": self.probability,
            "base_rate": self.base_rate,
            "points": dict(self.points),
            **{f"raises_{language}": [getattr(one, language) for one in raising] for language in LANGUAGES},
            **{f"holds_{language}": [getattr(one, language) for one in holding] for language in LANGUAGES},
            "next_binding": step.binding,
            "next_binding_effect": step.effect,
            "next_product": step.product,
            "what_if": {"before": answer.before, "after": answer.after} if answer else None,
        }

    def plot(self, path: Path | str, language: Language = "en") -> None:
        """Draw what moves the probability away from the base value, as PNG; errors as of `plot_waterfall`."""
        from churn.charts.waterfall import plot_waterfall  # only here: matplotlib takes a third of a second

        plot_waterfall(
            self.points,
            self.values,
            base_rate=self.base_rate,
            probability=self.probability,
            catalogue=self.catalogue,
            path=Path(path),
            language=language,
        )

    def sentences(self) -> Iterator[Said]:
        """Say why the risk is what it is, what to do next, and what the model would say of the change."""
        yield from (message("raises the risk: {text}", text=text) for text in _in_words(self.reasons.raising))
        yield from (message("holds it down: {text}", text=text) for text in _in_words(self.reasons.holding))
        if self.next_step.binding is not None or self.next_step.product is not None:
            yield _tell_step(self.next_step, self.config)
        if self.what_if is not None:
            yield _tell_answer(self.what_if)


def explain_customer(
    model: StoredModel,
    data: Data,
    customer_id: str,
    as_of: timeline.Date | None = None,
    *,
    bindings: Changes = _NONE,
    products: Changes = _NONE,
) -> ExplainedCustomer:
    """Say why one customer's risk is what it is, what to offer next, and what the model would say of a change.

    Parameters
    ----------
    model
        Of `train` or `read_model`.
    data
        An open bank, or file opened with this model.
    customer_id
        Who.
    as_of
        Date to explain at; left out for a file.
    bindings, products
        What if: service to whether it were bound, product to whether it were held.

    Raises
    ------
    DataError
        The customer is not in the population at that date, or does not hold the product that a service needs.
    TimeRangeError, ConfigError, ModelError
        As for `churn.score`; or a service or product that is not known.
    """
    date = None if as_of is None else timeline.as_date(as_of)
    data.require_model(model, date)
    snapshot = data.customer(customer_id, date)
    fitted = model.model
    with threads.use_threads(1):
        shap = explain_features(fitted, snapshot.features)  # refuses, by name, columns that are not there
        features = snapshot.features[list(fitted.schema.names)]
        probability = fitted.predict(features).probability
        base = base_probability(fitted, features, shap)
    points = to_points(shap.values, base, probability)[0]
    return ExplainedCustomer(
        customer_id=customer_id,
        as_of=date,
        probability=float(probability[0]),
        base_rate=float(base[0]),
        points=dict(zip(features.columns, points.tolist(), strict=True)),
        values={str(name): value for name, value in features.iloc[0].items()},
        catalogue=data.catalogue,
        config=data.config,
        reasons=explain_reasons(shap.values, features, data.catalogue),
        next_step=_next_step(model, data, features, float(probability[0]), date),
        what_if=_ask(model, data, features, bindings, products) if bindings or products else None,
    )


def _next_step(
    model: StoredModel, data: Data, features: pd.DataFrame, probability: float, as_of: dt.date | None
) -> NextStep:
    advice, risk = model.effects.services, np.array([probability])
    steps = find_next_steps(features, risk, advice, data.catalogue, classes_known=data.classes_known(as_of))
    effect, product = float(steps.effect[0]), steps.product[0]
    # A debit card may be held already, of another class.
    class_1 = find_role(data.catalogue, "class_1")
    lacks = class_1 is not None and class_1.name in features and features[class_1.name].iloc[0] == 0
    return NextStep(
        steps.binding[0], None if np.isnan(effect) else effect, product, bool(lacks and product == CLASS_1_PRODUCT)
    )


def _ask(model: StoredModel, data: Data, features: pd.DataFrame, bindings: Changes, products: Changes) -> Answer:
    _require_products(features, data.catalogue, bindings, products)
    with threads.use_threads(1):
        answer = predict_what_if(model.model, features, data.catalogue, bindings=bindings, products=products)
    return Answer(float(answer.before[0]), float(answer.after[0]), not answer.features.equals(features))


def _require_products(
    features: pd.DataFrame, catalogue: tuple[Feature, ...], bindings: Changes, products: Changes
) -> None:
    """Refuse to bind a service whose product the customer does not hold, in words about this one customer."""
    services, held = find_services(catalogue), find_products(catalogue)
    for name in (name for name, is_bound in bindings.items() if is_bound and name in services):
        product = services[name].product
        column = held.get(product) if product else None
        if column and column.name in features and features[column.name].iloc[0] != 1 and product not in products:
            raise errors.DataError(f"--bind {name}: this customer does not hold {product}; add --open {product}")


def _tell_step(step: NextStep, config: Config) -> Message:
    if step.binding is None:
        name = name_of(str(step.product), config.products)
        if step.needs_class_1:
            return message("next to open: {name} with a class-1 account", name=name)
        return message("next to open: {name}", name=name)
    name = name_of(step.binding, config.services)
    if step.effect is None:
        return message("next to bind: {name}", name=name)
    return message(
        "next to bind: {name}, estimated change of the churn probability {points} points",
        name=name,
        points=Points(step.effect),
    )


def _tell_answer(answer: Answer) -> Message:
    if not answer.is_change:
        return message("the model's answer: nothing changes, all this is so already")
    return message(
        "the model's answer: {before} → {after} (not the effect of the change)",
        before=Percent(answer.before),
        after=Percent(answer.after),
    )


def _in_words(stories: Stories) -> list[Name]:
    """Put the stories of the one customer into words of every language."""
    texts = zip(*(stories.words(language)[0] for language in LANGUAGES), strict=True)
    return [Name(en, zh) for en, zh in texts if en is not None]
