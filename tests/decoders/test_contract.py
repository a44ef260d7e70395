"""What scikit-learn asks of an estimator, of every decoder.

Its own checks that make no trials run as they are. The others make tables of two axes, which
are no trials; what they ask is asked here of trials.
"""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags

from mindglyph.decoders import decoder_settings
from mindglyph.decoders.base import Decoder
from tests.decoders.quick import QUICK

CHECKS = [
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_mixin_order,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
]
WORDS = np.random.default_rng(1).permutation(np.repeat(["face", "house"], 60))


def _build(name: str, seed: int = 0) -> Decoder[Any]:
    values = dict(QUICK[name])
    if "training" in values:
        values["training"] = {**values["training"], "max_epochs": 2}
    return decoder_settings(name, values).build(64.0, seed)


def _trials(size: float = 0.0) -> np.ndarray:
    """Return noise of 3 channels, in which one of two labels raises the first channel."""
    signals = np.random.default_rng(0).standard_normal((120, 3, 64)).astype(np.float32)
    signals[WORDS == "house", 0, 10:30] += size
    return signals


@pytest.fixture(scope="module")
def fitted() -> dict[str, Decoder[Any]]:
    return {name: _build(name).fit(_trials(), WORDS) for name in QUICK}


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_scikit_learns_own_check(name: str, check: Any) -> None:
    check(name, _build(name))


@pytest.mark.parametrize("name", QUICK)
def test_its_tags_say_that_it_is_a_classifier_of_trials(name: str) -> None:
    tags = get_tags(_build(name))
    assert is_classifier(_build(name))
    assert tags.input_tags.three_d_array
    assert not tags.input_tags.two_d_array


@pytest.mark.parametrize("name", QUICK)
def test_unfitted_it_says_so(name: str) -> None:
    for method in ("predict", "predict_proba", "embed"):
        with pytest.raises(NotFittedError):
            getattr(_build(name), method)(_trials())


@pytest.mark.parametrize("name", QUICK)
def test_fitting_twice_with_one_seed_gives_the_same_and_keeps_the_parameters(
    fitted: dict[str, Decoder[Any]], name: str
) -> None:
    decoder = _build(name)
    before = decoder.get_params()
    assert decoder.fit(_trials(), WORDS) is decoder
    once = decoder.predict_proba(_trials())
    twice = decoder.fit(_trials(), WORDS).predict_proba(_trials())
    np.testing.assert_array_equal(once, twice)
    np.testing.assert_array_equal(once, fitted[name].predict_proba(_trials()))
    assert decoder.get_params() == before


@pytest.mark.parametrize("name", [name for name in QUICK if "training" in QUICK[name]])
def test_another_seed_gives_another_network(fitted: dict[str, Decoder[Any]], name: str) -> None:
    other = _build(name, seed=1).fit(_trials(), WORDS)
    assert not np.array_equal(other.embed(_trials()), fitted[name].embed(_trials()))


# torch says so once of what it only reads.
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")
@pytest.mark.parametrize("name", QUICK)
def test_neither_trials_nor_labels_are_changed(name: str) -> None:
    signals, labels = _trials(), WORDS.copy()
    signals.flags.writeable = labels.flags.writeable = False
    decoder = _build(name).fit(signals, labels)
    state = {key: np.array(array) for key, array in decoder.arrays().items()}
    decoder.predict_proba(signals)
    decoder.embed(signals)
    for key, array in decoder.arrays().items():
        np.testing.assert_array_equal(array, state[key])


@pytest.mark.parametrize("name", QUICK)
def test_a_trial_is_decoded_alike_alone_and_among_others(fitted: dict[str, Decoder[Any]], name: str) -> None:
    signals = _trials()
    together = fitted[name].predict_proba(signals)
    backwards = fitted[name].predict_proba(signals[::-1])[::-1]
    alone = np.concatenate([fitted[name].predict_proba(signals[place : place + 1]) for place in range(8)])
    np.testing.assert_allclose(backwards, together, atol=1e-5)
    np.testing.assert_allclose(alone, together[:8], atol=1e-5)


@pytest.mark.parametrize("name", QUICK)
def test_two_classes_of_words(fitted: dict[str, Decoder[Any]], name: str) -> None:
    decoder = fitted[name]
    assert decoder.classes_.tolist() == ["face", "house"]
    predicted = decoder.predict(_trials())
    assert set(predicted) <= {"face", "house"}
    assert decoder.predict_proba(_trials()).shape == (120, 2)
    assert decoder.score(_trials(), WORDS) == np.mean(predicted == WORDS)


@pytest.mark.parametrize("name", [name for name in QUICK if name != "chance"])
def test_two_classes_of_words_are_told_apart(name: str) -> None:
    decoder = decoder_settings(name, QUICK[name]).build(64.0).fit(_trials(size=2.0), WORDS)
    fresh = np.random.default_rng(5).standard_normal((120, 3, 64)).astype(np.float32)
    fresh[WORDS == "house", 0, 10:30] += 2.0
    assert decoder.score(fresh, WORDS) > 0.75


@pytest.mark.parametrize("name", QUICK)
def test_it_works_in_scikit_learns_pipeline_and_cross_validation(name: str) -> None:
    pipeline = make_pipeline(FunctionTransformer(np.tanh), clone(_build(name)))
    scores = cross_val_score(pipeline, _trials(), WORDS, cv=KFold(2), error_score="raise")
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
