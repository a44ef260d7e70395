import numpy as np
import pandas as pd
import pytest

from mindglyph.tuning.outer import least_p_value, paired_difference


def predictions(right: np.ndarray, belief: float = 0.6, seed: int = 0) -> pd.DataFrame:
    """Return predictions of which some are right, with the label believed by `belief` where they are."""
    labels = np.random.default_rng(seed).permutation(np.arange(len(right)) % 4)
    predicted = np.where(right, labels, (labels + 1) % 4)
    beliefs = np.full((len(right), 4), (1 - belief) / 3)
    beliefs[np.arange(len(right)), predicted] = belief
    return pd.DataFrame({"label": labels, "predicted": predicted, **{f"p_{k}": beliefs[:, k] for k in range(4)}})


def test_a_decoder_does_not_differ_from_itself() -> None:
    table = predictions(np.arange(200) % 3 == 0)
    found = paired_difference(table, table, 0)
    assert found.accuracy == found.log_loss == found.gained == found.lost == 0
    assert found.accuracy_ci95 == found.log_loss_ci95 == (0, 0)
    assert found.p_value == 1


def test_a_difference_has_the_sign_of_who_is_better() -> None:
    rng = np.random.default_rng(0)
    better, worse = predictions(rng.random(600) < 0.6), predictions(rng.random(600) < 0.4)
    found, turned = paired_difference(better, worse, 0), paired_difference(worse, better, 0)
    low, high = found.accuracy_ci95
    assert 0 < low < found.accuracy < high
    assert found.log_loss_ci95[1] < 0
    assert found.p_value < 0.001
    assert found.gained - found.lost == round(600 * found.accuracy)
    assert turned.accuracy == -found.accuracy
    assert (turned.gained, turned.lost) == (found.lost, found.gained)


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held, wrong = 0, 0
    for number in range(40):
        tables = [predictions(rng.random(300) < 0.3, seed=number) for _ in range(2)]
        found = paired_difference(*tables, seed=number)
        held += found.accuracy_ci95[0] <= 0 <= found.accuracy_ci95[1]
        wrong += found.p_value <= 0.05
    assert held >= 33
    assert wrong <= 6


def test_neighbours_that_err_together_widen_the_interval() -> None:
    apart = np.random.default_rng(2).random(400) < 0.5
    together = np.repeat(np.random.default_rng(3).random(40) < 0.5, 10)
    none = predictions(np.zeros(400, dtype=bool))
    widths = [np.ptp(paired_difference(predictions(right), none, 0).accuracy_ci95) for right in (apart, together)]
    assert widths[1] > 2 * widths[0]


def test_a_label_that_was_never_learned_costs_much_and_not_everything() -> None:
    table = predictions(np.ones(80, dtype=bool))
    found = paired_difference(table.drop(columns="p_0"), table, 0)
    assert np.isfinite(found.log_loss)
    assert found.log_loss > 1


@pytest.mark.parametrize("n_blocks", [1, 3, 5])
def test_p_falls_no_lower_than_blocks_can_be_exchanged(n_blocks: int) -> None:
    n_trials = 10 * n_blocks
    found = paired_difference(predictions(np.ones(n_trials, bool)), predictions(np.zeros(n_trials, bool)), 0)
    assert -(-n_trials // found.block) == n_blocks
    assert found.p_value == pytest.approx(least_p_value(n_blocks))


def test_one_block_says_nothing() -> None:
    one, other = predictions(np.ones(8, dtype=bool)), predictions(np.zeros(8, dtype=bool))
    assert paired_difference(one, other, 0).p_value == pytest.approx(1)
