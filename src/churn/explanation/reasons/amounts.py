"""Numbers as people write them, in English and in Chinese; a pair is always (English, Chinese).

Rounding never says more than is so: what is not nothing is not written as 0, and what is not whole not as 100 %.
"""

import numpy as np

Pair = tuple[str, str]

_YEAR = 365.25
_LONG = 730
"""From so many days on a span is told in years."""
_WAN = 10_000


def percent(share: float) -> Pair:
    """Write the size of a share of one, its sign left out.

    Examples
    --------
    >>> percent(0.14), percent(-0.0042), percent(0.0001), percent(0.998)
    (('14 %', '14%'), ('0.4 %', '0.4%'), ('under 0.1 %', '不到 0.1%'), ('99.8 %', '99.8%'))
    """
    size = 100 * abs(share)
    if 0 < size < 0.05:
        return "under 0.1 %", "不到 0.1%"
    if 99.95 <= size < 100:
        return "over 99.9 %", "99.9% 以上"
    text = f"{size:.1f}" if 0 < size < 0.95 or 99.5 <= size < 100 else f"{size:,.0f}"
    return f"{text} %", f"{text}%"


def money(yuan: float) -> Pair:
    """Write the size of an amount in yuan, its sign left out; from 10,000 on Chinese counts in 万 and 亿.

    Examples
    --------
    >>> money(-123_456.7), money(8_500), money(0.4)
    (('CNY 123,457', '12.3 万元'), ('CNY 8,500', '8,500 元'), ('under CNY 1', '不到 1 元'))
    """
    size = abs(yuan)
    if 0 < size < 0.5:
        return "under CNY 1", "不到 1 元"
    return f"CNY {size:,.0f}", _wan(size)


def _wan(size: float) -> str:
    whole = round(size)
    if whole < _WAN:
        return f"{whole:,} 元"
    if whole < _WAN * _WAN:
        wan = size / _WAN
        # 99,999,990 would round to ten thousand 万
        return f"{min(wan, 9_999.9):,.1f}".removesuffix(".0") + " 万元" if wan < 1_000 else f"{wan:,.0f} 万元"
    return f"{size / _WAN / _WAN:,.2f}".rstrip("0").rstrip(".") + " 亿元"


def span(days: float) -> Pair:
    """Write a number of days; from two years on in years.

    Examples
    --------
    >>> span(1), span(75), span(1200)
    (('1 day', '1 天'), ('75 days', '75 天'), ('3.3 years', '3.3 年'))
    >>> span(2192)
    ('6 years', '6 年')
    """
    whole = round(days)
    if whole < _LONG:
        return f"{whole:,} day{'' if whole == 1 else 's'}", f"{whole:,} 天"
    years = f"{days / _YEAR:.1f}".removesuffix(".0")
    return f"{years} years", f"{years} 年"


def times(ratio: float) -> str:
    """Write how many times as much.

    Examples
    --------
    >>> times(4.23), times(120.4)
    ('4.2', '120')
    """
    return f"{ratio:.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:,.0f}"


def plain(value: float) -> str:
    """Write a number of unknown meaning as it stands, at most four digits behind the point.

    Examples
    --------
    >>> plain(42.0), plain(12691.51), plain(0.00012345)
    ('42', '12691.51', '0.000123')
    """
    if value and abs(value) < 0.001:
        return np.format_float_positional(value, precision=3, fractional=False, trim="-")
    return np.format_float_positional(value, precision=4, trim="-")
