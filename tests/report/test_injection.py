"""Pages of a bank that is hostile in every text: whatever it is called, it stands there as a text and does nothing."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import churn
from churn.config import Config, FlatFile
from churn.explanation.bindings import flatten
from churn.model.storage import read_model
from churn.report.charts import cut
from churn.report.html import render_page
from churn.speech import LANGUAGES, Joined, Message
from churn.speech.amounts import Amount
from commands import call
from hostile_texts import HOSTILE
from report.conftest import open_file, write_page

TRIES = (
    "<script>window.pwned = 1</script>", "</script><script>window.pwned = 1</script>", "<!--<script>",
    "<img src=x onerror=window.pwned=1>", "<svg onload=window.pwned=1>", '" onmouseover="window.pwned=1" x="',
    "' autofocus onfocus='window.pwned=1", "javascript:window.pwned=1", "{{ 7 * 7 }}{% raw %}", "${window.pwned=1}",
    "--><script>window.pwned=1</script>", "</title></style></table><iframe srcdoc='<p>'></iframe>", "%(n)s %s {n}",
    "<meta http-equiv=refresh content=0;url=http://example.com>", "datum.x]; window.pwned = 1", "\u2028\u2029",
    "<a href=http://example.com target=_blank>x</a>", "<base href=http://example.com/>", "__proto__", "constructor",
)  # fmt: skip
BLANKS = " \t\r\n\u00a0\u3000"
TEXTS = tuple(text for text in (*TRIES, *HOSTILE) if text.strip(BLANKS))
HELD = tuple(dict.fromkeys(text.replace("\x00", "").strip(BLANKS) for text in TEXTS))
"""What a table can hold of them."""
LONGEST, SENTENCE = 120, 480
"""Letters of an id, and of a sentence, that a page shows."""
PAGES = ("bank", "branch", "flat", "by_hand")
CODES = {
    "key", "unit", "band", "coverage", "tier", "kind", "purpose", "assignment", "verdict", "evidence", "level",
    "cannot", "left_out", "unnamed", "last_contacted_on", "titles", "counted",
}  # fmt: skip
"""Fields of a summary that hold words or a code of ours, never a text of the bank's."""
ELEMENTS = {
    "a", "body", "caption", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "footer", "h1", "h2", "h3",
    "form", "head", "header", "html", "li", "link", "main", "meta", "nav", "noscript", "p", "script", "section", "span",
    "style",
    "summary", "svg", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
}  # fmt: skip
SHOWN = """() => [...document.body.querySelectorAll("*")]
  .filter(e => !e.closest("script, style, noscript, #vg-tooltip-element"))
  .flatMap(e => [...e.childNodes]).filter(n => n.nodeType === Node.TEXT_NODE).map(n => n.textContent).join("\\n")"""


@pytest.fixture(scope="session")
def hostile(scored_bank, bank_pages, tmp_path_factory):
    """Give a bank's facts, read from tables, scores, a catalogue and a folder of `churn explain` full of such texts."""
    folder = tmp_path_factory.mktemp("hostile")
    names = cycle(HELD)
    codes = dict(zip([*Config().products, *Config().services], HELD, strict=False))
    config = hostile_config(codes, names)
    people = pd.read_parquet(scored_bank.data / "customers.parquet")["customer_id"]
    of_customer = {
        "customer_id": {one: f"{text} {number}" for number, (one, text) in enumerate(zip(people, names, strict=False))},
        "place": {one: HELD[number % len(HELD)] for number, one in enumerate(people)},
    }
    write_hostile_tables(scored_bank.data, folder / "bank", of_customer, codes)
    write_hostile_scores(scored_bank.scores, folder / "scores.parquet", of_customer["customer_id"], codes)
    explained = write_hostile_findings(bank_pages.explanation, folder / "explained", codes)
    with churn.open_bank(folder / "bank", config) as bank:
        return churn.page(bank, scored_bank.model, folder / "scores.parquet", explained)


def hostile_config(codes: Mapping[str, str], names: Iterator[str]) -> Config:
    usual = Config()
    own = {
        "products": {codes[code]: {"coverage": one.coverage, "sticky": one.sticky}
                     for code, one in usual.products.items()},
        "services": {codes[code]: {"product": codes[one.product]} for code, one in usual.services.items()},
    }  # fmt: skip
    for section in own.values():
        for one in section.values():
            one |= {"en": next(names), "zh": next(names)}
    return Config.model_validate({"catalogue": {"defaults": False}, **own})


def write_hostile_tables(source: Path, folder: Path, of_customer, codes) -> None:
    folder.mkdir()
    for path in source.glob("*.parquet"):
        table = pd.read_parquet(path)
        place = table["customer_id"].map(of_customer["place"]) if "customer_id" in table else None
        for column in table.columns.intersection(["customer_id", "referrer_id", "referred_id"]):
            table[column] = table[column].map(of_customer["customer_id"])
        for column in table.columns.intersection(["product", "service"]):
            table[column] = table[column].map(codes)
        if "branch_id" in table:
            table["branch_id"] = place
        if "manager_id" in table:
            table["manager_id"] = place.where(table["manager_id"].notna())
        table.to_parquet(folder / path.name, index=False)


def write_hostile_scores(source: Path, path: Path, ids: Mapping[str, str], codes: Mapping[str, str]) -> None:
    scores, names = pd.read_parquet(source), cycle(TEXTS)
    scores["customer_id"] = scores["customer_id"].map(ids)
    for column in scores.columns[scores.columns.str.match("reason_|raises_|holds_")]:
        scores[column] = [next(names) for _ in range(len(scores))]
    for column in ("next_binding", "next_product"):  # some are not in the catalogue, and stand for themselves
        scores[column] = [codes.get(code, next(names)) for code in scores[column]]
    scores.to_parquet(path, index=False)


def write_hostile_findings(explained, folder: Path, codes: Mapping[str, str]) -> Path:
    folder.mkdir()
    names = cycle(TEXTS)
    rows = [
        flatten(row) | {"service": codes[row.service], "text_en": next(names), "text_zh": next(names)}
        for row in explained.bindings
    ]
    (folder / "bindings.json").write_text(json.dumps(rows), encoding="utf-8")
    importance = explained.importance
    importance = importance.assign(feature=[next(names) for _ in range(len(importance))])
    importance.to_csv(folder / "importance.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def hostile_flat(tmp_path_factory):
    """Give the facts of a file whose columns and texts are such."""
    folder = tmp_path_factory.mktemp("hostile_flat")
    rng = np.random.default_rng(1)
    single = [text for text in HELD if "\n" not in text and text.strip(BLANKS)]
    number, label, coverage, bound, *others = single
    products = rng.integers(1, 7, 600)
    columns = {
        number: [f"{single[i % len(single)]} {i}" for i in range(600)],
        coverage: products,
        bound: rng.integers(0, 2, 600),
        **{name: rng.choice(single[start : start + 9], 600) for start, name in enumerate(others[:24])},
        label: np.where(rng.random(600) < 0.7 / products, "<b>", "</b>"),
    }
    data = folder / "flat.csv"
    pd.DataFrame(columns).to_csv(data, index=False)
    flat = {"id": number, "label": label, "churned": "<b>", "coverage": coverage, "bindings": [bound]}
    config = "[flat]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in flat.items())
    (folder / "flat.toml").write_text(config, encoding="utf-8")
    call("train", data, "--config", folder / "flat.toml", "-o", folder / "model")
    call("score", data, "--model", folder / "model", "-o", folder / "scores.parquet", "--explain")
    model = read_model(folder / "model")
    with churn.open_file(data, Config(flat=FlatFile(**flat)), model=model, labels="unread") as file:
        return churn.page(file, model, folder / "scores.parquet")


def as_shown(text):
    """Say how a browser shows a text: with one kind of line end, and without zero bytes."""
    return cut(text, LONGEST).replace("\r", "\n").replace("\x00", "").strip(BLANKS)


def poison(value, texts, name=""):
    """Put a hostile text in the place of every text in a summary that is no code of ours."""
    if isinstance(value, (str, Message, Joined)) and name not in CODES:
        return next(texts)
    if isinstance(value, (Amount, Message, Joined)):
        return value
    if is_dataclass(value):
        return replace(value, **{one.name: poison(getattr(value, one.name), texts, one.name) for one in fields(value)})
    if hasattr(value, "_fields"):
        return type(value)(*(poison(part, texts, field) for field, part in zip(value._fields, value, strict=True)))
    if isinstance(value, tuple):
        return tuple(poison(part, texts, name) for part in value)
    if isinstance(value, dict):
        return {key: poison(part, texts, name) for key, part in value.items()}
    return value


@pytest.fixture(scope="session")
def hostile_pages(bank_pages, hostile, hostile_flat, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile_pages")
    worst = next(branch for branch in hostile.branches if branch.startswith("</script>"))
    summaries = {
        "bank": hostile.facts(),
        "branch": hostile.facts(worst),
        "flat": hostile_flat.facts(),
        "by_hand": poison(bank_pages.facts(), cycle(TEXTS)),
    }
    return {
        f"{name}_{language}": write_page(folder, f"{name}_{language}", render_page(summary, language))
        for name, summary in summaries.items()
        for language in LANGUAGES
    }


@pytest.fixture(scope="module")
def look_at(browser, hostile_pages):
    """Open a page by its name, once: no test leaves it otherwise than it was."""
    return cache(lambda name: open_file(browser, hostile_pages[name]))


@pytest.fixture(scope="module", params=[f"{name}_{language}" for name in PAGES for language in LANGUAGES])
def seen(request, look_at):
    return look_at(request.param)


def test_nothing_runs_is_asked_for_or_complains(seen):
    assert seen.page.evaluate("document.documentElement.dataset.charts") == "drawn"
    assert seen.page.evaluate("[window.pwned, ({}).pwned]") == [None, None]
    assert seen.requests == [seen.page.url]
    assert seen.troubles == []


def test_what_appears_over_a_mark_is_a_text(seen):
    marks = seen.page.locator("figure[id^=group] svg .mark-rect path")
    told = []
    for mark in marks.all()[:40:3]:
        mark.hover(force=True)
        told.append(seen.page.locator("#vg-tooltip-element").inner_text())
        assert seen.page.locator("#vg-tooltip-element *").evaluate_all("all => all.map(e => e.localName)") == []
    assert len(set(told)) > 3
    assert seen.page.evaluate("window.pwned") is None
    assert seen.troubles == []


def test_the_page_has_no_element_and_no_handler_but_its_own(seen):
    names = seen.page.evaluate("[...document.querySelectorAll(':not(svg *)')].map(e => e.localName)")
    assert set(names) <= ELEMENTS
    once = ("script", "meta", "link", "main", "title", "h1")
    assert [names.count(name) for name in once] == [3, 5, 1, 1, 1, 1]
    attributes = seen.page.evaluate("[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())")
    assert [name for name in set(attributes) if name.startswith(("on", "src", "formaction"))] == []
    links = seen.page.evaluate("[...document.querySelectorAll('[href]')].map(e => e.getAttribute('href'))")
    assert [link for link in links if not link.startswith("#") and link != "data:,"] == []


def test_nothing_lies_beside_the_screen(seen):
    for width in (320, 375, 1200):
        seen.page.set_viewport_size({"width": width, "height": 900})
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


def test_no_text_is_longer_than_the_page_has_room_for(seen):
    shown = seen.page.evaluate(SHOWN)
    assert "x" * (SENTENCE + 1) not in shown
    assert "x" * 4001 not in seen.page.content()


# a bank's page has no room for everybody; one filled by hand has every text
@pytest.mark.parametrize(("name", "no_room"), [("bank", 3), ("by_hand", 0)])
def test_every_text_is_shown_as_a_text(look_at, name, no_room):
    shown = "".join(look_at(f"{name}_{language}").page.evaluate(SHOWN) for language in LANGUAGES)
    missing = [text for text in TEXTS if as_shown(text) not in shown]
    assert len(missing) <= no_room, missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_branch_stands_in_title_and_heading_under_its_own_name(look_at, hostile, language):
    page = look_at(f"branch_{language}").page
    name = next(branch for branch in hostile.branches if branch.startswith("</script>"))
    assert page.title().startswith(name)
    assert name in page.locator("h1").inner_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_s_own_columns_head_its_charts(look_at, hostile_flat, language):
    heads = look_at(f"flat_{language}").page.locator("figure h3").evaluate_all("all => all.map(e => e.textContent)")
    own = [name.removeprefix("by_own_") for name in hostile_flat.customers if name.startswith("by_own_")]
    assert len(own) >= 20
    assert [name for name in own if cut(name) not in heads] == []
