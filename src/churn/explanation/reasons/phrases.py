"""A phrase for every feature, in English and Chinese: what its value says of the customer, true of every value.

The direction changes the tone alone ("only 2 products held", "no contact for 75 days" against "last contact 75 days
ago"), never the fact.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import isnan

from churn.config import Config, Service
from churn.explanation.reasons.amounts import Pair, percent, span
from churn.explanation.reasons.changes import NO_LOSS, drawdown, growth, pace, since_loss, under_water, worst
from churn.explanation.reasons.sentences import (
    FEW,
    Counted,
    Phrase,
    ago,
    count,
    event,
    few,
    level,
    share,
    signed,
    yes_no,
    yuan,
)
from churn.features.feature import Feature
from churn.speech import say

_STAGES = (
    ("not reached within a year", "一年内未联系上"),
    ("reached within a year, neither invited nor met", "一年内联系上，未邀约或面谈"),
    ("reached and invited within a year, not met", "一年内已邀约，未面谈"),
    ("met within a year", "一年内已面谈"),
)
_TIERS = (("ordinary tier", "普通客户"), ("gold tier", "金卡客户"), ("platinum tier", "白金客户"))
_NOT_SINCE_LOSS = ("not reached since the loss began", "浮亏以来未联系上")
NO_TRANSACTIONS = ("no transactions within a year", "一年内无交易")
NO_BINDING = ("no service bound", "未绑定任何服务")
NO_CONTACT = ("no contact within a year", "一年内未联系")
_NOTHING_TO_BIND = ("no product held that a service needs", "所持产品无可绑定服务")

# By the name without its window.
_COUNTED: Mapping[str, Counted] = {
    "n_calls": ("call", "calls", "电话", "次"),
    "n_meetings": ("meeting", "meetings", "面谈", "次"),
    "n_messages": ("message", "messages", "消息", "条"),
    "n_introduce": ("introduction", "introductions", "自我介绍", "次"),
    "n_invite": ("invitation", "invitations", "邀约", "次"),
    "n_care": ("care contact", "care contacts", "关怀", "次"),
    "n_after_sales": ("after-sales contact", "after-sales contacts", "售后联系", "次"),
    "n_loss_notice": ("loss notice", "loss notices", "亏损告知", "次"),
    "n_offer": ("product offer", "product offers", "产品推介", "次"),
    "n_event": ("contact about an event", "contacts about events", "活动联系", "次"),
    "n_transactions": ("transaction", "transactions", "交易", "笔"),
    "n_counter": ("counter transaction", "counter transactions", "柜面交易", "笔"),
    "n_atm": ("ATM transaction", "ATM transactions", "ATM 交易", "笔"),
    "n_online": ("online-banking transaction", "online-banking transactions", "网银交易", "笔"),
    "n_mobile": ("mobile-banking transaction", "mobile-banking transactions", "手机银行交易", "笔"),
    "n_large_ordinary": (
        "large counter transaction on an ordinary ticket",
        "large counter transactions on an ordinary ticket",
        "普通号柜面大额交易",
        "笔",
    ),
    "n_opened": ("product opened", "products opened", "新开产品", "份"),
    "n_closed": ("product closed", "products closed", "关闭产品", "份"),
    "n_unbound": ("service unbound", "services unbound", "解绑服务", "项"),
    "n_referred": ("customer brought", "customers brought", "转介绍客户", "人"),
}


def phrases(catalogue: Sequence[Feature], config: Config) -> dict[str, Phrase]:
    """Give the phrase of every feature of the catalogue, by name.

    A missing count reads "…: not known"; a feature that nobody wrote a phrase for is told by its meaning and value.

    Parameters
    ----------
    catalogue
        As `churn.features.catalogue.catalogue(config)` gives it.
    config
        Its products and services are named.

    Examples
    --------
    >>> from churn.features.catalogue import catalogue
    >>> said = phrases(catalogue(Config()), Config())
    >>> said["days_since_contact"](75.0, True), said["aum_growth_3m"](-0.05, True)
    (('no contact for 75 days', '75 天未联系'), ('assets shrank by 5 % in 3 months', '资产 3 个月减少 5%'))
    """
    own = {**_of_products(config), **_of_services(config), **_NUMBERS}
    told = {feature.name: partial(_guarded, feature, _choose(feature, own)) for feature in catalogue}
    return told | {name: phrase for name, phrase in _with_missing(config).items() if name in told}


def _choose(feature: Feature, own: Mapping[str, Phrase]) -> Phrase:
    if feature.name in own:
        return own[feature.name]
    stem = feature.name.rsplit("_", 1)[0]
    if stem in _COUNTED and feature.window_days is not None:
        return partial(count, _COUNTED[stem], feature.window_days)
    return partial(_by_meaning, feature)


def _guarded(feature: Feature, phrase: Phrase, value: float, raises: bool) -> Pair:
    return (f"{_en(feature)}: not known", f"{_zh(feature)}：不详") if isnan(value) else phrase(value, raises)


def _by_meaning(feature: Feature, value: float, raises: bool) -> Pair:  # noqa: ARG001
    return f"{_en(feature)}: {value:,.6g}", f"{_zh(feature)}：{value:,.6g}"


def _en(feature: Feature) -> str:
    return say(feature.meaning, "en")


def _zh(feature: Feature) -> str:
    return say(feature.meaning, "zh")


def _of_products(config: Config) -> dict[str, Phrase]:
    # Where some products do not count, the number of those that do is not the number held.
    all_count = len(config.coverage_products) == len(config.products)
    held: Counted = ("product held", "products held", "持有产品", "种")
    towards: Counted = (
        "product held that counts towards coverage",
        "products held that count towards coverage",
        "持有计入覆盖的产品",
        "种",
    )
    holds = {
        f"holds_{name}": yes_no(
            (f"{product.en} held", f"持有{product.zh}"), (f"{product.en} not held", f"未持有{product.zh}")
        )
        for name, product in config.products.items()
    }
    coverage = (
        (held, ("no product held", "未持有产品")) if all_count else (towards, ("no " + towards[1], "未" + towards[2]))
    )
    return {**holds, "product_coverage": partial(few, *coverage)}


def _of_services(config: Config) -> dict[str, Phrase]:
    return {f"bound_{name}": yes_no(_bound(service), _unbound(service)) for name, service in config.services.items()}


def _bound(service: Service) -> Pair:
    return f"{service.en} bound", f"已绑定{service.zh}"


def _unbound(service: Service) -> Pair:
    return f"{service.en} not bound", f"未绑定{service.zh}"


def _with_missing(config: Config) -> dict[str, Phrase]:
    """Give the phrases that know what a missing value means."""
    since = {
        f"days_since_bound_{name}": event(
            _unbound(service), (f"{service.en} bound for {{}}", f"{service.zh}已绑定 {{}}")
        )
        for name, service in config.services.items()
    }
    return {**since, **_MISSING_TOLD}


def _eligible(value: float, raises: bool) -> Pair:  # noqa: ARG001
    if not value:
        return _NOTHING_TO_BIND
    en = f"products held allow {value:.0f} service{'' if value == 1 else 's'} to be bound"
    return en, f"所持产品可绑定 {value:.0f} 项服务"


def _reached(value: float, raises: bool) -> Pair:
    if not value:
        return _STAGES[0]
    only = raises and value <= FEW
    en = "once" if value == 1 else f"{value:,.0f} times"
    return f"reached {'only ' if only else ''}{en} in a year", f"一年内{'仅' if only else ''}联系上 {value:,.0f} 次"


def _age(value: float, raises: bool) -> Pair:  # noqa: ARG001
    return ("age not known", "年龄不详") if isnan(value) else (f"aged {value:.0f}", f"{value:.0f} 岁")


def _tenure(value: float, raises: bool) -> Pair:  # noqa: ARG001
    en, zh = span(value)
    return f"customer for {en}", f"成为客户 {zh}"


# A missing value of these reads "…: not known".
_NUMBERS: Mapping[str, Phrase] = {
    "n_holdings": partial(few, ("holding open", "holdings open", "在持产品", "份"), ("no holding open", "无在持产品")),
    "n_sticky_products": partial(
        few,
        ("sticky product held", "sticky products held", "持有高粘性产品", "种"),
        ("no sticky product held", "未持有高粘性产品"),
    ),
    "has_class_1_account": yes_no(
        ("class-1 account here", "在本行有 I 类账户"), ("no class-1 account here", "在本行无 I 类账户")
    ),
    "n_bound": partial(few, ("service bound", "services bound", "已绑定服务", "项"), NO_BINDING),
    "n_eligible": _eligible,
    "n_reached_365d": _reached,
    "familiarity_stage": partial(level, _STAGES),
    "aum_cny": yuan(
        ("no assets at the last month-end", "上月末无资产"), ("assets {}", "资产 {}"), ("assets minus {}", "资产 -{}")
    ),
    "deposits_cny": yuan(("no deposits", "无存款"), ("deposits {}", "存款 {}"), ("deposits minus {}", "存款 -{}")),
    "investments_cny": yuan(
        ("no investments", "无投资"), ("investments {}", "投资 {}"), ("investments minus {}", "投资 -{}")
    ),
    "unrealised_pnl_cny": yuan(
        ("no unrealised profit or loss", "无浮动盈亏"),
        ("unrealised profit {}", "浮盈 {}"),
        ("unrealised loss {}", "浮亏 {}"),
    ),
    "n_months_under_water_12m": under_water,
    "turnover_cny_90d": yuan(
        ("no money moved in 90 days", "90 天内无资金往来"),
        ("{} moved in 90 days", "90 天内交易 {}"),
        ("{} moved in 90 days", "90 天内交易 {}"),
    ),
    "turnover_cny_365d": yuan(
        ("no money moved in a year", "一年内无资金往来"),
        ("{} moved in a year", "一年内交易 {}"),
        ("{} moved in a year", "一年内交易 {}"),
    ),
    "net_flow_cny_90d": yuan(
        ("no net flow in 90 days", "90 天内无净流动"),
        ("net inflow {} in 90 days", "90 天内净流入 {}"),
        ("net outflow {} in 90 days", "90 天内净流出 {}"),
    ),
    "tenure_days": _tenure,
    "tier_level": partial(level, _TIERS),
    "is_managed": yes_no(("has a responsible manager", "有专属客户经理"), ("no responsible manager", "无专属客户经理")),
    "was_referred": yes_no(
        ("brought by another customer", "由他人转介绍"), ("not brought by another customer", "非转介绍客户")
    ),
}
# Of these a missing value says something: it never happened, or there is nothing to speak of.
_MISSING_TOLD: Mapping[str, Phrase] = {
    "days_since_opening": event(
        ("no product opened within a year", "一年内未办理产品"), ("a product opened {} ago", "{}前办理产品")
    ),
    "days_since_closing": event(
        ("no product closed within a year", "一年内未关闭产品"), ("a product closed {} ago", "{}前关闭产品")
    ),
    "share_bound": share(
        _NOTHING_TO_BIND,
        ("none of the possible services bound", "可绑定服务均未绑定"),
        ("all possible services bound", "可绑定服务全部绑定"),
        ("{} of the possible services bound", "可绑定服务已绑定 {}"),
    ),
    "days_since_unbinding": event(
        ("no service unbound within a year", "一年内未解绑服务"), ("a service unbound {} ago", "{}前解绑服务")
    ),
    "reached_share_365d": share(
        NO_CONTACT,
        ("no contact of a year reached the customer", "一年内联系均未接通"),
        ("every contact of a year reached the customer", "一年内联系全部接通"),
        ("{} of a year's contacts reached the customer", "一年内联系接通率 {}"),
    ),
    "days_since_contact": partial(
        ago, NO_CONTACT, ("no contact for {}", "{}未联系"), ("last contact {} ago", "{}前联系过")
    ),
    "days_since_reached": partial(
        ago, _STAGES[0], ("not reached for {}", "{}未联系上"), ("last reached {} ago", "{}前联系上")
    ),
    "days_since_meeting": partial(
        ago,
        ("not met within a year", "一年内未面谈"),
        ("not met for {}", "{}未面谈"),
        ("last met {} ago", "{}前面谈过"),
    ),
    **{f"aum_growth_{months}m": partial(growth, months) for months in (1, 3, 6, 12)},
    "drawdown_12m": drawdown,
    "unrealised_return": signed(
        ("no unrealised profit or loss", "无浮动盈亏"),
        ("unrealised profit {}", "浮盈 {}"),
        ("unrealised loss {}", "浮亏 {}"),
        ("no invested money", "无投资本金"),
        percent,
    ),
    "worst_return_12m": worst,
    "n_reached_since_loss": partial(since_loss, _NOT_SINCE_LOSS, ("reached once", "reached {} times", "联系上 {} 次")),
    "n_loss_notices_since_loss": partial(
        since_loss,
        ("no loss notice since the loss began", "浮亏以来未告知亏损"),
        ("one loss notice", "{} loss notices", "告知亏损 {} 次"),
    ),
    "loss_without_contact": yes_no(_NOT_SINCE_LOSS, ("reached since the loss began", "浮亏以来联系上过"), NO_LOSS),
    "share_digital_365d": share(
        NO_TRANSACTIONS,
        ("no transaction online or mobile in a year", "一年内无线上交易"),
        ("all transactions online or mobile", "全部为线上交易"),
        ("{} of transactions online or mobile", "线上交易占 {}"),
    ),
    "activity_pace_365d": pace,
    "days_since_transaction": partial(
        ago, NO_TRANSACTIONS, ("no transaction for {}", "{}无交易"), ("last transaction {} ago", "{}前有交易")
    ),
    "age_years": _age,
    "days_since_state_change": event(
        ("no known change of tier or manager within a year", "一年内未见等级或经理变更"),
        ("tier or manager changed {} ago", "{}前等级或经理变更"),
    ),
}
