"""The whole configuration, and the file it is read from."""

import tomllib
from functools import cached_property
from pathlib import Path

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from churn.config import actions, modelling, sources
from churn.config.sources import PRODUCTS, SERVICES, Product, Section, Service
from churn.errors import ConfigError


class Config(Section):
    """Everything a bank can set. `products` and `services` given in a file join the default ones."""

    tables: dict[str, sources.TableSource] = Field(default_factory=dict)
    flat: sources.FlatFile | None = None
    customers: sources.CustomerSettings = sources.CustomerSettings()
    label: modelling.LabelSettings = modelling.LabelSettings()
    baselines: modelling.BaselineSettings = modelling.BaselineSettings()
    training: modelling.TrainingSettings = modelling.TrainingSettings()
    effects: modelling.EffectSettings = modelling.EffectSettings()
    campaign: modelling.CampaignSettings = modelling.CampaignSettings()
    plan: actions.PlanSettings = actions.PlanSettings()
    lists: actions.ListSettings = actions.ListSettings()
    progress: actions.ProgressSettings = actions.ProgressSettings()
    catalogue: sources.CatalogueSettings = sources.CatalogueSettings()
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
        """The beginning of a message about a setting: the file's name, nothing where no file was read."""
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
    except ValueError as error:
        raise ConfigError(f"{path}: is not TOML in UTF-8 ({error}); fix the file") from error
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
    said = f"{first['msg'].removeprefix('Value error, ')}{more}; fix the setting"
    return f"{where}: {said}" if where else said
