from typing import get_args

import pytest

from churn.config import Config, ListSettings, ProgressSettings, read_config
from churn.config.actions import Purpose
from churn.errors import ConfigError
from churn.tables.contract import contract_tables


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ("home_share = 0.49", "lists.home_share"),  # two branches could be meant
        ("home_share = 1", "lists.home_share"),
        ("word_purposes = []", "lists.word_purposes"),
        ('word_purposes = ["gossip"]', "lists.word_purposes.0"),
        ("large_counter_cny = 0", "lists.large_counter_cny"),
        ("counter_days = 0", "lists.counter_days"),
        ("platinum_floor_cny = inf", "lists.platinum_floor_cny"),
        ("upgrade_share = 1.01", "lists.upgrade_share"),
        ("referrer_signs = 6", "lists.referrer_signs"),
        ("circle_size = 0", "lists.circle_size"),
        ("gold_floor_cny = 500_000", "lists: platinum_floor_cny must lie above gold_floor_cny"),
        ("fair_products = 6", "lists: strong_products must be at least fair_products"),
        ("strong_services = 0", "lists: strong_services must be at least fair_services"),
        ("quite_days = 3", "lists.quite_days: is not a known setting"),
    ],
)
def test_setting_of_the_lists_outside_its_range_is_named(tmp_path, given, where):
    path = tmp_path / "bank.toml"
    path.write_text(f"[lists]\n{given}\n")
    with pytest.raises(ConfigError, match=f"^{path}: {where}"):
        read_config(path)


@pytest.mark.parametrize("given", ["window_days = 0", "window_days = 366", "loss_days = 0", 'begun_on = "soon"'])
def test_setting_of_progress_outside_its_range_is_named(tmp_path, given):
    path = tmp_path / "bank.toml"
    path.write_text(f"[progress]\n{given}\n")
    with pytest.raises(ConfigError, match=rf"^{path}: progress\.{given.split()[0]}"):
        read_config(path)


def test_lists_and_progress_are_read(tmp_path):
    path = tmp_path / "bank.toml"
    path.write_text("[lists]\nvaluable_cny = 50_000\n[progress]\nloss_days = 3\nbegun_on = 2026-01-05\n")
    config = read_config(path)
    assert config.lists == ListSettings(valuable_cny=50_000)
    assert config.progress == ProgressSettings(loss_days=3, begun_on="2026-01-05")


def test_without_a_file_nobody_follows_the_plan_yet():
    assert Config().progress == ProgressSettings(window_days=30, loss_days=7, begun_on=None)


def test_purposes_are_those_of_the_contract():
    assert get_args(Purpose) == contract_tables(Config())["contacts"]["purpose"].values
