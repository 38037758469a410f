"""Every setting stands in the documentation, in TOML that can be read, at the value it has by default."""

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
from pydantic import BaseModel

from churn.config import Config

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = [
    (page.name, block)
    for page in sorted(DOCS.glob("*.md"))
    for block in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
]
SECTIONS = {
    name: field.annotation
    for name, field in Config.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
# Shown with a value, so that one sees what it looks like; the default is empty, and said beside it.
EXAMPLES = {"customers.static", "plan.weekend", "plan.holidays", "plan.working_days", "plan.managers",
            "progress.begun_on"}  # fmt: skip


@pytest.fixture(scope="module")
def documented():
    found = defaultdict(dict)
    for _, block in BLOCKS:
        for section, settings in tomllib.loads(block).items():
            found[section] |= settings
    return found


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_toml_of_the_documentation_is_a_configuration(page, block):
    assert Config.model_validate(tomllib.loads(block)), page


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_is_documented(section, documented):
    assert set(SECTIONS[section].model_fields) == set(documented[section])


@pytest.mark.parametrize("section", SECTIONS)
def test_documented_values_are_the_defaults(section, documented):
    shown = {name: value for name, value in documented[section].items() if f"{section}.{name}" not in EXAMPLES}
    settings = SECTIONS[section].model_validate(shown).model_dump()
    assert settings == SECTIONS[section]().model_dump()
