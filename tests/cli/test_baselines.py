import json

import pytest

KEYS = {
    "product_coverage",
    "n",
    "stated",
    "observed",
    "observed_low",
    "observed_high",
    "predicted",
    "verdict",
}


def test_by_default_the_table_is_the_held_out_one_of_training(run, bank, model):
    result = run("baselines", bank, "--model", model, "--json")
    assert result.code == 0
    assert json.loads(result.out) == json.loads((model / "baselines.json").read_text())


def test_at_another_date_it_is_computed_there(run, bank, model):
    result = run("baselines", bank, "--model", model, "--as-of", "2023-10-05", "--json")
    assert result.code == 0
    buckets = json.loads(result.out)
    assert [bucket["product_coverage"] for bucket in buckets] == [1, 2, 3, 4, "5+"]
    assert all(set(bucket) == KEYS for bucket in buckets)
    assert buckets != json.loads((model / "baselines.json").read_text())


def test_a_snapshot_the_model_was_trained_on_is_said_to_be_one(run, bank, model):
    manifest = json.loads((model / "manifest.json").read_text())
    result = run("baselines", bank, "--model", model, "--as-of", manifest["snapshots"][0])
    assert "was trained on" in result.err


def test_a_date_without_a_whole_year_after_it_is_refused(run, bank, model):
    result = run("baselines", bank, "--model", model, "--as-of", "2024-06-01")
    assert result.code == 2
    assert "2024-01-02" in result.err


def test_other_stated_rates_are_held_against_what_was_observed(run, bank, model, tmp_path):
    config = tmp_path / "bank.toml"
    config.write_text('[baselines.stated]\n1 = 0.01\n"5+" = 0.9\n')
    result = run("baselines", bank, "--model", model, "--config", config, "--json")
    buckets = json.loads(result.out)
    kept = json.loads((model / "baselines.json").read_text())
    assert [bucket["stated"] for bucket in buckets] == [pytest.approx(0.01), None, None, None, pytest.approx(0.9)]
    assert [bucket["verdict"] for bucket in buckets] == ["departs", *["not_stated"] * 3, "departs"]
    assert [bucket["observed"] for bucket in buckets] == [bucket["observed"] for bucket in kept]


def test_a_data_end_before_the_labels_end_is_refused(run, bank, model):
    result = run("baselines", bank, "--model", model, "--data-end", "2024-06-30")
    assert result.code == 2
    assert "2023-07-02" in result.err


def test_other_parts_of_the_label_are_counted_anew(run, bank, model, tmp_path):
    config = tmp_path / "bank.toml"
    config.write_text("[label]\nsilent = false\nholdings = false\n")
    result = run("baselines", bank, "--model", model, "--config", config, "--json")
    observed = [bucket["observed"] for bucket in json.loads(result.out)]
    kept = [bucket["observed"] for bucket in json.loads((model / "baselines.json").read_text())]
    assert all(new <= old for new, old in zip(observed, kept, strict=True))
    assert observed != kept
