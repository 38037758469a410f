import numpy as np
import pandas as pd
import pytest

from binding_rows import CUSTODY
from churn.api.explaining import (
    MARK,
    explanation_names,
    require_explanation_place,
    write_results,
)
from churn.config import Config
from churn.errors import OutputError
from churn.explanation.bindings import service_names
from churn.explanation.shap import Contributions
from churn.explanation.survey import Survey
from churn.features.catalogue import catalogue

PROMISED = {"bindings.json", "bindings.csv", "bindings.md", "bindings.html", "importance.csv", "importance.png"}


@pytest.fixture(scope="module")
def survey():
    rng = np.random.default_rng(0)
    names = ["n_bound", "aum_cny", "own"]
    importance = pd.DataFrame(
        {"feature": names, "mean_abs_log_odds": [0.5, 0.25, 0.125], "mean_abs_points": [0.1, 0.05, 0.025]}
    )
    sample = Contributions(rng.normal(size=(60, 3)).astype(np.float32), -1.0)
    return Survey(60, importance, {}, sample, pd.DataFrame(rng.normal(size=(60, 3)), columns=names))


def written(folder):
    return {path.name for path in folder.iterdir()}


def test_an_explanation_is_tables_and_pictures(survey, tmp_path):
    write_results(tmp_path, [CUSTODY], survey, catalogue(Config()), {"cts": "CTS"}, "en")

    pictures = {"bindings.png", *(f"dependence_{place}.png" for place in (1, 2, 3))}
    assert written(tmp_path) == PROMISED | pictures
    assert all(path.stat().st_size > 0 for path in tmp_path.iterdir())


def test_without_services_there_is_no_forest_plot_and_an_empty_table(survey, tmp_path):
    write_results(tmp_path, [], survey, (), {}, "en")

    assert "bindings.png" not in written(tmp_path)
    assert (tmp_path / "bindings.json").read_text() == "[]\n"


def test_importance_says_what_each_feature_means_in_both_languages(survey, tmp_path):
    write_results(tmp_path, [], survey, catalogue(Config()), {}, "zh")
    found = pd.read_csv(tmp_path / "importance.csv", keep_default_na=False)

    assert list(found) == [
        *("feature", "mean_abs_log_odds", "mean_abs_points"),
        *("family", "meaning_en", "meaning_zh"),
    ]
    assert found.iloc[0].to_list() == ["n_bound", 0.5, 0.1, "bindings", "services bound", "已绑定服务数"]
    assert found.iloc[2].to_list() == ["own", 0.125, 0.025, "", "", ""]
    # Excel tells UTF-8 by the mark.
    assert (tmp_path / "importance.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_an_earlier_explanation_may_be_replaced(survey, tmp_path):
    write_results(tmp_path, [CUSTODY], survey, (), {}, "en")
    (tmp_path / "shap.parquet").touch()
    (tmp_path / "truth.json").touch()

    assert set(explanation_names(tmp_path)) == written(tmp_path)
    require_explanation_place(tmp_path)


@pytest.mark.parametrize(
    "own", ["notes.txt", "bindings.docx", "importance.xlsx", "shap.parquet.bak", "dependence_9.png"]
)
def test_a_file_of_somebodys_own_is_never_taken_for_an_explanations(tmp_path, own):
    (tmp_path / MARK).write_text("[]")
    (tmp_path / own).touch()

    with pytest.raises(OutputError, match=own):
        require_explanation_place(tmp_path)
    assert written(tmp_path) == {MARK, own}


def test_a_new_place_and_an_empty_folder_are_taken_and_a_file_is_not(tmp_path):
    require_explanation_place(tmp_path / "new")
    require_explanation_place(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not a folder"):
        require_explanation_place(tmp_path / "file")


def test_services_have_names_in_both_languages_and_flat_columns_their_own():
    flat = {"flat": {"id": "i", "label": "l", "churned": "1", "bindings": ["app"]}}

    assert service_names(Config())["cts"] == ("third-party custody (CTS)", "第三方存管")
    assert service_names(Config.model_validate(flat)) == {"app": ("app", "app")}


def test_a_table_of_somebodys_own_is_never_taken_for_an_explanations(tmp_path):
    (tmp_path / MARK).write_text('{"keys": []}')

    with pytest.raises(OutputError, match="is not of an earlier output"):
        require_explanation_place(tmp_path)
