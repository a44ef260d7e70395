"""Predictions of a decoder that knows a share of the labels and guesses the others, as several tests score them."""

import numpy as np
import pandas as pd


def guesses(share_right: float, n: int = 600, n_classes: int = 10, n_folds: int = 3, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n)
    guessed = rng.integers(n_classes, size=n)
    predicted = np.where(rng.random(n) < share_right, labels, guessed)
    return pd.DataFrame({"fold": np.arange(n) * n_folds // n, "label": labels, "predicted": predicted, "majority": 0})
