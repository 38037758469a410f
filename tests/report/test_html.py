import datetime as dt
import html
import re
import zlib
from gettext import NullTranslations

import pytest

from churn.report.facts import About, Bin, Bucket, Customer, Driver, Group, Headline, PageFacts, Segmentation
from churn.report.html import render_page
from churn.speech import LANGUAGES, use_catalogues

ABOUT = About(
    branch_id=None, date=None, scored_on=None, horizon_days=365, model_id="m1", held_out=None, is_out_of_time=False,
    roc_auc=(0.994, 0.99, 0.997), n_scored=2, is_flat=True,
)  # fmt: skip
ASKS_FOR = re.compile(r"""(?:src|href|action|data|poster)\s*=\s*["'](?!#|data:)[^"']+|url\(|@import""")


def customer(customer_id="A", **known):
    empty = {
        "branch_id": None, "manager_id": None, "tier": None, "probability": 0.9, "low": None, "high": None,
        "value_cny": None, "raises": (), "holds": (), "next_step": None, "binds": False, "next_effect": None,
    }  # fmt: skip
    return Customer(customer_id=customer_id, **(empty | known))


def summary(**given):
    facts = {
        "about": ABOUT,
        "headlines": (Headline("customers", 2, "number"),),
        "baselines": (),
        "bins": (Bin(0.0, 0.04, "low", 1), Bin(0.88, 0.92, "high", 1)),
        "segmentations": (Segmentation("sex", True, (Group("f", 1, 0, 0.1, None), Group("m", 1, 1, 0.9, None)), 0),),
        "drivers": (),
        "bindings": (),
        "binding_names": {},
        "customers": (customer(),),
        "unnamed": (("gone", 3),),
        "day": None,
        "lists": (),
        "working": None,
        "cannot": ("flat_plan", "values"),
    }
    return PageFacts(**(facts | given))


def body(page):
    return re.sub(r"<(script|style)[^>]*>.*?</\1>", " ", page, flags=re.DOTALL)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_asks_for_nothing_outside_itself(language):
    page = render_page(summary(), language)
    assert ASKS_FOR.findall(body(page)) == []
    assert "default-src 'none'" in html.unescape(page)
    assert len(page.encode("utf-8")) < 3_000_000


@pytest.mark.parametrize(
    ("language", "says"), [("en", "This page cannot show a plan or lists"), ("zh", "没有工作计划和名单")]
)
def test_what_cannot_be_said_is_said(language, says):
    page = body(render_page(summary(), language))
    assert says in page
    assert 'id="today"' not in page
    assert 'id="working"' not in page


def test_who_is_not_named_is_counted_with_the_reason():
    assert "have left, as the file says 3" in body(render_page(summary(), "en"))
    assert "文件标明已流失 3" in body(render_page(summary(), "zh"))


@pytest.mark.parametrize("text", ["\u202eB001", "عربى"])
def test_a_text_of_another_direction_keeps_it_to_itself(text):
    about = ABOUT._replace(branch_id=text, is_flat=False, date=dt.date(2026, 1, 5), scored_on=dt.date(2026, 1, 5))
    segments = (Segmentation("branch", False, (Group(text, 1, 0, 0.1, None), Group("N", 1, 1, 0.9, None)), 0),)
    page = render_page(summary(about=about, segmentations=segments, customers=(customer(text),)), "en")
    kept = f"\u2068{text}\u2069"
    assert kept in page
    assert text not in page.replace(kept, "")


def test_the_language_is_marked():
    assert '<html lang="zh-CN">' in render_page(summary(), "zh")
    assert '<html lang="en">' in render_page(summary(), "en")


def test_every_chart_has_its_place_its_words_and_its_table():
    page = body(render_page(summary(), "en"))
    for name in ("bins", "group-0"):
        assert f'id="chart-{name}" role="img" aria-label="' in page
    assert page.count('<table class="figures cards">') == 2


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '" onmouseover="alert(1)', "</script><img src=x>"])
def test_a_text_of_the_bank_is_a_text(text):
    about = ABOUT._replace(branch_id=text, is_flat=False, date=dt.date(2026, 1, 5), scored_on=dt.date(2026, 1, 5))
    groups = (Group(text, 1, 0, 0.1, None), Group(None, 1, 1, 0.9, None))
    hostile = summary(
        about=about,
        segmentations=(Segmentation(text, True, groups, 0),),
        customers=(customer(text, raises=((text, text),), manager_id=text, tier=text),),
    )
    page = render_page(hostile, "en")
    assert text not in page
    assert page.count("<script") == render_page(summary(), "en").count("<script") == 3


def test_an_id_as_long_as_a_book_is_cut():
    page = body(render_page(summary(customers=(customer("x" * 10_000),)), "en"))
    assert max(map(len, re.findall("x+…?", page))) == 120


def test_a_column_nobody_fills_is_left_out():
    step = customer(next_step=("fund", "基金"))
    assert "Next step" not in body(render_page(summary(), "en"))
    assert "Next step" in body(render_page(summary(customers=(step,)), "en"))
    assert ">Value<" not in body(render_page(summary(), "en"))
    assert ">Value<" in body(render_page(summary(cannot=(), customers=(customer(value_cny=5.0),)), "en"))


class Nonsense(NullTranslations):
    """Says something else for every text, with the same facts in it."""

    def gettext(self, message):
        return f"zq{zlib.crc32(message.encode())} " + " ".join(re.findall(r"%\(\w+\)s|\{\w+\}", message))

    def pgettext(self, context, message):
        return self.gettext(message) if context != "steps" else message


def numbers(page):
    """Give every number that the charts draw."""
    charts = re.search('id="chart-data">(.*?)</script>', page, re.DOTALL).group(1)
    return re.findall(r'"(?:n|rate|low|high|points|value|target)":([-\d.e]+)', charts)


def marks(page):
    return re.findall('"type":"(bar|rule|tick|point)"', page)


def test_no_choice_hangs_on_a_word():
    buckets = (
        Bucket("1", 40, 0.62, 0.6, 0.45, 0.74, 0.63, 12, 0.64),
        Bucket("2", 9, None, 0.5, 0.2, 0.8, 0.4, 0, None),
    )
    facts = summary(baselines=buckets, drivers=(Driver(("own", "own"), 0.04),))
    said = render_page(facts, "en")
    with use_catalogues({"en": Nonsense()}):
        nonsense = render_page(facts, "en")
    assert numbers(nonsense) == numbers(said)
    assert marks(nonsense) == marks(said) == [*["bar"] * 4, "rule", "tick", "point", "point"]
