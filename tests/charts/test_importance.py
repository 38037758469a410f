import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.image import imread

from chinese_font import LANGUAGES, needs_chinese_font
from churn.charts.importance import plot_dependence, plot_importance, rank_features
from churn.config import Config
from churn.errors import ExplanationError
from churn.explanation.shap import Contributions
from churn.features.catalogue import catalogue

CATALOGUE = catalogue(Config())
NAMES = ["aum_cny", "bound_cts", "days_since_contact", "share_digital_365d", "tier_level"]


def customers(n=300):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "aum_cny": rng.lognormal(11, 2, n),
            "bound_cts": rng.integers(0, 2, n).astype(float),
            "days_since_contact": np.where(rng.random(n) < 0.4, np.nan, rng.integers(1, 300, n)),
            "share_digital_365d": rng.random(n),
            "tier_level": rng.integers(0, 3, n).astype(float),
        }
    )
    shaps = (frame.rank(pct=True).fillna(0.5) - 0.5).to_numpy() * [-1.0, -0.6, 0.8, 0.1, -0.2]
    return Contributions(shaps.astype(np.float32), -2.0), frame


def inked(path):
    return int((imread(path)[..., :3] < 0.9).any(axis=2).sum())


def test_features_rank_by_their_mean_size_whatever_the_sign():
    explained, _ = customers()
    assert [NAMES[column] for column in rank_features(explained)[:3]] == ["aum_cny", "bound_cts", "days_since_contact"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_beeswarm_shows_every_feature(tmp_path, language):
    explained, frame = customers()
    plot_importance(explained, frame, CATALOGUE, tmp_path / "all.png", language)
    plot_importance(
        Contributions(explained.values[:, :2], -2.0), frame[NAMES[:2]], CATALOGUE, tmp_path / "two.png", language
    )
    assert inked(tmp_path / "all.png") > inked(tmp_path / "two.png") > 5000


def test_at_most_fifteen_features_are_drawn(tmp_path):
    values = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    frame = pd.DataFrame(values, columns=[f"f{number}" for number in range(20)])
    for n in (15, 20):
        kept = rank_features(Contributions(values, 0.0))[:n]
        plot_importance(Contributions(values[:, kept], 0.0), frame.iloc[:, kept], (), tmp_path / f"{n}.png", "en")
    assert (tmp_path / "15.png").read_bytes() == (tmp_path / "20.png").read_bytes()


def test_pictures_are_the_same_bytes_and_leave_nothing_behind(tmp_path):
    explained, frame = customers(5_200)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    for name in ("a", "b"):
        plot_importance(explained, frame, CATALOGUE, tmp_path / f"{name}.png", "en")
        plot_dependence("aum_cny", explained, frame, CATALOGUE, tmp_path / f"{name}2.png", "en")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a2.png").read_bytes() == (tmp_path / "b2.png").read_bytes()
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert plt.get_fignums() == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("feature", NAMES)
def test_dependence_is_drawn_for_every_unit(tmp_path, feature, language):
    explained, frame = customers()
    plot_dependence(feature, explained, frame, CATALOGUE, tmp_path / "plot.png", language)
    assert inked(tmp_path / "plot.png") > 5000


@needs_chinese_font
def test_texts_and_features_without_a_value_are_drawn(tmp_path):
    explained, _ = customers(60)
    frame = pd.DataFrame(
        {
            "职业": ["农民", "Clerk", None] * 20,
            "kind": pd.Categorical([f"kind {number}" for number in range(60)]),
            "never": np.nan,
            "always": 1.0,
            "sometimes": [1.0, np.nan] * 30,
        }
    )
    plot_importance(explained, frame, (), tmp_path / "swarm.png", "en")
    for feature in frame.columns:
        plot_dependence(feature, explained, frame, (), tmp_path / f"{feature}.png", "en")
        assert inked(tmp_path / f"{feature}.png") > 2000


def test_one_customer_is_enough(tmp_path):
    explained, frame = customers(1)
    plot_importance(explained, frame, CATALOGUE, tmp_path / "swarm.png", "en")
    plot_dependence("aum_cny", explained, frame, CATALOGUE, tmp_path / "plot.png", "en")


def test_what_does_not_belong_together_is_refused(tmp_path):
    explained, frame = customers(10)
    with pytest.raises(ExplanationError, match=r"shape \(10, 5\) for features of shape \(9, 5\)"):
        plot_importance(explained, frame[:9], CATALOGUE, tmp_path / "x.png", "en")
    with pytest.raises(ExplanationError, match="no customer"):
        plot_importance(Contributions(explained.values[:0], 0.0), frame[:0], CATALOGUE, tmp_path / "x.png", "en")
    with pytest.raises(ExplanationError, match="no feature 'age'"):
        plot_dependence("age", explained, frame, CATALOGUE, tmp_path / "x.png", "en")
    assert list(tmp_path.iterdir()) == []
