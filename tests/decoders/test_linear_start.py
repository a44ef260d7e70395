from dataclasses import replace

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from mindglyph.decoders import decoder_settings
from mindglyph.decoders.linear_start import LinearStart, one_row_a_class

CENTRES = np.random.default_rng(0).standard_normal((3, 20))


def _classifier() -> LinearDiscriminantAnalysis:
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _trials(n_trials: int, seed: int, centres: np.ndarray = CENTRES) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(n_trials) % len(centres))
    return centres[codes] + 1.5 * rng.standard_normal((n_trials, 20)), codes


def _start(centres: np.ndarray = CENTRES, frozen: bool = False) -> LinearStart:
    coef, intercept = one_row_a_class(_classifier().fit(*_trials(5000, 1, centres)))
    return LinearStart({"coef": coef, "intercept": intercept}, frozen)


def _accuracy(weights: tuple[np.ndarray, np.ndarray]) -> float:
    embedding, codes = _trials(3000, 3)
    coef, intercept = weights
    return float(np.mean((embedding @ coef.T + intercept).argmax(axis=1) == codes))


def test_a_good_source_is_believed_and_a_useless_one_is_not() -> None:
    learned = _trials(40, 2)
    useless = np.random.default_rng(8).standard_normal((3, 20))
    assert _start().best_share(_classifier, *learned) >= 0.5
    assert _start(useless).best_share(_classifier, *learned) <= 0.25
    assert _start(useless, frozen=True).best_share(_classifier, *learned) == 1.0


def test_the_mixture_lies_between_the_two_opinions() -> None:
    learned = _trials(40, 2)
    mixed = _start().mixed(_classifier(), *learned)
    own = one_row_a_class(_classifier().fit(*learned))
    for found, expected in zip(mixed[0.0], own, strict=True):
        np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(mixed[0.25][0], 0.25 * mixed[1.0][0] + 0.75 * mixed[0.0][0])
    assert _accuracy(mixed[1.0]) > _accuracy(mixed[0.0])


def test_the_sources_scores_may_stand_for_other_classes() -> None:
    embedding, codes = _trials(60, 2)
    swapped = (codes + 1) % 3
    coef, intercept = _start(frozen=True).mixed(_classifier(), embedding, swapped)[1.0]
    tested, truth = _trials(3000, 3)
    assert np.mean((tested @ coef.T + intercept).argmax(axis=1) == (truth + 1) % 3) > 0.7


def test_too_few_trials_to_choose_by_take_half_of_each() -> None:
    assert _start().best_share(_classifier, *_trials(6, 2)) == 0.5


def test_two_classes_have_a_row_each() -> None:
    embedding, codes = _trials(200, 2, CENTRES[:2])
    classifier = _classifier().fit(embedding, codes)
    coef, intercept = one_row_a_class(classifier)
    scores = embedding @ coef.T + intercept
    np.testing.assert_allclose(scores[:, 1] - scores[:, 0], classifier.decision_function(embedding))


def test_a_rare_class_counts_as_much_as_the_others_where_classes_are_balanced() -> None:
    embedding, codes = _trials(600, 2)
    kept = (codes < 2) | (np.arange(600) % 10 == 0)
    learned = embedding[kept], codes[kept]
    tested, truth = _trials(3000, 3)

    def named(balanced: bool, frozen: bool) -> float:
        """Return how often the rare class is named where it is right."""
        start = replace(_start(frozen=frozen), balanced=balanced)
        coef, intercept = start.mixed(_classifier(), *learned)[1.0]
        return float(np.mean((tested @ coef.T + intercept).argmax(axis=1)[truth == 2] == 2))

    for frozen in (False, True):
        assert named(True, frozen) > named(False, frozen) + 0.02


def test_a_decoder_tells_its_start_to_balance_the_classes() -> None:
    codes = _trials(120, 2)[1]
    signals = np.random.default_rng(0).standard_normal((120, 2, 80)).astype(np.float32)
    source = decoder_settings("lda").build(64.0).fit(signals, codes)
    signals, codes = signals[codes < 2], codes[codes < 2]
    rare = (codes == 0) | (np.arange(len(codes)) % 6 == 0)
    named = []
    for how in (None, "balanced"):
        decoder = decoder_settings("lda", {"class_weight": how}).build(64.0)
        decoder.start_from(source, frozen=True)
        named.append(np.mean(decoder.fit(signals[rare], codes[rare]).predict(signals) == 1))
    assert named[1] > named[0] + 0.1
