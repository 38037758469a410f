"""The page in a real browser: what it loads, draws, prints, and whether everybody can read it."""

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from babel.messages.pofile import read_po

PAGES = ("bank_en", "bank_zh", "branch_en", "branch_zh", "flat_en", "flat_zh")
NAMES = ("bank", "branch", "flat")
A4 = (595, 842)
"""Points."""
PAPER = 703
"""Pixels between the margins of a page: 210 mm less twice 12."""
VISIBLE = """() => {
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest("script, style")) texts.push(walker.currentNode.textContent);
  }
  for (const name of ["aria-label", "data-label", "title", "alt"])
    for (const element of document.querySelectorAll(`[${name}]:not([aria-hidden=true] *)`))
      texts.push(element.getAttribute(name));
  return texts.join("\\n");
}"""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_itself_alone_and_complains_of_nothing(pages, look, name):
    seen = look(name)
    assert seen.requests == [pages[name].as_uri()]
    assert seen.troubles == []


@pytest.mark.parametrize("name", PAGES)
def test_every_chart_is_drawn_with_marks_and_not_with_axes_alone(look, name):
    page = look(name).page
    assert page.evaluate("document.documentElement.dataset.charts") == "drawn"
    marks = page.eval_on_selector_all(
        ".chart",
        """places => places.map(place => [
          place.id,
          [...place.querySelectorAll("svg .role-mark path, svg .role-mark text, svg .role-mark line")]
            .filter(mark => { const box = mark.getBBox(); return box.width + box.height > 1; }).length,
          place.querySelector("svg") ? place.querySelector("svg").getBoundingClientRect().width : 0,
        ])""",
    )
    assert len(marks) >= {"bank": 12, "branch": 12, "flat": 4}[name[:-3]]
    assert [place for place, n, width in marks if n < 1 or width < 250] == []


@pytest.mark.parametrize("name", NAMES)
def test_charts_have_a_name_and_their_figures_stand_under_them(look, name):
    page = look(f"{name}_en").page
    places = page.query_selector_all("figure")
    assert [place for place in places if not place.query_selector(".chart").get_attribute("aria-label")] == []
    assert [place for place in places if not place.query_selector_all("tbody tr")] == []


@pytest.mark.parametrize("width", [320, 375])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_lies_beside_a_phone_s_screen(pages, open_page, name, width):
    page = open_page(pages[name], width=width).page
    for part in page.query_selector_all("details"):
        part.evaluate("part => { part.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    beside = page.eval_on_selector_all(
        "main *:not(svg *)",
        """(elements, width) => elements
          .filter(e => !e.closest(".scroll, thead") && e.getBoundingClientRect().right > width + 1)
          .map(e => e.outerHTML.slice(0, 80))""",
        width,
    )
    assert beside == []


@pytest.mark.parametrize("name", PAGES)
def test_a_print_is_of_a4_pages_with_nothing_folded_or_too_wide_for_them(pages, open_page, name):
    page = open_page(pages[name]).page
    page.evaluate(
        """() => window.addEventListener("beforeprint", () => {
          window.left = document.querySelectorAll("details.prints:not([open])").length;
        })"""
    )
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert page.evaluate("window.left") == 0
    boxes = re.findall(rb"/MediaBox\s*\[([^\]]*)\]", pdf)
    n_pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert n_pages == len(boxes) >= 2
    assert {tuple(round(float(side)) for side in box.split()) for box in boxes} == {(0, 0, *A4)}
    page.set_viewport_size({"width": PAPER, "height": 900})
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") == PAPER
    widest = page.eval_on_selector_all(
        ".chart svg", "all => Math.max(...all.map(e => e.getBoundingClientRect().right))"
    )
    assert widest <= PAPER


@pytest.mark.parametrize("name", ["bank_en", "branch_zh"])
def test_what_is_folded_is_printed_and_folded_again(look, name):
    page = look(name).page
    folded = page.query_selector_all("details.prints:not([open])")
    assert folded
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.query_selector_all("details.prints:not([open])") == []
    last = page.query_selector_all("details.prints td")[-1]
    assert last.is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert len(page.query_selector_all("details.prints:not([open])")) == len(folded)
    assert not last.is_visible()


class OnPaper(NamedTuple):
    """The widths of a page's charts before a print, and the names beside one of them there and on a desk."""

    n_charts: int
    widths: list[str]
    names: list[str]
    names_on_screen: list[str]


@pytest.fixture(scope="module")
def on_paper(look) -> Callable[[str], OnPaper]:
    """Lay a page out for a print, once, and then for a screen again."""
    names = ("#drivers .role-axis-label text", "all => all.map(e => e.textContent)")

    @cache
    def lay_out(name: str) -> OnPaper:
        page = look(name).page
        on_screen = page.eval_on_selector_all(*names)
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.wait_for_timeout(200)
        widths = page.eval_on_selector_all(".chart svg.marks", "all => all.map(e => e.getAttribute('width'))")
        laid_out = OnPaper(page.locator(".chart").count(), widths, page.eval_on_selector_all(*names), on_screen)
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        page.wait_for_timeout(200)
        return laid_out

    return lay_out


@pytest.mark.parametrize("name", ["bank_en", "flat_zh"])
def test_every_chart_has_the_width_of_the_paper_or_half_of_it(on_paper, name):
    found = on_paper(name)
    assert len(found.widths) == found.n_charts
    assert set(found.widths) == {"330", "760"}


@pytest.mark.parametrize("name", ["bank_en", "flat_zh"])
def test_names_beside_a_chart_are_as_long_on_paper_as_on_a_desk(on_paper, name):
    found = on_paper(name)
    assert len(found.names_on_screen) > 4
    assert set(found.names_on_screen) - set(found.names) == set()


@pytest.mark.parametrize("name", ["bank_zh", "branch_en", "flat_zh"])
def test_everybody_can_read_it(pages, open_page, name):
    page = open_page(pages[name]).page
    for part in page.query_selector_all("details"):
        part.evaluate("part => { part.open = true; }")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found.response["violations"]] == []
    assert len(found.response["passes"]) > 10


@pytest.mark.parametrize("name", PAGES)
def test_headings_leave_no_level_out_and_only_one_is_the_first(look, name):
    page = look(name).page
    levels = page.eval_on_selector_all("h1, h2, h3, h4, h5, h6", "all => all.map(e => +e.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_keyboard_skips_to_the_content_and_opens_what_is_folded(pages, open_page, name):
    page = open_page(pages[f"{name}_en"]).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    for is_open in (True, False):
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.parentElement.open") is is_open


def test_every_link_inside_the_page_leads_somewhere(look):
    for name in PAGES:
        page = look(name).page
        aims = page.eval_on_selector_all("a[href]", "all => all.map(e => e.getAttribute('href'))")
        assert aims
        assert [aim for aim in aims if not aim.startswith("#") or page.locator(aim).count() != 1] == []


@pytest.mark.parametrize(("language", "lang"), [("en", "en"), ("zh", "zh-CN")])
def test_the_language_is_named(look, language, lang):
    page = look(f"bank_{language}").page
    assert page.get_attribute("html", "lang") == lang


@pytest.mark.parametrize("name", NAMES)
def test_the_chinese_page_has_no_english_left(look, name):
    shown = look(f"{name}_zh").page.evaluate(VISIBLE)
    assert english_messages(shown) == []
    assert re.findall(r"[A-Za-z]{2,}(?: [a-z]{2,}){2,}", shown) == []


def test_english_left_on_a_page_is_found(look):
    shown = look("bank_en").page.evaluate(VISIBLE)
    assert len(english_messages(shown)) > 50


def english_messages(text):
    """Messages of three or more words, what is put into them left out, that stand in a text."""
    with (files("churn.speech") / "locales" / "zh.po").open("rb") as source:
        messages = [str(message.id) for message in read_po(source) if message.id]
    parts = {part.strip() for message in messages for part in re.split(r"%\(\w+\)s|\{\w+\}", message)}
    return sorted(part for part in parts if len(part.split()) >= 3 and part in text)


def test_pages_are_small_enough_to_send(pages):
    assert max(path.stat().st_size for path in pages.values()) < 3_000_000


@pytest.mark.parametrize("name", PAGES)
def test_without_scripts_every_figure_is_there_and_the_page_says_so(pages, open_page, name):
    page = open_page(pages[name], waits=False, java_script_enabled=False).page
    assert page.locator("noscript p").is_visible()
    tables = page.locator("figure details.data")
    assert tables.count() >= 4
    tables.first.locator("summary").click()
    assert tables.first.locator("tbody tr").first.is_visible()
    assert page.locator(".heads dd").first.is_visible()


def test_a_script_written_into_the_page_does_not_run(pages, open_page, tmp_path):
    html = pages["bank_en"].read_text(encoding="utf-8")
    harmed = html.replace(
        "</main>", "<script>window.pwned = 1</script><img src='data:,' onerror='window.pwned = 2'></main>"
    )
    assert harmed != html
    (tmp_path / "harmed.html").write_text(harmed, encoding="utf-8")
    seen = open_page(tmp_path / "harmed.html")
    assert seen.page.evaluate("window.pwned") is None
    assert sum("Content Security Policy" in trouble for trouble in seen.troubles) >= 2
    assert seen.requests == [(tmp_path / "harmed.html").as_uri()]


def test_without_its_policy_the_same_script_would_run(pages, open_page, tmp_path):
    html = pages["bank_en"].read_text(encoding="utf-8")
    open_to_all = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    harmed = open_to_all.replace("</main>", "<script>window.pwned = 1</script></main>")
    (tmp_path / "harmed.html").write_text(harmed, encoding="utf-8")
    assert open_page(tmp_path / "harmed.html").page.evaluate("window.pwned") == 1
