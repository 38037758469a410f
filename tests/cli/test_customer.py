"""`churn explain --customer`."""

import json

import numpy as np
import pandas as pd
import pytest

from churn.cli.main import main
from churn.config import PRODUCTS, SERVICES

AS_OF = "2025-01-01"


@pytest.fixture(scope="module")
def scored(scores):
    return pd.read_parquet(scores("--explain")).set_index("customer_id")


@pytest.fixture(scope="module")
def bound(bank, scored):
    """Whether each customer has a service bound, one column a service."""
    table = pd.read_parquet(bank / "bindings.parquet")
    now = table[(table["bound_on"] < AS_OF) & ~(table["unbound_on"] < AS_OF)]
    return pd.crosstab(now["customer_id"], now["service"]).reindex(scored.index, fill_value=0) > 0


@pytest.fixture(scope="module")
def held(bank, scored):
    table = pd.read_parquet(bank / "holdings.parquet")
    now = table[(table["opened_on"] < AS_OF) & ~(table["closed_on"] < AS_OF)]
    return pd.crosstab(now["customer_id"], now["product"]).reindex(scored.index, fill_value=0) > 0


@pytest.fixture
def ask(run, bank, model):
    def call(customer, *more):
        return run("explain", bank, "--model", model, "--as-of", AS_OF, "--customer", customer, *more)

    return call


def error_of(result):
    assert result.code == 2
    [line] = result.err.splitlines()
    assert line.startswith("error: ")
    assert result.out == ""
    return line


def test_a_customer_is_told_what_the_scores_file_says(ask, scored):
    told = scored.astype(object).where(scored.notna(), None)
    for customer in scored.index[:: len(scored) // 3]:
        found = json.loads(ask(customer, "--json").out)
        row = told.loc[customer]

        assert found["churn_probability"] == row["churn_probability"]
        assert found["next_binding"] == row["next_binding"]
        assert found["next_binding_effect"] == row["next_binding_effect"]
        assert found["next_product"] == row["next_product"]
        assert found["raises_en"] == [text for text in row[[f"raises_{rank}_en" for rank in (1, 2, 3)]] if text]
        assert found["holds_zh"] == [text for text in row[[f"holds_{rank}_zh" for rank in (1, 2)]] if text]
        assert found["what_if"] is None


def test_points_sum_to_the_probability_less_the_base_rate(ask, scored, model):
    found = json.loads(ask(scored.index[0], "--json").out)

    assert list(found["points"]) == json.loads((model / "manifest.json").read_text())["features"]
    distance = found["churn_probability"] - found["base_rate"]
    assert sum(found["points"].values()) == pytest.approx(distance, abs=1e-12)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Churn probability", "raises the risk: ", "holds it down: ", "next to "]),
        ("zh", ["流失概率", "推高风险：", "降低风险：", "建议"]),
    ],
)
def test_a_customer_is_told_in_the_language_asked_for(ask, scored, language, words):
    result = ask(scored.index[0], "--lang", language)

    assert result.code == 0
    for word in words:
        assert word in result.out
    texts = scored.loc[scored.index[0], [f"raises_1_{language}", f"holds_1_{language}"]]
    assert all(text in result.out for text in texts)


def test_a_product_is_taken_up_in_chinese(ask, scored):
    customer, product = next(iter(scored["next_product"].dropna().items()))
    said = ask(customer, "--lang", "zh").out.splitlines()

    assert f"建议先办理：{PRODUCTS[product].zh}" in said


def test_a_name_of_the_bank_keeps_its_direction_to_itself(run, bank, model, scored, tmp_path):
    customer, product = next(iter(scored["next_product"].dropna().items()))
    config = tmp_path / "bank.toml"
    config.write_text(f'[products.{product}]\nen = "\u202eB001"\nzh = "\u202eB001"\n', encoding="utf-8")
    arguments = ("explain", bank, "--model", model, "--as-of", AS_OF, "--customer", customer, "--config", config)

    assert "next to open: \u2068\u202eB001\u2069" in run(*arguments).out.splitlines()


def test_a_change_is_answered_by_the_model_and_said_to_be_no_effect(ask, scored, held):
    # Who holds more products stays in this bank; a service is bound together with the product it needs.
    customer = held.index[~held["cts"]][0]
    found = json.loads(ask(customer, "--open", "cts", "--bind", "cts", "--json").out)
    said = ask(customer, "--open", "cts", "--bind", "cts").out.splitlines()[-1]

    assert found["what_if"]["before"] == found["churn_probability"] == scored.loc[customer, "churn_probability"]
    assert found["what_if"]["after"] < found["what_if"]["before"]
    before, after = (f"{100 * found['what_if'][name]:.1f}\u202f%" for name in ("before", "after"))
    assert said == f"the model's answer: {before} → {after} (not the effect of the change)"


def test_what_is_so_already_is_said(ask, bound):
    customer = bound.index[bound["cts"]][0]

    assert "all this is so already" in ask(customer, "--bind", "cts").out
    answer = json.loads(ask(customer, "--bind", "cts", "--json").out)["what_if"]
    assert answer["before"] == answer["after"]


@pytest.mark.parametrize(("option", "known"), [("--bind", SERVICES), ("--unbind", SERVICES), ("--open", PRODUCTS)])
def test_an_unknown_name_is_answered_with_those_that_exist(ask, scored, option, known):
    line = error_of(ask(scored.index[0], option, "telepathy"))

    assert "'telepathy'" in line
    assert ", ".join(known) in line


def test_a_service_whose_product_is_not_held_says_what_to_add(ask, held):
    line = error_of(ask(held.index[~held["cts"]][0], "--bind", "cts"))

    assert line == "error: --bind cts: this customer does not hold cts; add --open cts"


def test_who_would_hold_nothing_is_refused(ask, held):
    customer = held.index[held.sum(axis=1) == 1][0]
    [product] = held.columns[held.loc[customer]]

    assert "nothing would be left" in error_of(ask(customer, "--close", product))


@pytest.mark.parametrize("customer", ["NOBODY", "", "K%"])
def test_who_is_not_in_the_file_is_one_line_without_the_id(ask, customer):
    line = error_of(ask(customer))

    assert "nobody of that id is a customer at 2025-01-01" in line
    assert not customer or customer not in line


def test_who_has_left_by_then_is_no_customer(ask, bank):
    customers = pd.read_parquet(bank / "customers.parquet")
    gone = customers.loc[customers["closed_on"] < "2024-06-01", "customer_id"].iloc[0]

    assert "nobody of that id" in error_of(ask(gone))


@pytest.mark.parametrize(("output", "picture"), [("new", "new/waterfall.png"), ("new/one.png", "new/one.png")])
def test_a_waterfall_is_drawn_into_a_folder_or_a_file_and_again(ask, scored, tmp_path, output, picture):
    for _ in range(2):
        result = ask(scored.index[0], "-o", tmp_path / output)
        assert result.code == 0, result.err
        assert result.err == f"wrote {tmp_path / picture}\n"
    assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [picture.removeprefix("new/")]


def test_a_picture_stands_beside_files_of_somebodys_own(ask, scored, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")

    assert ask(scored.index[0], "-o", tmp_path).code == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_picture_is_not_drawn_into_an_input(ask, scored, bank, model):
    for folder in (bank, model):
        assert "would write over the input" in error_of(ask(scored.index[0], "-o", folder))


def test_a_picture_that_cannot_be_written_is_refused_before_any_work(ask, scored, tmp_path):
    (tmp_path / "file").touch()

    error_of(ask(scored.index[0], "-o", tmp_path / "file" / "new"))


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("flat"), np.random.default_rng(0)
    app = rng.integers(0, 2, 700)
    frame = pd.DataFrame({"id": range(700), "app": app, "city": rng.choice(["北京", "上海"], 700)})
    frame["left"] = (rng.random(700) < 0.6 - 0.4 * app).astype(int)
    frame.to_csv(folder / "flat.csv", index=False)
    (folder / "flat.toml").write_text('[flat]\nid = "id"\nlabel = "left"\nchurned = "1"\nbindings = ["app"]\n')
    arguments = ["train", folder / "flat.csv", "--config", folder / "flat.toml", "-o", folder / "model"]
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    assert not exit_info.value.code
    return folder, frame


def test_a_flat_files_customer_is_explained_and_asked_about_without_its_label(run, flat, tmp_path):
    folder, frame = flat
    frame.drop(columns="left").to_csv(tmp_path / "new.csv", index=False)
    customer = int(frame.index[frame["app"] == 0][0])
    result = run(
        "explain", tmp_path / "new.csv", "--model", folder / "model", "--customer", customer, "--bind", "app", "--json"
    )

    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["next_binding"] == "app"
    assert found["what_if"]["after"] < found["what_if"]["before"] == found["churn_probability"]
    assert "app = 0" in found["raises_en"]
    assert any("city = " in text for text in [*found["raises_en"], *found["holds_en"]])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--customer", "700"], "nobody of that id is in the file"),
        (["--customer", ""], "nobody of that id is in the file"),
        (["--customer", "1", "--bind", "city"], "'city' is not a column of [flat] bindings; take one of app"),
        (["--customer", "1", "--open", "cts"], "a flat file has no products to open or close"),
    ],
)
def test_what_cannot_be_asked_of_a_flat_file_is_one_line(run, flat, arguments, words):
    folder, _ = flat

    assert words in error_of(run("explain", folder / "flat.csv", "--model", folder / "model", *arguments))
