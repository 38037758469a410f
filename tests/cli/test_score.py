import json
import re
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from churn.config import SERVICES
from churn.files import hash_file

AS_OF = "2025-01-01"


@pytest.fixture(scope="module")
def scored(scores):
    return scores()


def test_one_row_for_everyone_in_the_population_sorted_by_id(scored, bank):
    customers = pd.read_parquet(bank / "customers.parquet")
    holdings = pd.read_parquet(bank / "holdings.parquet")
    open_now = holdings[(holdings["opened_on"] < AS_OF) & ~(holdings["closed_on"] < AS_OF)]
    here = customers[(customers["opened_on"] < AS_OF) & ~(customers["closed_on"] < AS_OF)]
    expected = set(here["customer_id"]) & set(open_now["customer_id"])
    found = pd.read_parquet(scored)["customer_id"].tolist()
    gone = json.loads(scored.with_suffix(".manifest.json").read_text())["silently_gone"]
    assert found == sorted(found)
    assert set(found) < expected
    assert len(expected) - len(found) == gone
    assert 0 < gone < 0.15 * len(expected)


def test_other_settings_of_who_has_gone_are_warned_of(run, bank, model, scored, tmp_path):
    config, out = tmp_path / "bank.toml", tmp_path / "s.parquet"
    config.write_text('[label]\nsilent_rule = "month_end_before"\n')
    result = run("score", bank, "--model", model, "--as-of", AS_OF, "-o", out, "--config", config)
    assert result.code == 0
    assert "trained with [label] silent_rule = month_end_from" in " ".join(result.err.split())
    gone = json.loads(scored.with_suffix(".manifest.json").read_text())["silently_gone"]
    assert len(pd.read_parquet(out)) == len(pd.read_parquet(scored)) + gone


def test_bands_follow_the_thresholds_of_the_model(scored, model):
    thresholds = json.loads((model / "manifest.json").read_text())["thresholds"]
    scores = pd.read_parquet(scored)
    probability = scores["churn_probability"]
    assert probability.between(0, 1).all()
    assert ((probability >= thresholds["high"]) == (scores["risk_band"] == "high")).all()
    assert ((probability < thresholds["low"]) == (scores["risk_band"] == "low")).all()
    assert scores["risk_band"].nunique() >= 2


def test_reasons_are_features_of_the_model_and_differ(scored, model):
    names = set(json.loads((model / "manifest.json").read_text())["features"])
    scores = pd.read_parquet(scored)
    given = scores[["reason_1", "reason_2", "reason_3"]]
    assert set(given.to_numpy().ravel()) - {None} <= names
    complete = given.dropna()
    assert len(complete) > 0
    assert (complete.nunique(axis=1) == 3).all()
    # Later reasons are there only where the earlier ones are.
    assert not (given["reason_1"].isna() & given["reason_2"].notna()).any()


def test_the_manifest_says_what_was_scored_with_which_model(scored, bank, model):
    manifest = json.loads(scored.with_suffix(".manifest.json").read_text())
    n_customers = len(pd.read_parquet(bank / "customers.parquet"))
    assert manifest["rows_scored"] == len(pd.read_parquet(scored))
    assert manifest["rows_scored"] + manifest["outside_population"] == n_customers
    assert manifest["model_id"] == json.loads((model / "manifest.json").read_text())["model_id"]
    assert {entry["sha256"] for entry in manifest["inputs"]} == {hash_file(path) for path in bank.iterdir()}
    assert manifest["as_of"] == AS_OF
    assert manifest["quarantined"] == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_bytes_on_any_number_of_threads(run, bank, model, scored, tmp_path, threads):
    out = tmp_path / "scores.parquet"
    assert run("score", bank, "--model", model, "--as-of", AS_OF, "-o", out, "--threads", threads).code == 0
    assert out.read_bytes() == scored.read_bytes()


def test_partitions_change_no_score(run, bank, model, scored, tmp_path, monkeypatch):
    monkeypatch.setattr("churn.data.opened.PARTITION_SIZE", 170)
    out = tmp_path / "scores.parquet"
    assert run("score", bank, "--model", model, "--as-of", AS_OF, "-o", out).code == 0
    assert pq.ParquetFile(out).num_row_groups > 5
    pd.testing.assert_frame_equal(pd.read_parquet(out), pd.read_parquet(scored), check_exact=True)


def test_csv_scores_say_the_same_as_parquet_scores(run, bank, model, scored, tmp_path):
    out = tmp_path / "scores.csv"
    assert run("score", bank, "--model", model, "--as-of", AS_OF, "-o", out).code == 0
    csv = pd.read_csv(out)
    np.testing.assert_array_equal(csv["churn_probability"], pd.read_parquet(scored)["churn_probability"])


def test_what_happens_after_the_date_changes_no_score(run, bank, model, tmp_path):
    folder = shutil.copytree(bank, tmp_path / "bank")
    for name, column in {"transactions": "transacted_on", "contacts": "contacted_on", "pnl": "month"}.items():
        table = pd.read_parquet(folder / f"{name}.parquet")
        table[table[column] < "2024-07-01"].to_parquet(folder / f"{name}.parquet")
    outs = [tmp_path / "all.parquet", tmp_path / "cut.parquet"]
    for data, out in zip((bank, folder), outs, strict=True):
        assert run("score", data, "--model", model, "--as-of", "2024-07-01", "-o", out).code == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_static_columns_of_a_model_are_named_in_its_card_and_asked_for_again(run, bank, tmp_path):
    config = tmp_path / "bank.toml"
    config.write_text('[customers]\nstatic = ["tier"]\n')
    assert (
        run("train", "--without-effects", bank, "-o", tmp_path / "m", "--as-of", "2023-06-01", "--config", config).code
        == 0
    )
    assert "tier" in (tmp_path / "m" / "MODEL_CARD.md").read_text().split("## Limits")[1]
    out = tmp_path / "s.parquet"
    result = run("score", bank, "--model", tmp_path / "m", "--as-of", AS_OF, "-o", out)
    assert result.code == 2
    assert "static = ['tier']" in result.err
    assert run("score", bank, "--model", tmp_path / "m", "--as-of", AS_OF, "-o", out, "--config", config).code == 0


@pytest.fixture(scope="module")
def explained(scores):
    return scores("--explain")


def test_explained_scores_are_the_scores_with_columns_after_them(explained, scored):
    plain, more = pd.read_parquet(scored), pd.read_parquet(explained)

    assert list(plain) == [
        *("customer_id", "as_of", "churn_probability", "risk_band", "product_coverage"),
        *("reason_1", "reason_2", "reason_3", "probability_low", "probability_high"),
    ]
    pd.testing.assert_frame_equal(more[list(plain)], plain, check_exact=True)
    assert list(more)[len(list(plain)) :] == [
        *("next_binding", "next_binding_effect", "next_product"),
        *("raises_1_en", "raises_1_zh", "raises_2_en", "raises_2_zh", "raises_3_en", "raises_3_zh"),
        *("holds_1_en", "holds_1_zh", "holds_2_en", "holds_2_zh"),
        *("raises_1_features", "raises_2_features", "raises_3_features"),
        *("next_binding_effect_low", "next_binding_effect_high", "next_binding_basis"),
    ]


@pytest.mark.parametrize("threads", [1, 2])
def test_explained_scores_are_the_same_bytes_on_any_number_of_threads(run, bank, model, explained, tmp_path, threads):
    out = tmp_path / "scores.parquet"
    result = run("score", bank, "--model", model, "--as-of", AS_OF, "-o", out, "--explain", "--threads", threads)
    assert result.code == 0
    assert out.read_bytes() == explained.read_bytes()


def test_partitions_change_no_explanation(run, bank, model, explained, tmp_path, monkeypatch):
    monkeypatch.setattr("churn.data.opened.PARTITION_SIZE", 600)
    out = tmp_path / "scores.parquet"
    assert run("score", bank, "--model", model, "--as-of", AS_OF, "-o", out, "--explain").code == 0
    pd.testing.assert_frame_equal(pd.read_parquet(out), pd.read_parquet(explained), check_exact=True)


def test_explained_csv_says_the_same_as_explained_parquet(run, bank, model, explained, tmp_path):
    out = tmp_path / "scores.csv"
    assert run("score", bank, "--model", model, "--as-of", AS_OF, "-o", out, "--explain").code == 0
    parquet = pd.read_parquet(explained)
    csv = pd.read_csv(out, dtype={"customer_id": str}, keep_default_na=False)
    assert list(csv) == list(parquet)
    texts = [name for name in parquet if name.startswith(("reason_", "holds_", "next_binding", "next_product"))]
    for number in ("next_binding_effect", "next_binding_effect_low", "next_binding_effect_high"):
        texts.remove(number)
    pd.testing.assert_frame_equal(csv[texts], parquet[texts].fillna("").astype(csv[texts].dtypes))


def test_a_service_is_named_where_its_product_is_held_and_a_product_only_where_none_can_be_bound(explained, bank):
    scores = pd.read_parquet(explained).set_index("customer_id")
    holdings, bindings = (pd.read_parquet(bank / f"{name}.parquet") for name in ("holdings", "bindings"))
    held = holdings[(holdings["opened_on"] < AS_OF) & ~(holdings["closed_on"] < AS_OF)]
    bound = bindings[(bindings["bound_on"] < AS_OF) & ~(bindings["unbound_on"] < AS_OF)]
    holds = set(zip(held["customer_id"], held["product"], strict=True))
    has = set(zip(bound["customer_id"], bound["service"], strict=True))
    named = scores["next_binding"].notna()

    assert 0 < named.sum() < len(scores)
    for customer, service in scores.loc[named, "next_binding"].items():
        assert (customer, SERVICES[service].product) in holds
        assert (customer, service) not in has
    for customer, product in scores.loc[~named, "next_product"].items():
        assert (customer, product) not in holds
        free = [name for name, service in SERVICES.items() if (customer, service.product) in holds]
        assert all((customer, name) in has for name in free)
    assert scores.loc[named, "next_product"].isna().all()
    assert scores.loc[~named, "next_product"].notna().all()  # nobody here holds everything
    assert scores.loc[~named, "next_binding_effect"].isna().all()
    effect = scores["next_binding_effect"].dropna()
    assert (effect <= 0).all()
    assert (-effect <= scores.loc[effect.index, "churn_probability"]).all()


def test_reasons_are_words_in_both_languages(explained):
    scores = pd.read_parquet(explained)
    for name in [name for name in scores if name.endswith("_en")]:
        there = scores[name].notna()
        assert (there == scores[name.removesuffix("en") + "zh"].notna()).all()
        assert scores.loc[there, name].str.replace("\u202f", " ").str.isascii().all()
        assert scores.loc[there, name.removesuffix("en") + "zh"].str.contains("[一-鿿]").all()


def test_no_reason_contradicts_or_repeats_itself(explained):
    scores = pd.read_parquet(explained)
    texts = {text for name in scores if name.endswith(("_en", "_zh")) for text in scores[name].dropna()}

    def told(pattern):
        return [text for text in texts if re.search(pattern, text)]

    assert told("12-month high") != []
    assert told("assets shrank by .* in 12 months") != []
    # The twelve month-ends whose highest is told do not hold the one that growth over 12 months begins from.
    assert told("shrank by .* in 12 months and .*12-month high") == []
    assert told("12-month high and assets shrank by .* in 12 months") == []
    assert told(r"CNY ([\d,]+) and \w+ CNY \1$") == []
    assert told(r"\d\.0 years| 不到") == []
