"""Pages of a small bank, of one of its branches and of a flat file, made once; and a browser to look at them with."""

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import churn
from churn.config import Config, FlatFile
from churn.model.storage import StoredModel, read_model
from churn.report.pages import Pages
from churn.speech import LANGUAGES
from commands import call
from made_once import made_once

AS_OF = dt.date(2026, 1, 1)
PACKAGE = "chromium"


class Scored(NamedTuple):
    """Data, a model of them, the scores it gave, and what `churn explain` made of it."""

    data: Path
    model: StoredModel
    scores: Path
    explained: Path


class Seen(NamedTuple):
    """A page that was opened, the addresses it asked for, and what went wrong or was tried in it."""

    page: Page
    requests: list[str]
    troubles: list[str]


Open = Callable[..., Seen]


def write_page(folder: Path, name: str, html: str) -> Path:
    path = folder / f"{name}.html"
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def scored_bank(commanded: Path) -> Scored:
    model = read_model(commanded / "model")
    return Scored(commanded / "bank", model, commanded / "s.parquet", commanded / "explained")


@pytest.fixture(scope="session")
def bank_pages(scored_bank: Scored) -> Pages:
    with churn.open_bank(scored_bank.data) as bank:
        return churn.page(bank, scored_bank.model, scored_bank.scores, scored_bank.explained)


def _make_flat(folder: Path) -> None:
    rng = np.random.default_rng(0)
    products = rng.integers(1, 7, 600)
    columns = {
        "客户号": [f"{number:04d}" for number in range(600)],
        "产品数": products,
        "城市": rng.choice(["北京", "上海", "深圳"], 600),
        "余额": rng.lognormal(10, 1, 600).round(2),
        "流失": np.where(rng.random(600) < 0.7 / products, "是", "否"),
    }
    pd.DataFrame(columns).to_csv(folder / "flat.csv", index=False)
    flat = 'id = "客户号"\nlabel = "流失"\nchurned = "是"\ncoverage = "产品数"\n'
    (folder / "flat.toml").write_text(f"[flat]\n{flat}", encoding="utf-8")
    call("train", folder / "flat.csv", "--config", folder / "flat.toml", "-o", folder / "model")
    call("score", folder / "flat.csv", "--model", folder / "model", "-o", folder / "scores.parquet", "--explain")


@pytest.fixture(scope="session")
def file_pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Of a file whose columns are a bank's own, in Chinese: nothing of it is in the catalogue."""
    folder = made_once(tmp_path_factory, "report-flat", _make_flat)
    config = Config(flat=FlatFile(id="客户号", label="流失", churned="是", coverage="产品数"))
    model = read_model(folder / "model")
    with churn.open_file(folder / "flat.csv", config, model=model, labels="unread") as file:
        return churn.page(file, model, folder / "scores.parquet")


@pytest.fixture(scope="session")
def pages(bank_pages: Pages, file_pages: Pages, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Give the files of `bank`, `branch` and `flat`, each with its language: `bank_zh`."""
    folder = tmp_path_factory.mktemp("pages")
    made = {"bank": (bank_pages, None), "branch": (bank_pages, bank_pages.branches[0]), "flat": (file_pages, None)}
    return {
        f"{name}_{language}": write_page(folder, f"{name}_{language}", pages.html(language, branch_id))
        for name, (pages, branch_id) in made.items()
        for language in LANGUAGES
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Debian's Chromium once a module: Playwright's event loop runs as long, and other tests have their own."""
    program = shutil.which("chromium")
    if program is None:
        told = f"no browser: apt-get install {PACKAGE}"
        (pytest.fail if "REQUIRE_BROWSER" in os.environ else pytest.skip)(told)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a file in a context of its own."""
    contexts: list[BrowserContext] = []

    def open_path(path: Path, **options: Any) -> Seen:
        seen = open_file(browser, path, **options)
        contexts.append(seen.page.context)
        return seen

    yield open_path
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def look(browser: Browser, pages: Mapping[str, Path]) -> Callable[[str], Seen]:
    """Open a page by its name, once: for tests that look and change nothing."""
    return cache(lambda name: open_file(browser, pages[name]))


def open_file(browser: Browser, path: Path, *, width: int = 1200, waits: bool = True, **options: Any) -> Seen:
    """Open a file where there is no network, and write down whatever it does."""
    context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, **options)
    seen = Seen(context.new_page(), [], [])
    watch(seen)
    seen.page.goto(path.as_uri())
    if waits:
        seen.page.wait_for_selector("html[data-charts]", timeout=20_000)
    return seen


def watch(seen: Seen) -> None:
    def dismiss(dialog):
        seen.troubles.append(f"dialog: {dialog.message[:200]}")
        dialog.dismiss()

    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.on("pageerror", lambda error: seen.troubles.append(f"error: {str(error)[:200]}"))
    seen.page.on("dialog", dismiss)
    seen.page.context.on("page", lambda page: seen.troubles.append(f"window: {page.url[:200]}"))
    seen.page.on("download", lambda download: seen.troubles.append(f"download: {download.url[:200]}"))
    seen.page.on(
        "console",
        lambda line: seen.troubles.append(line.text[:200]) if line.type in {"error", "warning"} else None,
    )
