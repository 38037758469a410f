"""Sentences of lists and reasons of rows, always (English, Chinese)."""

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from churn.explanation.reasons.amounts import Pair

GRADES: tuple[Pair, ...] = (("none", "无"), ("weak", "弱"), ("fair", "中"), ("strong", "强"))
AGE_BAND_NAMES = {
    "0 to 29": "30 岁以下",
    "30 to 44": "30 至 44 岁",
    "45 to 59": "45 至 59 岁",
    "60 and more": "60 岁及以上",
}


def tell(rows: pd.DataFrame, why: Callable[[Any], Pair]) -> pd.DataFrame:
    """Add why each row is there: `why_en` and `why_zh`, from the row as a tuple of named values.

    Examples
    --------
    >>> tell(pd.DataFrame({"n": [2]}), lambda row: (f"{row.n} products", f"{row.n} 种产品")).values.tolist()
    [[2, '2 products', '2 种产品']]
    """
    pairs = [why(row) for row in rows.itertuples(index=False)]
    return rows.assign(why_en=[en for en, _ in pairs], why_zh=[zh for _, zh in pairs])


def join_words(parts: Iterable[Pair]) -> Pair:
    """Join parts of a reason.

    Examples
    --------
    >>> join_words([("gold tier", "金卡客户"), ("aged 41", "41 岁")])
    ('gold tier, aged 41', '金卡客户，41 岁')
    """
    said = list(parts)
    return ", ".join(en for en, _ in said), "，".join(zh for _, zh in said)


def join_sentences(parts: Iterable[Pair]) -> Pair:
    """Join sentences that have no full stop yet.

    Examples
    --------
    >>> join_sentences([("Nobody", "无"), ("Values end early", "数据不全")])
    ('Nobody. Values end early.', '无。数据不全。')
    """
    said = list(parts)
    return " ".join(f"{en}." for en, _ in said), "".join(f"{zh}。" for _, zh in said)


def say_number(n_customers: int, n_rows: int) -> Pair:
    """Say how long a list is.

    Examples
    --------
    >>> say_number(0, 0)[0], say_number(1, 1)[0], say_number(1200, 1500)
    ('Nobody', '1 customer', ('1,200 customers in 1,500 rows', '1,200 位客户，共 1,500 行'))
    """
    if not n_customers:
        return "Nobody", "无符合条件的客户"
    en, zh = f"{n_customers:,} customer{'s' * (n_customers > 1)}", f"{n_customers:,} 位客户"
    return (en, zh) if n_customers == n_rows else (f"{en} in {n_rows:,} rows", f"{zh}，共 {n_rows:,} 行")


def say_refused(n_customers: int) -> Pair:
    """Say how many are left out since they refused to be contacted.

    Examples
    --------
    >>> say_refused(1)
    ('1 more asked not to be contacted and is left out', '另有 1 位客户拒绝联系，未列入')
    """
    verb = "is" if n_customers == 1 else "are"
    en = f"{n_customers:,} more asked not to be contacted and {verb} left out"
    return en, f"另有 {n_customers:,} 位客户拒绝联系，未列入"


def say_held_out(n_customers: int) -> Pair:
    """Say how many are left out since they are of the random hold-out.

    Examples
    --------
    >>> say_held_out(2)
    ('2 of the random hold-out are left out', '随机对照组 2 位未列入')
    """
    verb = "is" if n_customers == 1 else "are"
    en = f"{n_customers:,} of the random hold-out {verb} left out"
    return en, f"随机对照组 {n_customers:,} 位未列入"


def say_no_offers(n_customers: int) -> Pair:
    """Say how many on a list of service may not be offered anything.

    Examples
    --------
    >>> say_no_offers(2)
    ('2 of them asked not to be contacted: offer them nothing', '其中 2 位客户拒绝营销联系，请勿推介')
    """
    en = f"{n_customers:,} of them asked not to be contacted: offer them nothing"
    return en, f"其中 {n_customers:,} 位客户拒绝营销联系，请勿推介"


def say_not_made(reasons: Iterable[Pair]) -> Pair:
    """Say why a list could not be made.

    Examples
    --------
    >>> say_not_made([("there is no pnl table", "缺少 pnl 表")])
    ('Not made: there is no pnl table', '未生成：缺少 pnl 表')
    """
    said = list(reasons)
    return "Not made: " + "; ".join(en for en, _ in said), "未生成：" + "；".join(zh for _, zh in said)


def say_empty(reasons: Iterable[Pair], columns: str) -> Pair:
    """Say which facts of a list are not known.

    Examples
    --------
    >>> say_empty([("there is no pnl table", "缺少 pnl 表")], "aum_cny")
    ('Without a value, since there is no pnl table: aum_cny', '因缺少 pnl 表，以下各列无数据：aum_cny')
    """
    said = list(reasons)
    en, zh = " and ".join(en for en, _ in said), "、".join(zh for _, zh in said)
    return f"Without a value, since {en}: {columns}", f"因{zh}，以下各列无数据：{columns}"
