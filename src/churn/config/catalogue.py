"""What a customer can hold, and what can be tied to the bank card."""

from churn.config.section import Section


class Product(Section):
    """Something a customer can hold.

    `coverage`: whether it counts towards product coverage. `sticky`: whether leaving it is costly.
    """

    en: str
    zh: str
    coverage: bool = True
    sticky: bool = False


class Service(Section):
    """Something that can be tied to the bank card, and the product one must hold for it."""

    product: str
    en: str
    zh: str


PRODUCTS = {
    "debit_card": Product(en="debit card", zh="借记卡"),
    "time_deposit": Product(en="time deposit", zh="定期存款"),
    "wealth_management": Product(en="wealth management", zh="理财产品"),
    "fund": Product(en="fund", zh="基金"),
    "fund_plan": Product(en="fund auto-invest", zh="基金定投", sticky=True),
    "credit_card": Product(en="credit card", zh="信用卡"),
    "mortgage": Product(en="mortgage", zh="住房按揭", sticky=True),
    "online_banking": Product(en="online banking", zh="网上银行", sticky=True),
    "mobile_banking": Product(en="mobile banking", zh="手机银行", sticky=True),
    "cts": Product(en="third-party custody (CTS)", zh="第三方存管", sticky=True),
    "cash_sweep": Product(en="cash sweep", zh="资金归集", sticky=True),
    "precious_metals": Product(en="precious metals", zh="贵金属"),
    "insurance": Product(en="insurance", zh="保险"),
}
SERVICES = {
    "online_banking": Service(product="online_banking", en="online banking", zh="网上银行"),
    "mobile_banking": Service(product="mobile_banking", en="mobile banking", zh="手机银行"),
    "credit_card_repayment": Service(product="credit_card", en="credit-card repayment", zh="信用卡还款"),
    "mortgage_repayment": Service(product="mortgage", en="mortgage repayment", zh="按揭还款"),
    "fund_trading": Service(product="fund", en="fund trading", zh="基金交易"),
    "wealth_management": Service(product="wealth_management", en="wealth management", zh="理财签约"),
    "cts": Service(product="cts", en="third-party custody (CTS)", zh="第三方存管"),
    "cash_sweep": Service(product="cash_sweep", en="cash sweep", zh="资金归集"),
}


class CatalogueSettings(Section):
    """`defaults`: whether the bank's own products and services join the default ones, or replace them all."""

    defaults: bool = True
