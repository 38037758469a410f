"""One customer explained: `churn explain --customer`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pandas as pd

from churn import threads
from churn.charts.waterfall import plot_waterfall
from churn.cli.console import note, percent, print_json, print_table
from churn.data import Data
from churn.errors import DataError
from churn.explanation.next_best import (
    CLASS_1_PRODUCT,
    NextSteps,
    find_next_steps,
)
from churn.explanation.reasons.telling import Reasons, explain_reasons
from churn.explanation.shap import base_probability, explain_features, to_points
from churn.explanation.what_if import predict_what_if
from churn.features.feature import Feature, find_products, find_role, find_services, meaning_of, value_of
from churn.files import require_writable_file
from churn.frame import Snapshot
from churn.model.storage import StoredModel
from churn.speech import LANGUAGES, Language, Points, isolate, say

N_SHOWN = 10
_TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("Churn probability {p}, from the model's base value of {base}", "流失概率 {p}，基准为 {base}"),
    "columns": ("feature|value|points", "特征|取值|百分点"),
    "raises": ("raises the risk: {text}", "推高风险：{text}"),
    "holds": ("holds it down: {text}", "降低风险：{text}"),
    "bind": ("next to bind: {name}{effect}", "建议绑定：{name}{effect}"),
    "open": ("next to open: {name}", "建议先办理：{name}"),
    "open_class_1": ("next to open: {name} with a class-1 account", "建议先办理：{name}（I 类账户）"),
    "effect": (", estimated change of the churn probability {points} points", "，预计流失概率变化 {points} 个百分点"),
    "what_if": (
        "what the model would say: {before} → {after} (its answer, not the effect of the change)",
        "模型的回答：{before} → {after}（不是因果效应）",
    ),
    "already": ("what the model would say: nothing new, all this is so already", "模型的回答：无变化，客户已是如此"),
}


class Explained(NamedTuple):
    """One customer: probability and base rate in [0, 1], contributions to it by feature, reasons, next step."""

    probability: float
    base_rate: float
    points: dict[str, float]
    values: dict[str, Any]
    reasons: Reasons
    steps: NextSteps


def explain_customer(
    snapshot: Snapshot,
    data: Data,
    stored: StoredModel,
    *,
    bindings: Mapping[str, bool],
    products: Mapping[str, bool],
    output: Path | None,
    language: Language,
    as_json: bool,
) -> None:
    """Print one customer's probability, what makes it, and the model's answer to a change; draw a waterfall."""
    explained = _explain(snapshot, data, stored)
    what_if, changes = None, True
    if bindings or products:
        features = snapshot.features[list(stored.model.schema.names)]
        _require_products(features, data.catalogue, bindings, products)
        answer = predict_what_if(stored.model, features, data.catalogue, bindings=bindings, products=products)
        what_if = {"before": float(answer.before[0]), "after": float(answer.after[0])}
        changes = not answer.features.equals(features)
    if as_json:
        print_json(_document(explained, what_if))
    else:
        _print(explained, data, language)
        if what_if:
            facts = {name: percent(value) for name, value in what_if.items()}
            click.echo(_say("what_if" if changes else "already", language, **facts))
    if output is not None:
        path = _picture(output)
        plot_waterfall(
            explained.points,
            explained.values,
            base_rate=explained.base_rate,
            probability=explained.probability,
            catalogue=data.catalogue,
            path=path,
            language=language,
        )
        note(f"wrote {path}")


def require_picture_place(output: Path) -> None:
    """Refuse, before any work, an output of one customer that cannot be written.

    Raises
    ------
    OutputError
        The picture, or the folder it belongs into, cannot be made.
    """
    require_writable_file(_picture(output))


def _picture(output: Path) -> Path:
    return output if output.suffix == ".png" else output / "waterfall.png"


def _require_products(
    features: pd.DataFrame, catalogue: Sequence[Feature], bindings: Mapping[str, bool], products: Mapping[str, bool]
) -> None:
    """Refuse to bind a service whose product the customer does not hold, in words about this one customer."""
    held = find_products(catalogue)
    for name, flag in find_services(catalogue).items():
        product = flag.product
        if product is None or product in products or not bindings.get(name):
            continue
        column = held[product].name
        if column in features and features[column].iloc[0] != 1:
            raise DataError(f"--bind {name}: this customer does not hold {product}; add --open {product}")


def _explain(snapshot: Snapshot, data: Data, stored: StoredModel) -> Explained:
    model = stored.model
    shap = explain_features(model, snapshot.features)
    features = snapshot.features[list(model.schema.names)]
    probability = model.predict(features, n_threads=threads.n_threads()).probability
    base = base_probability(model, features, shap)
    points = to_points(shap.values, base, probability)[0]
    advice, typical = stored.effects.services, stored.manifest.training_churn_rate
    steps = find_next_steps(
        features, probability, advice, data.catalogue, classes_known=data.classes_known, typical=typical
    )
    return Explained(
        float(probability[0]),
        float(base[0]),
        dict(zip(features.columns, points.tolist(), strict=True)),
        {str(name): value for name, value in features.iloc[0].items()},
        explain_reasons(shap.values, features, data.catalogue),
        steps,
    )


def _document(explained: Explained, what_if: Mapping[str, float] | None) -> dict[str, Any]:
    told = explained.reasons
    effect = float(explained.steps.effect[0])
    return {
        "churn_probability": explained.probability,
        "base_rate": explained.base_rate,
        "points": explained.points,
        **{f"raises_{language}": _there(told.raising.words(language)[0]) for language in LANGUAGES},
        **{f"holds_{language}": _there(told.holding.words(language)[0]) for language in LANGUAGES},
        "next_binding": explained.steps.binding[0],
        "next_binding_effect": None if np.isnan(effect) else effect,
        "next_product": explained.steps.product[0],
        "what_if": what_if,
    }


def _print(explained: Explained, data: Data, language: Language) -> None:
    title = _say("title", language, p=percent(explained.probability), base=percent(explained.base_rate))
    largest = sorted(explained.points.items(), key=lambda item: -abs(item[1]))[:N_SHOWN]
    rows = [
        (
            say(meaning_of(data.catalogue, name), language),
            say(value_of(data.catalogue, name, explained.values[name]), language),
            say(Points(value), language),
        )
        for name, value in largest
    ]
    columns = _say("columns", language).split("|")
    print_table(title, columns, rows, left=columns[:1])
    for line in _lines(explained, data, language):
        click.echo(line)


def _lines(explained: Explained, data: Data, language: Language) -> Iterator[str]:
    told, steps = explained.reasons, explained.steps
    for key, stories in (("raises", told.raising), ("holds", told.holding)):
        yield from (_say(key, language, text=text) for text in _there(stories.words(language)[0]))
    if steps.binding[0] is not None:
        effect = float(steps.effect[0])
        added = "" if np.isnan(effect) else _say("effect", language, points=say(Points(effect), language))
        yield _say("bind", language, name=_name(steps.binding[0], data.config.services, language), effect=added)
    elif steps.product[0] is not None:
        name = _name(steps.product[0], data.config.products, language)
        # A debit card may be held already, of another class.
        flag = find_role(data.catalogue, "class_1")
        lacks = flag and steps.product[0] == CLASS_1_PRODUCT and explained.values.get(flag.name) == 0
        yield _say("open_class_1" if lacks else "open", language, name=name)


def _name(name: str, entries: Mapping[str, Any], language: Language) -> str:
    return isolate(str(getattr(entries[name], language)) if name in entries else name)


def _there(texts: Sequence[str | None]) -> list[str]:
    return [text for text in texts if text is not None]


def _say(key: str, language: Language, **facts: str) -> str:
    return _TEXTS[key][0 if language == "en" else 1].format(**facts)
