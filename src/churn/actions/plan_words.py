"""What a plan says to a manager: why now, what to say first, what to offer; always (English, Chinese)."""

from math import isnan
from typing import Literal, NamedTuple

from churn.config import Config, Product, Service
from churn.explanation.reasons.amounts import Pair, money, percent
from churn.features.catalogue import catalogue
from churn.speech import isolate, say

Purpose = Literal["introduce", "invite", "familiarise", "configure", "loss_notice"]
STEPS: tuple[Purpose, ...] = ("introduce", "invite", "familiarise", "configure")
"""What comes next, by how far we got: not reached, spoken to, invited, met."""
RECORDED_AS: dict[Purpose, str] = {
    "introduce": "introduce",
    "invite": "invite",
    "familiarise": "care",
    "configure": "offer",
    "loss_notice": "loss_notice",
}
"""The purpose under which the contact goes into the table `contacts`."""
PURPOSE_WORDS: dict[Purpose, Pair] = {
    "introduce": ("introduce", "自我介绍"),
    "invite": ("invite", "邀约"),
    "familiarise": ("familiarise", "熟悉客户"),
    "configure": ("configure", "产品配置"),
    "loss_notice": ("loss notice", "亏损告知"),
}
KIND_WORDS: dict[str, Pair] = {"meeting": ("meeting", "面谈"), "call": ("call", "电话")}
TIER_WORDS: dict[str, Pair] = {
    "ordinary": ("ordinary", "普通"),
    "gold": ("gold", "金卡"),
    "platinum": ("platinum", "白金卡"),
}

_NOT_YET: Pair = ("Offer nothing yet.", "暂不推介产品。")
_SAY: dict[tuple[Purpose, str], Pair] = {
    ("introduce", "call"): (
        "Say who you are: your name, your branch, how to reach you.",
        "先介绍自己：姓名、网点、联系方式；",
    ),
    ("introduce", "meeting"): (
        "Meet to introduce yourself: your name, your branch, how to reach you.",
        "面谈时先介绍自己：姓名、网点、联系方式；",
    ),
    ("invite", "call"): (
        "Say again who you are, then invite the customer to the branch or to an event.",
        "再次说明身份，邀请客户到网点或参加活动；",
    ),
    ("invite", "meeting"): (
        "Invite the customer in person, to a talk or to an event.",
        "当面邀请客户参加面谈或活动；",
    ),
    ("familiarise", "call"): (
        "Become somebody the customer knows: ask how they are and what they need, and agree on a meeting.",
        "让客户熟悉你：询问近况与需求，并约定面谈；",
    ),
    ("familiarise", "meeting"): (
        "Get to know each other: needs, plans, family. The meeting prepares the product.",
        "相互熟悉：了解需求、打算与家庭情况；面谈为后续产品配置做准备，",
    ),
}
_LOSS_FIRST: Pair = (
    "Tell the customer about the loss before they ask: how much, since when, what can be done. Offer nothing today.",
    "在客户询问之前主动告知亏损：金额、起始时间与可选办法；今天不推介产品。",
)
_NOT_TOLD: Pair = ("not told yet", "尚未告知")
_TOLD_UNKNOWN: Pair = ("whether told is not known", "是否告知过不详")
_PROPOSED: Pair = (
    "a VIP without a manager, for whom this manager is proposed",
    "贵宾客户尚无专属客户经理，建议由该经理负责",
)


class Offer(NamedTuple):
    """What to offer next: a service to bind or a product to open, and the claimed effect (NaN where none is)."""

    service: str | None
    product: str | None
    effect: float


class Facts(NamedTuple):
    """What the reason for one contact is told from.

    Attributes
    ----------
    probability
        Of leaving.
    aum_cny, unrealised_pnl_cny, unrealised_return
        NaN where not known.
    raises
        What raises the risk most, in words; None where the scores do not say.
    tells_loss, is_proposed
        Whether the contact is a loss notice; whether the manager is only proposed.
    is_told_known
        Whether the bank knows to whom a loss was told.
    """

    probability: float
    aum_cny: float
    unrealised_pnl_cny: float
    unrealised_return: float
    raises: Pair | None
    tells_loss: bool
    is_proposed: bool
    is_told_known: bool = True


def why_now(facts: Facts) -> Pair:
    """Say why a customer is on today's plan.

    Examples
    --------
    >>> raises = ("no contact for 75 days", "75 天未联系")
    >>> why_now(Facts(0.42, 120_000.0, -7_000.0, -0.14, raises, False, False))
    ('risk of leaving 42 %, assets CNY 120,000: no contact for 75 days', '流失风险 42%，资产 12 万元：75 天未联系')
    >>> why_now(Facts(0.42, 120_000.0, -7_000.0, -0.14, None, True, False))[0]
    'unrealised loss CNY 7,000 (14 %), not told yet; risk of leaving 42 %, assets CNY 120,000'
    """
    risk, assets = percent(facts.probability), money(facts.aum_cny) if facts.aum_cny > 0 else None
    en, zh = f"risk of leaving {risk[0]}", f"流失风险 {risk[1]}"
    if assets and not (facts.raises and assets[0] in facts.raises[0]):
        en, zh = f"{en}, assets {assets[0]}", f"{zh}，资产 {assets[1]}"
    if facts.raises:
        en, zh = f"{en}: {facts.raises[0]}", f"{zh}：{facts.raises[1]}"
    if facts.tells_loss:
        lost, share = money(facts.unrealised_pnl_cny), _share(facts.unrealised_return)
        told = _NOT_TOLD if facts.is_told_known else _TOLD_UNKNOWN
        en, zh = f"unrealised loss {lost[0]}{share[0]}, {told[0]}; {en}", f"浮亏 {lost[1]}{share[1]}，{told[1]}；{zh}"
    if facts.is_proposed:
        en, zh = f"{en}; {_PROPOSED[0]}", f"{zh}；{_PROPOSED[1]}"
    return en, zh


def _share(value: float) -> Pair:
    if isnan(value):
        return "", ""
    en, zh = percent(value)
    return f" ({en})", f"（{zh}）"


def say_first(purpose: Purpose, kind: str, offer: Offer, config: Config) -> Pair:
    """Say what the contact begins with; a product is offered at the last step alone.

    Examples
    --------
    >>> say_first("invite", "call", Offer(None, None, float("nan")), Config())[0]
    'Say again who you are, then invite the customer to the branch or to an event. Offer nothing yet.'
    >>> say_first("configure", "call", Offer("fund_trading", None, -0.08), Config())
    ('Offer to bind fund trading.', '推荐绑定基金交易。')
    """
    if purpose == "loss_notice":
        return _LOSS_FIRST
    if purpose != "configure":
        en, zh = _SAY[purpose, kind]
        return f"{en} {_NOT_YET[0]}", f"{zh}{_NOT_YET[1]}"
    if offer.service:
        en, zh = _name(offer.service, config.services)
        return f"Offer to bind {en}.", f"推荐绑定{zh}。"
    if offer.product:
        en, zh = _name(offer.product, config.products)
        return f"Propose to open {en}.", f"建议办理{zh}。"
    return "Ask what the customer still needs, and propose what fits.", "询问客户还有哪些需求，再推荐合适的产品。"


def offer_next(offer: Offer, config: Config) -> Pair:
    """Say what to offer once the customer is known, and what it would change; empty where there is nothing to offer.

    Examples
    --------
    >>> en, zh = offer_next(Offer("fund_trading", None, -0.083), Config())
    >>> en
    'bind fund trading: risk 8.3 points lower if bound (estimated)'
    >>> zh
    '绑定基金交易：预计绑定后流失风险下降 8.3 个百分点'
    >>> offer_next(Offer("cts", None, float("nan")), Config())[0]
    'bind third-party custody (CTS): effect not known'
    >>> offer_next(Offer(None, "fund_plan", float("nan")), Config())
    ('open fund auto-invest first', '先办理基金定投')
    """
    if offer.service:
        en, zh = _name(offer.service, config.services)
        if isnan(offer.effect):
            return f"bind {en}: effect not known", f"绑定{zh}：效果未知"
        points = f"{100 * abs(offer.effect):.1f}"
        return (
            f"bind {en}: risk {points} points lower if bound (estimated)",
            f"绑定{zh}：预计绑定后流失风险下降 {points} 个百分点",
        )
    if offer.product:
        en, zh = _name(offer.product, config.products)
        return f"open {en} first", f"先办理{zh}"
    return "", ""


def _name(code: str, names: dict[str, Service] | dict[str, Product]) -> Pair:
    """Name a service or product; one the catalogue does not have (scored with another) by its code."""
    known = names.get(code)
    en, zh = (known.en, known.zh) if known else (code, code)
    return isolate(en), isolate(zh)


def feature_words(config: Config) -> dict[str, Pair]:
    """Give the meaning of every feature, for scores without reasons in words."""
    return {feature.name: (say(feature.meaning, "en"), say(feature.meaning, "zh")) for feature in catalogue(config)}


def why_assigned(manager_id: str | None, n_vips: int | None, branch_id: str) -> Pair:
    """Say why a manager is proposed for a VIP, or why none can be.

    Examples
    --------
    >>> why_assigned("M1", 3, "N")[0]
    'a VIP without a responsible manager; M1 has the fewest VIPs of branch N (3)'
    >>> why_assigned(None, None, "S")
    ('a VIP without a responsible manager; branch S has no manager', '贵宾客户尚无专属客户经理；网点 S 没有客户经理')
    """
    en, zh = "a VIP without a responsible manager", "贵宾客户尚无专属客户经理"
    branch = isolate(branch_id)
    if manager_id is None:
        return f"{en}; branch {branch} has no manager", f"{zh}；网点 {branch} 没有客户经理"
    manager = isolate(manager_id)
    return (
        f"{en}; {manager} has the fewest VIPs of branch {branch} ({n_vips})",
        f"{zh}；{manager} 是网点 {branch} 中贵宾客户最少的经理（{n_vips} 位）",
    )
