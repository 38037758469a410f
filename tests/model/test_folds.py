import numpy as np

from churn.model.folds import customer_folds, stratified_folds

IDS = [f"C{number:05d}" for number in range(10_000)]


def test_a_customer_is_in_the_same_fold_wherever_it_appears():
    folds = customer_folds([*IDS, *reversed(IDS)], 5, "a")

    np.testing.assert_array_equal(folds[:10_000], folds[10_000:][::-1])


def test_fold_depends_on_the_text_of_the_id_alone():
    assert customer_folds([7], 1000, "a") == customer_folds(["7"], 1000, "a")


def test_folds_are_about_equal_in_size():
    # each of 5 folds is Binomial(10,000, 0.2): mean 2,000, standard deviation 40
    sizes = np.bincount(customer_folds(IDS, 5, "a"), minlength=5)

    assert len(sizes) == 5
    assert np.all(np.abs(sizes - 2000) < 4 * 40)


def test_different_salts_give_unrelated_folds():
    # the chance to be in fold 0 of 4 twice is 1/16: mean 625, standard deviation 24
    both = (customer_folds(IDS, 4, "a") == 0) & (customer_folds(IDS, 4, "b") == 0)

    assert abs(both.sum() - 625) < 4 * 24


def test_no_customer_gives_no_fold():
    assert customer_folds([], 3, "a").shape == (0,)


def test_stratified_folds_share_out_each_class():
    y = np.array([0] * 20 + [1] * 10)

    folds = stratified_folds(y, 5, seed=3)

    np.testing.assert_array_equal(np.bincount(folds[:20]), [4] * 5)
    np.testing.assert_array_equal(np.bincount(folds[20:]), [2] * 5)


def test_same_seed_gives_the_same_stratified_folds_and_another_gives_others():
    y = np.array([0, 1] * 50)

    np.testing.assert_array_equal(stratified_folds(y, 5, seed=1), stratified_folds(y, 5, seed=1))
    assert np.any(stratified_folds(y, 5, seed=1) != stratified_folds(y, 5, seed=2))
