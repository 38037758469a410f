"""Settings a bank may give in a TOML file; importing this module does nothing.

Every section has a default, so that no file is needed for tables that follow the contract.
"""

import datetime as dt
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from churn.errors import ConfigError

Rate = Annotated[float, Field(gt=0, lt=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Product(_Section):
    """Something a customer can hold.

    `coverage`: whether it counts towards product coverage. `sticky`: whether leaving it is costly.
    """

    en: str
    zh: str
    coverage: bool = True
    sticky: bool = False


class Service(_Section):
    """Something that can be tied to the bank card, and the product one must hold for it."""

    product: str
    en: str
    zh: str


TOTALS = ("合计", "总计", "小计")


class TableSource(_Section):
    """How one table of the contract is found and read in a bank's own extract.

    `totals`: a row whose first cell is one of these words is a total line, no row of the table. `values`: what a
    source's text stands for; an empty text, an empty cell. `constants`: a value for every row of a column that the
    file does not have.
    """

    file: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    totals: tuple[str, ...] = TOTALS
    columns: dict[str, str] = {}
    dates: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    constants: dict[str, str] = {}

    @field_validator("dates")
    @classmethod
    def _dates_can_be_read(cls, forms: dict[str, str]) -> dict[str, str]:
        for column, form in forms.items():
            try:
                same = dt.datetime.strptime(dt.datetime(2025, 1, 31).strftime(form), form)
            except ValueError:
                same = None
            if same is None or (same.month, same.day) != (1, 31):
                raise ValueError(f"{column}: {form!r} does not give a date; use a form such as %Y%m%d")
        return forms


class FlatFile(_Section):
    """One file that already has one row a customer; `encoding`, `sheet`, `totals` as for a table."""

    id: str
    label: str
    churned: str
    coverage: str | None = None
    bindings: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    encoding: str | None = None
    sheet: str | None = None
    totals: tuple[str, ...] = TOTALS


class CustomerSettings(_Section):
    """`static`: columns of `customers` that the bank states have never changed."""

    static: tuple[Literal["tier", "manager_id", "branch_id"], ...] = ()


class LabelSettings(_Section):
    """Which ways of leaving count as churn."""

    closed: bool = True
    holdings: bool = True
    silent: bool = True

    @model_validator(mode="after")
    def _something_counts(self) -> "LabelSettings":
        if not (self.closed or self.holdings or self.silent):
            raise ValueError("at least one of closed, holdings, silent must be true")
        return self


# Stated by the practice this project serves: of customers with 1, 3 and 5 or more products,
# 62 %, 42 % and 12 % leave within a year. 2 and 4 are not stated.
STATED_ANNUAL_CHURN = {"1": 0.62, "3": 0.42, "5+": 0.12}


class BaselineSettings(_Section):
    """A year's churn the bank states for each coverage: keys "1" to "4" and "5+"."""

    stated: dict[Literal["1", "2", "3", "4", "5+"], Rate] = STATED_ANNUAL_CHURN  # type: ignore[assignment]


class TrainingSettings(_Section):
    """`embargo_days`: days left free between a development label's end and the held-out snapshot."""

    embargo_days: Annotated[int, Field(ge=0)] = 0


class EffectSettings(_Section):
    """What the effect of binding a service is judged by.

    `assume_measured`: the bank states that whatever drives binding is in its tables. `cf_y`, `cf_d`: strength of the
    hidden driver that effects are bounded under, as the share of the residual variance of churn and of binding that
    it explains (Chernozhukov et al. 2022, https://doi.org/10.3386/w30302). `worthwhile`: smallest change of the
    churn probability worth a manager's time. `settled_days`: how long a service must have been bound, or its product
    held, to be compared; longer than it takes from deciding to leave to being gone.
    """

    assume_measured: bool = False
    cf_y: Annotated[float, Field(ge=0, lt=1)] = 0.03
    cf_d: Annotated[float, Field(ge=0, lt=1)] = 0.15
    worthwhile: Annotated[float, Field(gt=0, lt=1)] = 0.03
    settled_days: Annotated[int, Field(ge=0, le=3650)] = 91


class CampaignSettings(_Section):
    """What contacting a customer costs and gains, all in one currency; see `churn.evaluation.profit.Campaign`.

    The defaults are those of Verbraken et al. 2013, https://doi.org/10.1109/TKDE.2012.50, in euros: a bank gives its
    own. `customer_value`: worth of a customer who is kept. `incentive`: cost of the offer to whoever takes it.
    `contact_cost`: of one contact. `alpha`, `beta`: the share of leavers who accept has the distribution
    Beta(alpha, beta).
    """

    customer_value: Annotated[float, Field(gt=0)] = 200.0
    incentive: Annotated[float, Field(ge=0)] = 10.0
    contact_cost: Annotated[float, Field(ge=0)] = 1.0
    alpha: Annotated[float, Field(gt=0)] = 6.0
    beta: Annotated[float, Field(gt=0)] = 14.0

    @model_validator(mode="after")
    def _keeping_pays(self) -> "CampaignSettings":
        if self.incentive >= self.customer_value:
            raise ValueError("incentive must cost less than customer_value, what it can keep")
        return self


Share = Annotated[float, Field(ge=0, le=1)]
Contacts = Annotated[int, Field(ge=0, le=200)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class ManagerSettings(_Section):
    """What is different for one manager; `branch`: needed of a manager who has no customer yet."""

    meetings: Contacts | None = None
    calls: Contacts | None = None
    away: tuple[dt.date, ...] = ()
    branch: str | None = None


class PlanSettings(_Section):
    """The managers' day; see docs/plan.md.

    `meetings`, `calls`: stated by the practice this project serves. `rest_days`: whole days that lie between two
    contacts of a customer, at most as far back as contacts are looked at. `hold_out`, `hold_out_salt`: the share of
    customers no score sends anybody to, and what draws it. `weekend`: weekdays on which nobody works, but for
    `working_days`. `contact_effect`, `loss_effect`: the share of churn that a contact, and a loss notice, are assumed
    to prevent; nothing is known of it before the hold-out is compared, and it weighs contacts against bindings alone.
    `take_up`: the share of customers who bind what they are offered, the mean of Beta(6, 14) in Verbraken et al. 2013
    (https://doi.org/10.1109/TKDE.2012.50). `meeting_factor`: what a meeting does, in calls; assumed.
    `product_value_cny`: worth of a product held beside the assets; assumed, so that who has no assets still counts.
    `loss_return`, `loss_cny`: an unrealised loss is told from this share of its cost, or from this amount, on.
    """

    meetings: Contacts = 5
    calls: Contacts = 20
    managers: dict[str, ManagerSettings] = {}
    rest_days: Annotated[int, Field(ge=0, le=365)] = 7
    hold_out: Annotated[float, Field(ge=0, lt=1)] = 0.1
    hold_out_salt: str = "plan"
    holidays: tuple[dt.date, ...] = ()
    weekend: tuple[Weekday, ...] = ()
    working_days: tuple[dt.date, ...] = ()
    contact_effect: Share = 0.05
    loss_effect: Share = 0.10
    take_up: Share = 0.3
    meeting_factor: Annotated[float, Field(ge=1)] = 1.5
    product_value_cny: Annotated[float, Field(ge=0)] = 1_000.0
    loss_return: Rate = 0.05
    loss_cny: Annotated[float, Field(gt=0)] = 10_000.0


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


class CatalogueSettings(_Section):
    """`defaults`: whether the bank's own products and services join the default ones, or replace them all."""

    defaults: bool = True


class Config(_Section):
    """Everything a bank can set. `products` and `services` given in a file join the default ones."""

    tables: dict[str, TableSource] = {}
    flat: FlatFile | None = None
    customers: CustomerSettings = CustomerSettings()
    label: LabelSettings = LabelSettings()
    baselines: BaselineSettings = BaselineSettings()
    training: TrainingSettings = TrainingSettings()
    effects: EffectSettings = EffectSettings()
    campaign: CampaignSettings = CampaignSettings()
    plan: PlanSettings = PlanSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    products: dict[str, Product] = PRODUCTS
    services: dict[str, Service] = SERVICES
    _path: Path | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _join_defaults(cls, given: dict[str, object]) -> dict[str, object]:
        catalogue = given.get("catalogue")
        if isinstance(catalogue, dict) and catalogue.get("defaults") is False:
            return {"products": {}, "services": {}, **given}
        for section, defaults in (("products", PRODUCTS), ("services", SERVICES)):
            own = given.get(section)
            if isinstance(own, dict):
                given = {**given, section: {**defaults, **own}}
        return given

    @model_validator(mode="after")
    def _services_need_known_products(self) -> "Config":
        if not self.coverage_products:
            raise ValueError("products: none counts towards coverage; give one, or leave catalogue.defaults true")
        for section in (self.products, self.services):
            names = [name.lower() for name in section]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(f"{twice!r} stands in the catalogue twice, in capitals and not; leave one")
        for name, service in self.services.items():
            if service.product not in self.products:
                raise ValueError(f"services.{name}.product: {service.product!r} is not a product")
        return self

    @property
    def prefix(self) -> str:
        """What a message about a setting begins with: the file's name, nothing where no file was read."""
        return f"{self._path}: " if self._path else ""

    @cached_property
    def coverage_products(self) -> tuple[str, ...]:
        """Products that count towards coverage, in the catalogue's order."""
        return tuple(name for name, product in self.products.items() if product.coverage)

    @cached_property
    def sticky_products(self) -> tuple[str, ...]:
        """Products that are costly to leave, in the catalogue's order."""
        return tuple(name for name, product in self.products.items() if product.sticky)


def read_config(path: str | Path | None) -> Config:
    """Read a configuration file; without one, the defaults.

    Raises
    ------
    ConfigError
        The file is not there, is not TOML, or has a section, key or value that is not known.

    Examples
    --------
    >>> read_config(None).services["fund_trading"].product
    'fund'
    """
    if path is None:
        return Config()
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path}: is not a regular file; check the path given to --config")
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path given to --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML in UTF-8 ({error}); mend the file") from error
    try:
        config = Config.model_validate(given)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first_problem(error)}") from error
    config._path = path
    return config


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where}: is not a known setting; see docs/configuration.md for those that are"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    said = f"{first['msg'].removeprefix('Value error, ')}{more}; mend the setting"
    return f"{where}: {said}" if where else said
