"""What measures are called and counted in, and what a reader must know; always (English, Chinese)."""

from collections.abc import Mapping

from churn.explanation.reasons.amounts import Pair

MEASURES: Mapping[str, Pair] = {
    "meetings_per_day": ("Meetings a manager and working day", "客户经理人均每工作日面谈次数"),
    "calls_per_day": ("Calls a manager and working day", "客户经理人均每工作日电话次数"),
    "days_kept": ("Days with enough meetings and calls", "面谈与电话均达标的工作日占比"),
    "vip_responsibility": ("VIPs with a responsible manager of their branch", "有本网点专属客户经理的贵宾客户占比"),
    "losses_contacted": ("Losses spoken of in time", "亏损客户及时联系率"),
    "product_coverage": ("Products a customer", "户均持有产品数"),
    "product_coverage_change": ("Change of products a customer", "户均持有产品数变化"),
    "bindings_per_customer": ("Services bound a customer", "户均绑定服务数"),
    "bindings_per_customer_change": ("Change of services bound a customer", "户均绑定服务数变化"),
    "potential_vips_seen": ("Potential VIPs among ordinary counter customers", "柜面普通客户中潜在贵宾客户占比"),
    "potential_vips_converted": ("Potential VIPs that became VIPs", "潜在贵宾转化率"),
    "referrals": ("Customers brought, per 1,000 customers and year", "每千名客户年转介新客户数"),
    "referrals_change": ("Change of customers brought, against the year before", "转介新客户数同比变化"),
    "churn_observed": ("Churn observed", "实际流失率"),
    "churn_observed_where_stated": ("Churn observed, where a rate is stated", "实际流失率（仅限有既定流失率的客户）"),
    "churn_stated": ("Churn stated, by products held", "既定流失率（按持有产品数）"),
    "churn_predicted": ("Churn predicted of today's customers", "现有客户预测流失率"),
    "hold_out_difference": ("Churn of the hold-out less that of the others", "对照组与其他客户的流失率之差"),
    "value_kept": ("Value kept, from the hold-out", "留存价值（按对照组推算）"),
    "contacted_difference": (
        "Churn of those contacted less that of the others (no effect of contact)",
        "已联系客户与其他客户的流失率之差（非联系效果）",
    ),
    "offers_difference": (
        "Churn of those offered at random less that of the others",
        "随机推介组与未推介组的流失率之差",
    ),
}
"""Every measure, in the order in which they stand."""

_SHARE, _POINTS, _PER_DAY = ("share", "占比"), ("difference of shares", "占比之差"), ("per day", "次/日")
_PRODUCTS, _SERVICES = ("products", "种"), ("services", "项")
_PER_THOUSAND = ("per 1,000 customers", "名/千名客户")

UNITS: Mapping[str, Pair] = {
    "meetings_per_day": _PER_DAY,
    "calls_per_day": _PER_DAY,
    "days_kept": _SHARE,
    "vip_responsibility": _SHARE,
    "losses_contacted": _SHARE,
    "product_coverage": _PRODUCTS,
    "product_coverage_change": _PRODUCTS,
    "bindings_per_customer": _SERVICES,
    "bindings_per_customer_change": _SERVICES,
    "potential_vips_seen": _SHARE,
    "potential_vips_converted": _SHARE,
    "referrals": _PER_THOUSAND,
    "referrals_change": _PER_THOUSAND,
    "churn_observed": _SHARE,
    "churn_observed_where_stated": _SHARE,
    "churn_stated": _SHARE,
    "churn_predicted": _SHARE,
    "hold_out_difference": _POINTS,
    "value_kept": ("yuan", "元"),
    "contacted_difference": _POINTS,
    "offers_difference": _POINTS,
}
"""What each measure's value is counted in."""

COUNTED: Mapping[str, Pair] = {
    "meetings_per_day": ("managers' working days", "客户经理工作日"),
    "calls_per_day": ("managers' working days", "客户经理工作日"),
    "days_kept": ("managers' working days", "客户经理工作日"),
    "vip_responsibility": ("VIPs", "贵宾客户"),
    "losses_contacted": ("losses that began", "新发生的亏损"),
    "product_coverage": ("customers", "客户"),
    "product_coverage_change": ("customers then and now", "期初期末均在的客户"),
    "bindings_per_customer": ("customers", "客户"),
    "bindings_per_customer_change": ("customers then and now", "期初期末均在的客户"),
    "potential_vips_seen": ("ordinary customers at the counter", "到柜的普通客户"),
    "potential_vips_converted": ("potential VIPs seen then", "当时识别的潜在贵宾客户"),
    "referrals": ("customers", "客户"),
    "referrals_change": ("customers", "客户"),
    "churn_observed": ("customers with an outcome", "已有结果的客户"),
    "churn_observed_where_stated": ("customers with an outcome and a stated rate", "已有结果且有既定流失率的客户"),
    "churn_stated": ("customers with an outcome and a stated rate", "已有结果且有既定流失率的客户"),
    "churn_predicted": ("customers with a score", "有评分的客户"),
    "hold_out_difference": ("customers with an outcome", "已有结果的客户"),
    "value_kept": ("customers with an outcome", "已有结果的客户"),
    "contacted_difference": ("customers with an outcome", "已有结果的客户"),
    "offers_difference": ("customers of campaigns", "参与活动的客户"),
}
"""What each measure's `n` counts."""

LEVELS: Mapping[str, Pair] = {
    "bank": ("bank", "全行"),
    "branch": ("branch", "网点"),
    "manager": ("manager", "客户经理"),
}

NOTES: tuple[Pair, ...] = (
    (
        (
            "Customers who were contacted differ from the others: managers call whom they fear to lose. That more or"
            " fewer of them leave says nothing of what a contact does; only the hold-out and randomised offers do"
        ),
        (
            "被联系的客户本就不同于其他客户：客户经理往往先联系流失风险高的人。其流失率高低不能说明联系的效果，"
            "只有随机对照组和随机推介才能说明"
        ),
    ),
    (
        (
            "Every customer counts for today's branch and manager, whoever looked after them then; a manager's branch"
            " is the one of most of their customers"
        ),
        "每位客户按今日所属网点和客户经理统计，不论当时由谁负责；客户经理的网点为其多数客户所在网点",
    ),
    (
        (
            "Every interval is one of 95 %: of 20 units in which nothing is unusual, about one lies outside by chance."
            " Few customers, wide intervals; where nobody is counted there is no value"
        ),
        (
            "区间均为 95% 置信区间：20 个毫无异常的单位中，约有 1 个会因偶然落在区间之外。"
            "客户越少，区间越宽；无人可统计时不给出数值"
        ),
    ),
    (
        (
            "The churn predicted is of today's customers, the churn observed of those of an earlier day: another time"
            " and another group, not to be subtracted"
        ),
        "预测流失率针对现有客户，实际流失率针对此前某日的客户：时间与人群均不同，不可直接相减",
    ),
    (
        (
            "Contacts count for whoever made them; managers without a customer today, and without a branch in the"
            " configuration, are not counted"
        ),
        "联系记录计入实际联系的客户经理；目前名下无客户、配置中也未指定网点的客户经理不计入",
    ),
    (
        "Changes of products and bindings are of customers who stayed: who left is not in them",
        "产品数与绑定数的变化仅统计留下的客户，不含已流失客户",
    ),
)
"""What holds of every bank."""
