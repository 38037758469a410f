import json

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
