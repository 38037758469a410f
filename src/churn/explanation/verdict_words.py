"""A verdict in words a manager understands, in English and Chinese."""

from churn.config import EffectSettings
from churn.estimates import Estimate
from churn.explanation.effects.estimates import ServiceEffect
from churn.explanation.verdict import Judgement

_CONTROLS = {
    "placebo": ("the service dealt out at random", "随机分配的“假绑定”"),
    "outcome": ("customers bringing others", "转介绍行为"),
    "treatment": ("having given the service up long ago", "早已解绑的客户"),
}


def verdict_words(
    effect: ServiceEffect, judged: Judgement, settings: EffectSettings, names: tuple[str, str]
) -> tuple[str, str]:
    """Say a judgement in English and in Chinese.

    Parameters
    ----------
    names
        The service's English and Chinese names.

    Examples
    --------
    >>> from churn.explanation.verdict import judge
    >>> nothing = ServiceEffect("cts", Estimate(None, None, None), None, (), None, {})
    >>> verdict_words(nothing, judge(nothing, EffectSettings()), EffectSettings(), ("CTS", "第三方存管"))[0]
    'CTS: whether binding would lower churn cannot be told: nobody could bind it.'
    """
    if judged.verdict == "cannot_tell":
        return _cannot_tell(effect, judged, settings, names)
    size, interval = _size(judged.effect.value), _interval(judged.effect)
    en, zh = names
    if judged.verdict == "no_effect":
        lead_en, lead_zh = _goes_with(effect.raw)
        given_en, given_zh = _given(judged, settings)
        return (
            f"{en}: {lead_en}binding itself shows no effect worth having (between {interval[0]} points).{given_en}",
            f"{zh}：{lead_zh}绑定本身未见值得采取行动的影响（{interval[1]} 个百分点之间）。{given_zh}",
        )
    less = judged.verdict != "raises"
    if judged.evidence == "randomised":
        moves = "cuts" if less else "raises"
        return (
            f"{en}: binding it {moves} churn by about {size} points (randomised offers; between {interval[0]}).",
            f"{zh}：绑定可使流失{'降低' if less else '增加'}约 {size} 个百分点（随机实验；{interval[1]} 之间）。",
        )
    return _from_records(effect, judged, settings, names, less=less)


def _from_records(
    effect: ServiceEffect, judged: Judgement, settings: EffectSettings, names: tuple[str, str], *, less: bool
) -> tuple[str, str]:
    size = _size(judged.effect.value)
    strength = 100 * (effect.observational.robustness_value if effect.observational else 0.0)
    en = f"{names[0]}: the data point to about {size} points {'less' if less else 'more'} churn; a hidden driver as"
    en += f" strong as {strength:.1f} % of what is unexplained in both binding and churn would explain it away."
    zh = f"{names[1]}：数据显示流失约{'减少' if less else '增加'} {size} 个百分点；若存在能解释绑定与流失各"
    zh += f" {strength:.1f}% 剩余差异的隐藏因素，这一结论便不成立。"
    given_en, given_zh = _given(judged, settings)
    return en + given_en, zh + given_zh


def _given(judged: Judgement, settings: EffectSettings) -> tuple[str, str]:
    """State what a verdict from records rests on, where it is the bank's word."""
    if judged.evidence != "observational" or not settings.assume_measured:
        return "", ""
    return (
        " This rests on the bank's statement that whatever drives binding is in its data.",
        "此结论以本行声明“影响绑定的因素均已在数据中”为前提。",
    )


def _cannot_tell(
    effect: ServiceEffect, judged: Judgement, settings: EffectSettings, names: tuple[str, str]
) -> tuple[str, str]:
    lead_en, lead_zh = _goes_with(effect.raw)
    why_en, why_zh = _why(effect, judged, settings)
    return (
        f"{names[0]}: {lead_en}whether binding would lower churn cannot be told: {why_en}.",
        f"{names[1]}：{lead_zh}绑定能否降低流失尚无法判断：{why_zh}。",
    )


def _why(effect: ServiceEffect, judged: Judgement, settings: EffectSettings) -> tuple[str, str]:
    if judged.reason == "no_evidence":
        return _too_few(effect)
    if judged.reason == "overlap":
        return "those who have it are unlike those who have not", "已绑定与未绑定的客户差异过大，无从比较"
    if judged.reason == "untested":
        return (
            "no test of the comparison could be run (too few referrals and unbindings)",
            "转介绍与解绑记录太少，无法检验这一比较",
        )
    if judged.reason == "control":
        failed = [_CONTROLS[control.kind] for control in effect.controls if not control.passed]
        en, zh = (joint.join(words) for joint, words in zip((" and ", "、"), zip(*failed, strict=True), strict=True))
        return (
            f"the same comparison finds an effect where there is none ({en})",
            f"同样的比较在本应无影响处也显示影响（{zh}）",
        )
    if judged.reason == "bounds" and effect.observational is not None:
        bounds = Estimate(None, effect.observational.bound_low, effect.observational.bound_high)
        said = _interval(bounds)
        size = f"{settings.cf_y:g}, {settings.cf_d:g}"
        strength = (f"of the declared strength ({size})", f"设定强度（{size}）")
        return (
            f"a hidden driver {strength[0]} leaves everything between {said[0]} points possible",
            f"若存在{strength[1]}的隐藏因素，{said[1]} 个百分点之间皆有可能",
        )
    if judged.effect.low is None:
        return "the offer moved too few to bind it", "接受邀约的客户太少"
    said = _interval(judged.effect)
    return f"it lies anywhere between {said[0]} points", f"影响在 {said[1]} 个百分点之间"


def _too_few(effect: ServiceEffect) -> tuple[str, str]:
    """Say which group is too small."""
    n_bound, n_not = effect.n_bound, effect.n_eligible - effect.n_bound
    if effect.n_eligible == 0:
        return "nobody could bind it", "没有客户可以绑定"
    if n_bound == 0:
        return "nobody has bound it", "尚无客户绑定"
    if n_not == 0:
        return "everybody who could has bound it", "可绑定的客户均已绑定"
    return f"only {min(n_bound, n_not):,} customers {'have' if n_bound < n_not else 'lack'} it", (
        f"{'已' if n_bound < n_not else '未'}绑定的客户仅 {min(n_bound, n_not):,} 人"
    )


def _goes_with(raw: Estimate) -> tuple[str, str]:
    """Say what the raw numbers seem to promise, where they do."""
    if raw.high is None or raw.high >= 0:
        return "", ""
    size = _size(raw.value)
    return f"goes with lower churn (by {size} points), but ", f"绑定者流失较低（相差 {size} 个百分点），但"


def _size(value: float | None) -> str:
    points = abs(100 * (value or 0.0))
    return f"{points:.1f}" if points < 1 else f"{points:.0f}"


def _interval(estimate: Estimate) -> tuple[str, str]:
    low, high = (f"{100 * (end or 0.0):+.1f}".replace("-", "−") for end in (estimate.low, estimate.high))
    return f"{low} and {high}", f"{low} 与 {high}"
