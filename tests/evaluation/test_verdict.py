import numpy as np
import pandas as pd
import pytest

from mindglyph.evaluation import inflation_sentence, score_decoding, verdict
from mindglyph.evaluation.verdict import gain_sentence, p_alone, p_text
from tests.evaluation.guesses import guesses


def test_guessing_is_no_evidence() -> None:
    score = score_decoding(guesses(0.0), None, 500, seed=0)
    assert score.p_value > 0.05
    sentence = verdict(score.as_metrics(), simulated=False)
    assert sentence.startswith("No evidence that the digit can be read from this recording (")
    assert "chance 10%" in sentence
    assert "600 trials" in sentence


def test_a_signal_is_named_with_its_figures() -> None:
    score = score_decoding(guesses(0.5), 0.8, 500, seed=0)
    sentence = verdict(score.as_metrics(), simulated=True)
    assert sentence.startswith("The digit, one of 10, can be read from this simulated recording")
    assert "p ≤ 0.002," in sentence
    assert "80.0%" in sentence


def test_an_interval_that_holds_chance_is_not_passed_over() -> None:
    score = score_decoding(guesses(0.5), None, 500, seed=0).as_metrics()
    assert "reaches down to chance" not in verdict(score, False)
    doubtful = verdict({**score, "ci95": (0.09, 0.7)}, False)
    assert "95% interval 9.0% to 70.0%, which reaches down to chance: other recordings like this one may" in doubtful


def test_labels_that_are_no_digits_are_not_called_so() -> None:
    predictions = guesses(0.0, n_classes=2).replace(
        {"label": {0: "face", 1: "house"}, "predicted": {0: "face", 1: "house"}}
    )
    assert "the label can be read" in verdict(score_decoding(predictions, None, 200, seed=0).as_metrics(), False)


def test_without_an_order_a_high_score_is_called_what_it_may_be() -> None:
    high, low = (score_decoding(guesses(share), None, 500, seed=0).as_metrics() for share in (0.5, 0.0))
    assert "the score may come from the moment of recording alone" in verdict(high, False, ordered=False)
    assert "moment of recording" not in verdict(low, False, ordered=False)


def test_rare_labels_that_are_told_apart_are_not_called_guessing() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(1000) < 0.15).astype(int)
    predicted = np.where(rng.random(1000) < 0.75, labels, 1 - labels)
    table = pd.DataFrame({"fold": np.arange(1000) // 500, "label": labels, "predicted": predicted, "majority": 0})
    score = score_decoding(table, None, 500, seed=0)
    assert score.accuracy < score.majority == pytest.approx(np.mean(labels == 0))
    assert score.balanced_accuracy == pytest.approx(0.75, abs=0.05)
    sentence = verdict(score.as_metrics(), simulated=False)
    assert "can be told from others" in sentence
    assert f"the most frequent, {score.majority:.1%}" in sentence
    # Always naming the most frequent label is still no evidence of anything.
    always = score_decoding(table.assign(predicted=0), None, 500, seed=0)
    assert always.balanced_accuracy == 0.5
    assert verdict(always.as_metrics(), False).startswith("No evidence")


def _unequal(share_right: float) -> pd.DataFrame:
    """Labels of which one is rare, and beliefs that know some of them."""
    rng = np.random.default_rng(1)
    labels = (rng.random(1000) < 0.25).astype(int)
    believed = np.clip(0.3 + 0.3 * share_right * (2 * labels - 1) + rng.normal(0, 0.15, 1000), 0.01, 0.99)
    return pd.DataFrame(
        {"fold": np.arange(1000) // 200, "label": labels, "predicted": (believed > 0.5).astype(int), "majority": 0}
        | {"p_0": 1 - believed, "p_1": believed}
    )


def test_the_interval_beside_an_area_under_the_curve_says_that_it_is_of_the_accuracy() -> None:
    score = score_decoding(_unequal(0.8), None, 500, seed=0)
    assert score.statistic == "auc"
    assert score.accuracy > score.majority
    low, high = score.ci95
    right = f"{score.accuracy:.1%} of the labels are right (95% interval {low:.1%} to {high:.1%})"
    sentence = verdict(score.as_metrics(), simulated=False)
    assert sentence.endswith(f"1,000 trials; {right}, always naming the most frequent {score.majority:.1%}.")
    assert f"area under the curve {score.auc:.3f}, chance 0.5," in sentence
    # The ceiling is an accuracy too, and follows the one that it is of.
    assert f"{score.majority:.1%}; the most that any decoder could reach here is 99.0%." in verdict(
        {**score.as_metrics(), "ceiling": 0.99}, simulated=True
    )


def test_labels_told_apart_by_their_area_alone_name_the_accuracy_too() -> None:
    score = score_decoding(
        _unequal(0.8).assign(predicted=lambda table: (table["p_1"] > 0.05).astype(int)), None, 500, seed=0
    )
    assert score.accuracy < score.majority
    sentence = verdict(score.as_metrics(), simulated=False)
    assert "can be told from others" in sentence
    assert f"; {score.accuracy:.1%} of the labels are right (95% interval {score.ci95[0]:.1%} to " in sentence


def test_chance_of_many_labels_is_no_nought() -> None:
    score = score_decoding(guesses(0.0), None, 100, seed=0).as_metrics()
    assert "chance 0.5%," in verdict({**score, "chance": 1 / 200}, False)
    assert "chance 33.3%," in verdict({**score, "chance": 1 / 3}, False)


def test_what_failed_the_audit_is_named_and_the_score_not_believed() -> None:
    high, low = (score_decoding(guesses(share), None, 500, seed=0).as_metrics() for share in (0.5, 0.0))
    failed = ["trials on both sides of the split", "labels in runs", "a flat channel", "no order"]
    one = verdict(high, False, failed=failed[:1])
    assert one.startswith("The digit seems to be read from this recording better than by guessing (")
    assert one.endswith("cannot be believed until this is mended: trials on both sides of the split.")
    assert verdict(high, False, failed=failed[:2]).endswith(": trials on both sides of the split and labels in runs.")
    many = verdict(high, False, failed=failed)
    assert many.endswith(": trials on both sides of the split, labels in runs, and 2 more.")
    assert "600 trials" in many
    # Where nothing is claimed, nothing is taken back.
    assert verdict(low, False, failed=failed) == verdict(low, False)


def _split(accuracy: float, n: int = 900) -> dict[str, object]:
    right = np.arange(n) < round(accuracy * n)
    table = pd.DataFrame({"label": np.arange(n) % 10, "fold": np.arange(n) % 5, "majority": 0})
    table["predicted"] = np.where(right[np.random.default_rng(0).permutation(n)], table["label"], -5)
    return score_decoding(table, None, 100, seed=0).as_metrics()


def test_what_a_random_split_adds_is_called_a_leak() -> None:
    assert inflation_sentence(_split(0.112), _split(0.683)) == (
        "A random split of the same recording gives 68.3%: 57.1 percentage points more, "
        "which are a leak and no decoding."
    )


def test_what_chance_may_have_added_is_not_called_a_leak() -> None:
    within = inflation_sentence(_split(0.11), _split(0.12))
    assert within.startswith("A random split of the same recording gives 12.0%: 1.0 percentage points more,")
    assert "within what chance makes of 900 trials" in within
    assert "a leak and" not in within
    less = inflation_sentence(_split(0.12), _split(0.11))
    assert less.startswith("A random split of the same recording gives 11.0%, no more than the honest one (12.0%)")


def test_guessing_that_does_worse_in_blocks_is_no_leak() -> None:
    assert "as guessing does" in inflation_sentence(_split(0.02), _split(0.10))


def test_two_splits_without_a_leak_are_seldom_called_one() -> None:
    # Newcombe's interval has a tail of 2.5% on either side, and each split guesses by itself here.
    rng = np.random.default_rng(0)
    called = 0
    splits = {accuracy: _split(accuracy / 400, 400) for accuracy in range(15, 75)}
    for _ in range(1000):
        honest, random = (splits[count] for count in np.clip(rng.binomial(400, 0.1, size=2), 15, 74))
        called += "a leak and no decoding" in inflation_sentence(honest, random)
    assert called <= 40


def _gain(
    over: float, ci95: tuple[float, float], p_value: float, alignments: tuple[str, ...] = ("ridge", "none")
) -> str:
    gain = {"over_label_only": over, "ci95": ci95, "beyond_digit": 0.0127, "p_value": p_value}
    return gain_sentence({"gain": gain, "alignments": list(alignments), "n_way": 10, "permutations": 1000}) or ""


def test_a_gain_has_its_own_interval_and_no_other_p() -> None:
    said = _gain(-0.0007, (-0.004, 0.003), 0.0335)
    assert "-0.1 percentage points over label only (95% interval -0.4 to +0.3), and" in said
    assert "+1.3 over pictures exchanged among trials of the same label (p = 0.0335)" in said
    assert gain_sentence({"alignments": ["none"]}) is None


@pytest.mark.parametrize(
    ("over", "ci95", "p_value", "tells"),
    [
        (0.08, (0.07, 0.09), 0.0335, True),
        (0.08, (0.07, 0.09), 0.06, False),
        (0.01, (-0.01, 0.03), 0.0335, False),
        (-0.0007, (-0.004, 0.003), 0.0335, False),
    ],
)
def test_a_picture_is_told_only_where_interval_and_p_say_so(
    over: float, ci95: tuple[float, float], p_value: float, tells: bool
) -> None:
    assert ("the recording tells something" in _gain(over, ci95, p_value)) == tells
    assert ("no evidence that the recording tells anything" in _gain(over, ci95, p_value)) != tells


def test_where_no_signal_of_the_picture_was_used_no_figure_is_given() -> None:
    said = _gain(0.0, (0.0, 0.0), 0.088, alignments=("none", "none"))
    assert said.startswith("No signal of the very picture was used")
    assert not any(letter.isdigit() for letter in said)


def test_a_p_is_written_in_one_way() -> None:
    assert p_text(1 / 10_001, 10_000) == "≤ 0.0001"
    assert p_text(2 / 10_001, 10_000) == "= 0.0002"
    assert p_text(0.98754, 10_000) == "= 0.988"
    assert p_text(1e-9) == "< 0.0001"
    assert (p_alone(0.05449), p_alone(1 / 1001, 1000)) == ("0.0545", "≤ 0.000999")
