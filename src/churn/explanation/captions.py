"""What plots and tables of explanations say, in English and Chinese, and how they write numbers."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pandas as pd
from rich.cells import cell_len

from churn.explanation.bindings import BindingRow
from churn.features.feature import Feature, find_feature
from churn.model.documents import Evidence, Verdict
from churn.speech import say

Language = Literal["en", "zh"]

VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    "cuts": ("cuts churn", "降低流失"),
    "suggests": ("may cut churn: try it out", "可能降低流失，宜先试点"),
    "no_effect": ("no effect found", "未见影响"),
    "raises": ("raises churn", "增加流失"),
    "cannot_tell": ("these data cannot tell", "现有数据无法判断"),
}
EVIDENCE: Mapping[Evidence, tuple[str, str]] = {
    "randomised": ("randomised offers", "随机实验"),
    "observational": ("records alone", "仅凭历史记录"),
    "none": ("none", "无"),
}
CAPTIONS: Mapping[str, tuple[str, str]] = {
    "bindings": ("What binding a service would do to churn", "绑定服务对流失的影响"),
    "points_axis": (
        "change of the churn probability in percentage points; lines are 95 % intervals",
        "流失概率的变化（百分点）；横线为 95% 区间",
    ),
    "less": ("← less churn", "← 流失减少"),
    "more": ("more churn →", "流失增加 →"),
    "rank": ("rank", "序号"),
    "service": ("service", "服务"),
    "bound_of_eligible": ("bound / eligible", "已绑定 / 可绑定"),
    "shap": ("SHAP contrast", "SHAP 对比"),
    "raw": ("raw difference", "原始差异"),
    "observational": ("estimate if bound", "绑定后的估计"),
    "bounds": ("bounds under a hidden driver", "存在隐藏因素时的界限"),
    "randomised": ("randomised, on takers", "随机实验（接受者）"),
    "robustness": ("robustness value", "稳健值"),
    "overlap": ("overlap", "重叠比例"),
    "evidence": ("evidence", "证据"),
    "verdict": ("verdict", "结论"),
    "text": ("in words", "说明"),
    "legend_shap": ("SHAP contrast: what the model makes of it, not an effect", "SHAP 对比：模型的看法，不是因果效应"),
    "legend_raw": (
        "raw difference: those who bound it less those who did not, not an effect",
        "原始差异：已绑定与未绑定之差，不是因果效应",
    ),
    "legend_observational": (
        "estimate from records: if those without it bound it",
        "历史记录估计：未绑定者若绑定",
    ),
    "legend_bounds": ("the same, should something unrecorded drive both", "同上，若存在未记录的共同因素"),
    "legend_randomised": ("randomised offers, on those who took it up", "随机实验（接受者）"),
    "units": (
        "Changes of the churn probability in percentage points, with 95 % intervals; negative is less churn.",
        "流失概率的变化，单位为百分点，方括号内为 95% 区间；负数表示流失减少。",
    ),
    "importance": ("What moves the predicted risk most", "对预测风险影响最大的因素"),
    "shap_axis": ("SHAP value in log-odds: right of zero raises the risk", "SHAP 值（对数几率）：零线右侧表示风险上升"),
    "shap_short": ("SHAP value (log-odds)", "SHAP 值（对数几率）"),
    "feature_value": ("value of the feature (grey: missing or not a number)", "特征取值（灰色：缺失或非数值）"),
    "low": ("low", "低"),
    "high": ("high", "高"),
    "missing": ("missing", "缺失"),
    "none": ("none", "无"),
    "median": ("median", "中位数"),
    "customer": ("one customer", "一位客户"),
    "dependence": ("How the predicted risk depends on it", "预测风险随其变化"),
    "waterfall": ("Why this customer's risk is {probability}", "该客户流失风险为 {probability} 的原因"),
    "probability_axis": ("churn probability", "流失概率"),
    "base_rate": ("the model's base value", "模型基准值"),
    "probability": ("this customer", "该客户"),
    "rest": ("{n} other features", "其余 {n} 项特征"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "days": ("{value} days", "{value} 天"),
    "years": ("{value} years", "{value} 岁"),
    "yuan": ("CNY {value}", "{value} 元"),
}


def caption(key: str, language: Language) -> str:
    """Return a caption.

    Examples
    --------
    >>> caption("verdict", "zh")
    '结论'
    """
    return CAPTIONS[key][language == "zh"]


def verdict_text(row: BindingRow, language: Language) -> str:
    """Say the verdict on a service in a few words."""
    return VERDICTS[row.verdict][language == "zh"]


def evidence_text(row: BindingRow, language: Language) -> str:
    """Say what the verdict rests on."""
    return EVIDENCE[row.evidence][language == "zh"]


def format_points(value: float | None) -> str:
    """Write a change of probability in percentage points with one decimal and its sign; a dash for None.

    Examples
    --------
    >>> format_points(-0.062), format_points(0.0301), format_points(-0.0001), format_points(None)
    ('−6.2', '+3.0', '0.0', '—')
    """
    if value is None:
        return "—"
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def format_interval(value: float | None, low: float | None, high: float | None) -> str:
    """Write a change with its interval; without what is not known.

    Examples
    --------
    >>> format_interval(-0.062, -0.081, -0.043)
    '−6.2 [−8.1, −4.3]'
    """
    if low is None or high is None:
        return format_points(value)
    interval = f"[{format_points(low)}, {format_points(high)}]"
    return interval if value is None else f"{format_points(value)} {interval}"


def format_share(value: float | None) -> str:
    """Write a share in [0, 1] as per cent without decimals; a dash for None.

    Examples
    --------
    >>> format_share(0.123)
    '12 %'
    """
    return "—" if value is None else f"{100 * value:.0f} %"


def format_percent(probability: float) -> str:
    """Write a probability as per cent with one decimal.

    Examples
    --------
    >>> format_percent(0.4137)
    '41.4 %'
    """
    return f"{100 * probability:.1f} %"


def meaning(name: str, catalogue: Iterable[Feature], language: Language) -> str:
    """Say what a feature means; its name where the catalogue does not have it, as for a bank's flat file."""
    found = find_feature(catalogue, name)
    return name if found is None else say(found.meaning, language)


def unit_of(name: str, catalogue: Iterable[Feature]) -> str | None:
    """Return a feature's unit; None where the catalogue does not have it."""
    found = find_feature(catalogue, name)
    return None if found is None else found.unit


def format_value(value: Any, unit: str | None, language: Language) -> str:
    """Write a customer's own value with its unit.

    Parameters
    ----------
    value
        A number, a text, or None, NaN or NA where missing.
    unit
        As in the catalogue; None where not known.
    language
        Of the words around it.

    Examples
    --------
    >>> format_value(1.0, "0/1", "en"), format_value(212.0, "days", "zh"), format_value(None, "yuan", "en")
    ('yes', '212 天', 'missing')
    """
    if pd.isna(value):
        return caption("none" if unit == "days" else "missing", language)  # no event to count the days from
    if isinstance(value, str):
        return value
    if unit == "0/1" and value in {0, 1}:
        return caption("yes" if value else "no", language)
    if unit == "share":
        return format_share(value)
    text = _number(float(value), unit)
    return caption(unit, language).format(value=text) if unit in {"days", "years", "yuan"} else text


def format_yuan(value: float, language: Language) -> str:
    """Write a round amount as short as an axis needs it: thousands and millions, or 万 and 亿.

    Examples
    --------
    >>> format_yuan(1e6, "en"), format_yuan(1e6, "zh"), format_yuan(-1000.0, "zh")
    ('1m', '100万', '−1,000')
    """
    steps = ((1e9, "bn"), (1e6, "m"), (1e3, "k")) if language == "en" else ((1e8, "亿"), (1e4, "万"))
    size, word = next(((size, word) for size, word in steps if abs(value) >= size), (1.0, ""))
    return f"{value / size:,.0f}{word}".replace("-", "−")


def wrap(text: str, width: int, lines: int = 2) -> str:
    r"""Break a text into lines of at most `width` columns, a Chinese character counting two; "…" where it goes on.

    Examples
    --------
    >>> wrap("days since the last contact", 16)
    'days since the\nlast contact'
    >>> wrap("持有对应产品的服务数", 12, lines=1)
    '持有对应产…'
    """
    # A closing mark stays with what it closes.
    words = re.findall(r"[（《“]*[⺀-￯][，。、；：）》”]*|[^\s⺀-￯]+\s*|\s+", " ".join(text.split()))
    made = [""]
    for word in (piece for long in words for piece in _pieces(long, width)):
        if made[-1] and cell_len((made[-1] + word).rstrip()) > width:
            made.append("")
        made[-1] += word
    made = [line.strip() for line in made]
    if len(made) <= lines:
        return "\n".join(made)
    last = made[lines - 1]
    while cell_len(last) > width - 1:
        last = last[:-1]
    return "\n".join([*made[: lines - 1], last + "…"])


def _pieces(word: str, width: int) -> list[str]:
    """Cut a word that is longer than a line."""
    return [word[begin : begin + width] for begin in range(0, len(word), width)]


def _number(value: float, unit: str | None) -> str:
    if unit == "yuan" or value == round(value):
        return f"{value:,.0f}".replace("-", "−")
    text = f"{value:,.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")
