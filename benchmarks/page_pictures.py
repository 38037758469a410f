"""Take the pictures of the managers' page for the documentation, from a folder of `churn demo`.

    python benchmarks/page_pictures.py demo            # into docs/images
    python benchmarks/page_pictures.py demo --out DIR

Needs Debian's `chromium`, and `fonts-wqy-microhei` for the Chinese pictures. It uses the explanations of the
demonstration (`explained/`), so that it takes only seconds. Each picture is a PNG of at most 256 colours, under 250 KB.
"""

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

import churn
from churn.report.pages import Pages
from churn.speech import Language

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDE, HIGH = 1200, 1400
PHONE = (375, 760)
COLOURS = 256


def read_demo(demo: Path) -> Pages:
    """Read the facts of a demonstration's pages."""
    with churn.open_bank(demo / "bank", churn.read_config(demo / "bank.toml")) as bank:
        return churn.page(bank, churn.read_model(demo / "model"), demo / "scores.parquet", demo / "explained")


def take_pictures(browser: Browser, pages: Pages) -> Iterator[tuple[str, Image.Image]]:
    """Yield each picture with its name."""
    branch = pages.branches[0]
    yield "page_en", take_top(open_page(browser, pages, "en"))
    yield "page_zh", take_top(open_page(browser, pages, "zh"))
    yield "page_today_zh", take_part(open_page(browser, pages, "zh", branch), "#today")
    phone = open_page(browser, pages, "en", branch, PHONE)
    yield "page_phone", side_by_side(take_screen(phone, "body"), take_screen(phone, "#today"))


def open_page(
    browser: Browser,
    pages: Pages,
    language: Language,
    branch_id: str | None = None,
    size: tuple[int, int] = (WIDE, HIGH),
) -> Page:
    """Open the page of the bank or of a branch, its charts drawn."""
    context = browser.new_context(offline=True, viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(pages.html(language, branch_id), encoding="utf-8")
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-charts=drawn]")
    return page


def take_top(page: Page) -> Image.Image:
    return read_image(page.screenshot())


def take_part(page: Page, where: str) -> Image.Image:
    """Take a part of the page in its full width, cut to the height of a picture."""
    part = page.locator(where).bounding_box()
    assert part is not None
    whole = read_image(page.screenshot(full_page=True))
    top = round(part["y"])
    return whole.crop((0, top, WIDE, min(top + HIGH, round(part["y"] + part["height"]))))


def take_screen(page: Page, where: str) -> Image.Image:
    """Take the screen of a phone, scrolled to a place."""
    page.locator(where).evaluate("place => place.scrollIntoView({ behavior: 'instant' })")
    page.wait_for_timeout(200)
    return read_image(page.screenshot())


def side_by_side(left: Image.Image, right: Image.Image, gap: int = 24) -> Image.Image:
    both = Image.new("RGB", (left.width + gap + right.width, left.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + gap, 0))
    return both


def read_image(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def write_image(image: Image.Image, path: Path) -> int:
    """Write a picture in few colours; return its size in bytes."""
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path.stat().st_size


def main(arguments: Sequence[str] | None = None) -> int:
    """Take every picture; return 1 if there is no browser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path, help="folder of churn demo")
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args(arguments)
    program = shutil.which("chromium")
    if program is None:
        print("error: no browser; apt-get install chromium", file=sys.stderr)
        return 1
    pages = read_demo(options.demo)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, image in take_pictures(browser, pages):
            print(f"{name}.png: {write_image(image, options.out / f'{name}.png') / 1024:.0f} KB")
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
