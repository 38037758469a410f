"""`churn explain` on a simulated bank, whose truth is known, and on a flat file with bindings."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pandas as pd
import pytest

from churn.cli.main import main
from churn.config import SERVICES
from churn.explanation.bindings import FIELDS
from made_once import made_once

AS_OF = "2025-01-01"
TABLES = {"bindings.json", "bindings.csv", "bindings.md", "bindings.html", "importance.csv", "shap.parquet"}
PICTURES = {"bindings.png", "importance.png", *(f"dependence_{place}.png" for place in (1, 2, 3, 4))}


def call(*arguments):
    """Call the command line where no test is running yet; return what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    assert not exit_info.value.code, err.getvalue()
    return out.getvalue()


@pytest.fixture(scope="module")
def simulated(commanded):
    return commanded / "bank"


@pytest.fixture(scope="module")
def trained(commanded):
    return commanded / "model"


@pytest.fixture(scope="module")
def explained(simulated, trained, tmp_path_factory):
    """Explain everybody with options, once; give the folder and what was printed."""

    def make(name, *options):
        def explain_all(folder):
            words = ("explain", simulated, "--model", trained, "--as-of", AS_OF, "-o", folder / "out", *options)
            (folder / "said.txt").write_text(call(*words), encoding="utf-8")

        folder = made_once(tmp_path_factory, name, explain_all)
        return folder / "out", (folder / "said.txt").read_text(encoding="utf-8")

    return make


@pytest.fixture(scope="module")
def english(explained):
    return explained("explained-english", "--truth", "--threads", 1)


@pytest.fixture(scope="module")
def chinese(explained):
    return explained("explained-chinese", "--lang", "zh", "--threads", 2)


@pytest.fixture(scope="module")
def scored(simulated, trained, tmp_path_factory):
    def score(folder):
        call("score", simulated, "--model", trained, "--as-of", AS_OF, "-o", folder / "s.parquet", "--explain")

    return pd.read_parquet(made_once(tmp_path_factory, "explained-scores", score) / "s.parquet")


def make_flat(place):
    rng = np.random.default_rng(0)
    app, age = rng.integers(0, 2, 900), rng.integers(20, 80, 900)
    frame = pd.DataFrame(
        {
            "id": [f"{number:04d}" for number in range(900)],
            "app": np.where(app == 1, "yes", "no"),
            "card": rng.integers(0, 2, 900),
            "nobody": 0,
            "age": age,
            "left": (rng.random(900) < 0.5 - 0.25 * app + 0.004 * (age - 50)).astype(int),
        }
    )
    (place / "flat.toml").write_text(
        '[flat]\nid = "id"\nlabel = "left"\nchurned = "1"\nbindings = ["app", "card", "nobody"]\n'
    )
    frame.to_csv(place / "flat.csv", index=False)
    call("train", place / "flat.csv", "--config", place / "flat.toml", "-o", place / "flat-model")


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    place = made_once(tmp_path_factory, "explain-flat", make_flat)
    return place / "flat.csv", place / "flat-model"


@pytest.fixture(scope="module")
def flat_explained(flat, tmp_path_factory):
    """Explain the flat file once; give the folder and the JSON that was printed."""

    def make(place):
        said = call("explain", flat[0], "--model", flat[1], "-o", place / "out", "--json")
        (place / "said.json").write_text(said, encoding="utf-8")

    place = made_once(tmp_path_factory, "explain-flat-out", make)
    return place / "out", json.loads((place / "said.json").read_text(encoding="utf-8"))


def explain(run, data, model, *more):
    return run("explain", data, "--model", model, "--as-of", AS_OF, *more)


def bindings_of(folder):
    return {row["service"]: row for row in json.loads((folder / "bindings.json").read_text())}


def without(bank, folder, *tables):
    shutil.copytree(bank, folder, ignore=lambda *_: {"truth", *(f"{table}.parquet" for table in tables)})
    return folder


def require_one_line(result, *words):
    assert result.code == 2
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert result.err.splitlines()[-1] == errors[0]
    for word in words:
        assert word in errors[0]


def test_tables_and_pictures_are_written(english, chinese):
    assert TABLES | PICTURES | {"truth.json"} <= {path.name for path in english[0].iterdir()}
    assert {path.name for path in chinese[0].iterdir()} >= TABLES | PICTURES
    assert not (chinese[0] / "truth.json").exists()


def test_the_table_has_every_service_with_the_fields_that_programs_rely_on(english):
    rows = json.loads((english[0] / "bindings.json").read_text())

    assert {row["service"] for row in rows} == set(SERVICES)
    assert all(tuple(row) == FIELDS for row in rows)
    assert all(row["n_bound"] <= row["n_eligible"] for row in rows)
    assert list(pd.read_csv(english[0] / "bindings.csv")) == list(rows[0])


def test_everybody_who_is_scored_is_explained_and_values_add_up(english, scored, trained):
    shap = pd.read_parquet(english[0] / "shap.parquet")
    names = json.loads((trained / "manifest.json").read_text())["features"]
    margin = shap[[*names, "base_value"]].sum(axis=1)

    assert list(shap) == ["customer_id", *names, "base_value"]
    assert len(set(shap["base_value"])) == 1
    assert shap["customer_id"].tolist() == scored["customer_id"].tolist()
    # Calibration keeps the order, as far as it distinguishes.
    order = np.argsort(margin.to_numpy())
    assert (np.diff(scored["churn_probability"].to_numpy()[order]) > -1e-4).all()


def test_importance_ranks_every_feature_of_the_model(english, trained):
    found = pd.read_csv(english[0] / "importance.csv")

    assert sorted(found["feature"]) == sorted(json.loads((trained / "manifest.json").read_text())["features"])
    assert found["mean_abs_log_odds"].is_monotonic_decreasing
    shap = pd.read_parquet(english[0] / "shap.parquet")
    expected = shap[found["feature"]].abs().astype(float).mean()
    np.testing.assert_allclose(found["mean_abs_log_odds"], expected, rtol=1e-6)


def test_two_runs_on_any_number_of_threads_give_the_same_bytes(english, chinese):
    for name in ("bindings.json", "bindings.csv", "importance.csv", "shap.parquet"):
        assert (english[0] / name).read_bytes() == (chinese[0] / name).read_bytes(), name


def test_the_table_is_printed_in_the_language_asked_for(english, chinese):
    for (folder, said), name, text in ((english, "mobile banking", "text_en"), (chinese, "手机银行", "text_zh")):
        assert f"│ {name} " in said
        for row in bindings_of(folder).values():
            assert row[text] in said.splitlines()
    assert "│ mobile banking" not in chinese[1]


def test_the_truth_grades_every_service(english, simulated):
    graded = {row["service"]: row for row in json.loads((english[0] / "truth.json").read_text())}
    effects = pd.read_parquet(simulated / "truth" / "effects.parquet")
    atu = effects[(effects["service"] == "cts") & (effects["group"] == "unbound")]["effect"]

    assert set(graded) == set(SERVICES)
    kinds = ["att", "atu", "itt", "late"]
    fields = ["service", *kinds, *(f"{name}_covered" for name in kinds), "grade"]
    assert all(list(row) == fields for row in graded.values())
    assert graded["cts"]["atu"] == pytest.approx(atu.item())
    assert {row["grade"] for row in graded.values()} <= {"right", "wrong", "open"}
    assert "True effects of the simulated bank" in english[1]


def test_a_bank_without_truth_is_refused_before_any_work(run, simulated, trained, tmp_path):
    bank = without(simulated, tmp_path / "bank")
    result = explain(run, bank, trained, "-o", tmp_path / "out", "--truth")

    require_one_line(result, "--truth is for banks made by churn simulate")
    assert "estimating" not in result.err
    assert not (tmp_path / "out").exists()


def test_an_earlier_explanation_is_replaced(run, flat, flat_explained, tmp_path):
    data, model = flat
    shutil.copytree(flat_explained[0], tmp_path / "out")
    (tmp_path / "out" / "bindings.json").write_text("[]")
    assert run("explain", data, "--model", model, "-o", tmp_path / "out").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert bindings_of(tmp_path / "out") == bindings_of(flat_explained[0])


@pytest.mark.parametrize("own", ["notes.txt", "bindings.docx"])
def test_a_folder_with_other_files_is_refused_untouched(run, flat, tmp_path, own):
    data, model = flat
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / own).write_text("mine")
    (tmp_path / "out" / "bindings.json").write_text("[]")
    result = run("explain", data, "--model", model, "-o", tmp_path / "out")

    require_one_line(result, f"holds other files ({own}")
    assert (tmp_path / "out" / own).read_text() == "mine"
    assert (tmp_path / "out" / "bindings.json").read_text() == "[]"


def test_an_output_that_is_an_input_or_lies_in_one_is_refused(run, simulated, trained):
    before = sorted(path.name for path in simulated.iterdir())
    for output in (simulated, trained, simulated / "new", trained / "new"):
        require_one_line(explain(run, simulated, trained, "-o", output), str(output))
    assert sorted(path.name for path in simulated.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--as-of", AS_OF], ["-o is missing", "--customer"]),
        (["-o", "out"], ["--as-of is missing"]),
        (["-o", "out", "--as-of", "2030-01-01"], ["2030-01-01", "after the data end"]),
        (["-o", "out", "--as-of", "1990-01-01"], ["1990-01-01"]),
        (["-o", "out", "--as-of", AS_OF, "--bind", "cts"], ["ask about one customer; give --customer"]),
        (["-o", "out", "--as-of", AS_OF, "--close", "cts"], ["ask about one customer; give --customer"]),
        (["--customer", "C0000001", "--as-of", AS_OF, "--truth"], ["--truth", "leave it out"]),
        (["--customer", "C0000001", "--as-of", AS_OF, "--bind", "cts", "--unbind", "cts"], ["cts is given to both"]),
        (["--customer", "C0000001", "--as-of", AS_OF, "--open", "cts", "--close", "cts"], ["cts is given to both"]),
    ],
)
def test_a_call_that_cannot_be_used_is_one_line_before_any_work(
    run, simulated, trained, tmp_path, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    result = run("explain", simulated, "--model", trained, *arguments)

    require_one_line(result, *words)
    assert "estimating" not in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("table", "lost"), [("contacts", "n_calls_30d"), ("bindings", "bound_online_banking")])
def test_a_table_the_model_was_trained_with_must_be_there(run, simulated, trained, tmp_path, table, lost):
    bank = without(simulated, tmp_path / "bank", table)
    for more in (["-o", tmp_path / "out"], ["--customer", first_customer(simulated)]):
        result = explain(run, bank, trained, *more)
        require_one_line(result, "columns missing", lost)
        assert "estimating" not in result.err
    assert not (tmp_path / "out").exists()


def first_customer(bank):
    customers = pd.read_parquet(bank / "customers.parquet")
    here = (customers["opened_on"].astype(str) < "2024-01-01") & customers["closed_on"].isna()
    return customers.loc[here, "customer_id"].iloc[0]


def test_who_lacks_a_class_1_account_is_told_to_open_one_as_in_the_scores(run, simulated, trained, scored):
    customer = scored.loc[scored["next_product"] == "debit_card", "customer_id"].iloc[0]

    assert (
        json.loads(explain(run, simulated, trained, "--customer", customer, "--json").out)["next_product"]
        == "debit_card"
    )
    assert explain(run, simulated, trained, "--customer", customer).out.splitlines()[-1] == (
        "next to open: debit card with a class-1 account"
    )


@pytest.fixture(scope="module")
def trained_without_bindings(simulated, tmp_path_factory):
    def make(place):
        bank = without(simulated, place / "bank", "bindings")
        call("train", bank, "-o", place / "model", "--as-of", AS_OF)

    place = made_once(tmp_path_factory, "explain-without-bindings", make)
    return place / "bank", place / "model"


def test_without_a_bindings_table_there_is_nothing_to_explain(run, trained_without_bindings, tmp_path):
    bank, model = trained_without_bindings

    require_one_line(explain(run, bank, model, "-o", tmp_path / "out"), "table bindings is missing")
    assert not (tmp_path / "out").exists()


def test_a_model_that_knows_no_bindings_has_effects_and_no_contrasts(
    run, simulated, trained_without_bindings, english, tmp_path
):
    result = explain(run, simulated, trained_without_bindings[1], "-o", tmp_path / "out")

    assert result.code == 0, result.err
    for service, row in bindings_of(tmp_path / "out").items():
        assert row["shap_contrast_log_odds"] is row["shap_contrast_points"] is None
        theirs = bindings_of(english[0])[service]
        for same in ("n_eligible", "n_bound", "late", "verdict"):
            assert row[same] == theirs[same]


def test_services_that_nobody_or_everybody_has_cannot_be_judged_by_records(run, simulated, trained, tmp_path):
    bank = without(simulated, tmp_path / "bank", "campaigns")
    bindings = pd.read_parquet(bank / "bindings.parquet")
    holdings = pd.read_parquet(bank / "holdings.parquet")
    everybody = holdings[holdings["product"] == "cts"].drop_duplicates("customer_id")
    everybody = everybody.assign(service="cts", bound_on=everybody["opened_on"], unbound_on=pd.NaT)
    kept = bindings[bindings["service"] == "mobile_banking"]
    pd.concat([kept, everybody[bindings.columns].astype(bindings.dtypes)]).to_parquet(bank / "bindings.parquet")
    result = explain(run, bank, trained, "-o", tmp_path / "out")

    assert result.code == 0, result.err
    rows = bindings_of(tmp_path / "out")
    assert rows["cts"]["n_bound"] == rows["cts"]["n_eligible"] > 0
    assert rows["cash_sweep"]["n_bound"] == 0 < rows["cash_sweep"]["n_eligible"]
    for service, said in (("cts", "everybody who could has bound it"), ("cash_sweep", "nobody has bound it")):
        assert (rows[service]["verdict"], rows[service]["evidence"]) == ("cannot_tell", "none")
        assert rows[service]["shap_contrast_points"] is None
        assert said in rows[service]["text_en"]


def test_the_json_of_a_flat_file_is_that_of_its_folder(flat_explained):
    folder, rows = flat_explained

    assert rows == json.loads((folder / "bindings.json").read_text())
    found = {row["service"]: row for row in rows}
    assert set(found) == {"app", "card", "nobody"}
    assert found["app"]["n_eligible"] == found["card"]["n_eligible"] == 900
    assert found["app"]["effect_atu_high"] < 0  # binding the app keeps customers in these data
    assert found["app"]["late"] is None
    assert (found["nobody"]["n_bound"], found["nobody"]["verdict"]) == (0, "cannot_tell")


def test_a_flat_file_without_bindings_has_an_empty_table(run, flat, tmp_path):
    config = tmp_path / "flat.toml"
    config.write_text('[flat]\nid = "id"\nlabel = "left"\nchurned = "1"\n')
    result = run("explain", flat[0], "--model", flat[1], "--config", config, "-o", tmp_path / "out")

    assert result.code == 0, result.err
    assert json.loads((tmp_path / "out" / "bindings.json").read_text()) == []


def test_what_a_flat_file_lacks_is_one_line(run, flat, tmp_path):
    data, model = flat
    frame = pd.read_csv(data, dtype=str)
    for column in ("age", "app", "left"):
        frame.drop(columns=column).to_csv(tmp_path / "flat.csv", index=False)
        result = run("explain", tmp_path / "flat.csv", "--model", model, "-o", tmp_path / "out")
        require_one_line(result, f"column {column}")
    assert not (tmp_path / "out").exists()


def test_a_binding_the_model_was_trained_without_is_one_line(run, flat, tmp_path):
    config = tmp_path / "flat.toml"
    config.write_text('[flat]\nid = "id"\nlabel = "left"\nchurned = "1"\nbindings = ["web"]\n')
    frame = pd.read_csv(flat[0], dtype=str).assign(web="1")
    frame.to_csv(tmp_path / "flat.csv", index=False)
    result = run("explain", tmp_path / "flat.csv", "--model", flat[1], "--config", config, "-o", tmp_path / "out")

    require_one_line(result, "[flat] bindings: the model was trained without web")


def test_a_flat_file_has_no_date_and_a_folder_is_none(run, flat, simulated, tmp_path):
    data, model = flat

    require_one_line(explain(run, data, model, "-o", tmp_path / "out"), "--as-of: a flat file has no time")
    require_one_line(explain(run, simulated, model, "-o", tmp_path / "out"), "trained on a flat file")


@pytest.mark.parametrize("line", ["reading outcomes", "customers explained"])
def test_stopped_half_way_nothing_is_half_written(simulated, trained, tmp_path, line):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "bindings.json").write_text("[]")
    arguments = ["explain", simulated, "--model", trained, "--as-of", AS_OF, "-o", tmp_path / "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "churn", *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    with process:
        assert any(line in said for said in process.stderr)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (143, "")
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bindings.json"]
    assert (tmp_path / "out" / "bindings.json").read_text() == "[]"
