"""Settings of churn, of the rates the bank states, and of how a model and its effects are judged."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from churn.config.sources import Rate, Section


class LabelSettings(Section):
    """Which ways of leaving count as churn, and what leaving in silence is.

    `silent_floor_cny`: whoever had less at the first month-end of a horizon has nothing whose loss says anything.
    `silent_rule`: "month_end_from" begins at the first month-end on or after the date and asks for two month-ends;
    "month_end_before" is the rule of the first releases: assets at the last month-end before the date against those at
    the last one of the horizon, whatever they were.
    """

    closed: bool = True
    holdings: bool = True
    silent: bool = True
    silent_floor_cny: Annotated[float, Field(ge=0, le=1e12)] = 1000
    silent_rule: Literal["month_end_from", "month_end_before"] = "month_end_from"

    @property
    def finds_silent(self) -> bool:
        """Whether those whom silent attrition had taken before a date are outside the population."""
        return self.silent and self.silent_rule == "month_end_from"

    @model_validator(mode="after")
    def _something_counts(self) -> "LabelSettings":
        if not (self.closed or self.holdings or self.silent):
            raise ValueError("at least one of closed, holdings, silent must be true")
        return self


# Stated by the practice this project serves: of customers with 1, 3 and 5 or more products,
# 62 %, 42 % and 12 % leave within a year. 2 and 4 are not stated.
STATED_ANNUAL_CHURN = {"1": 0.62, "3": 0.42, "5+": 0.12}


class BaselineSettings(Section):
    """A year's churn the bank states for each coverage: keys "1" to "4" and "5+"."""

    stated: dict[Literal["1", "2", "3", "4", "5+"], Rate] = STATED_ANNUAL_CHURN  # type: ignore[assignment]


class TrainingSettings(Section):
    """`embargo_days`: days left free between a development label's end and the held-out snapshot."""

    embargo_days: Annotated[int, Field(ge=0)] = 0


class EffectSettings(Section):
    """How the effect of binding a service is judged.

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


class CampaignSettings(Section):
    """Costs and gains of contacting a customer, all in one currency; see `churn.evaluation.profit`.

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

    @property
    def kept_share(self) -> float:
        """Mean share of leavers who accept, alpha / (alpha + beta)."""
        return self.alpha / (self.alpha + self.beta)
