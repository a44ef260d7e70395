"""What is searched, on which trials, and what a decoding of chosen settings is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from mindglyph.decoders.registry import decoder_settings
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.errors import UserError
from mindglyph.evaluation import BlockedSplit
from mindglyph.evaluation.splits import Fold
from mindglyph.search import Range, space, under, value_at, with_values
from mindglyph.settings import checked
from mindglyph.trials import Trials

PREPROCESSING = "preprocessing"
"""Before the names of the preprocessing's settings, which stand beside the decoder's own."""


class TuningSettings(DecodingSettings):
    """What is searched. Decoder settings and preprocessing are those that the search begins with.

    Attributes
    ----------
    fixed : tuple of str
        Settings that stay as they are, by path; one that has settings of its own fixes them all.
    searched : tuple of str
        Settings that alone are searched; empty searches all that declare a range.
    folds : int
        Stretches of the outer training trials that are tested in turn within the search.
    gap : int
        Trials left out beside a tested stretch.
    test_share : float
        Share of the trials, the last in time, that the search never sees.
    permutations : int
        Of the labels, for the p-value of the score on these.
    """

    fixed: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    folds: int = Field(4, ge=2)
    gap: int = Field(10, ge=0)
    test_share: float = Field(0.2, ge=0.05, le=0.5)
    permutations: int = Field(10_000, ge=100)

    def values(self) -> dict[str, Any]:
        """Return all settings that the search begins with, as plain values: the decoder's, and the preprocessing's."""
        decoder = decoder_settings(self.decoder, self.decoder_settings)
        return {**decoder.model_dump(mode="json"), PREPROCESSING: self.preprocessing.model_dump(mode="json")}

    def space(self) -> dict[str, Range]:
        """Return where each setting is looked for.

        Returns
        -------
        dict of str to Range
            By path, such as `training.learning_rate`.

        Raises
        ------
        UserError
            If there is nothing to search, or a name is none of a setting with a range.
        """
        of_decoder = space(decoder_settings(self.decoder, self.decoder_settings))
        if not of_decoder:
            raise UserError(f"tune: {self.decoder} has nothing to search: choose another decoder")
        every = {**of_decoder, **space(self.preprocessing, f"{PREPROCESSING}.")}
        for name in self.searched:
            if not any(under(path, name) for path in every):
                raise UserError(f"--search {name}: no such setting has a range: choose among {', '.join(every)}")
        found = {
            path: where
            for path, where in every.items()
            if not any(under(path, name) for name in self.fixed)
            and (not self.searched or any(under(path, name) for name in self.searched))
        }
        if not found:
            raise UserError("tune: every setting is fixed: leave one to search")
        return found

    def start(self) -> dict[str, Any]:
        """Return the searched settings' values that the search begins with, by path.

        Returns
        -------
        dict of str to object
            By path.

        Raises
        ------
        UserError
            If one lies outside its range.
        """
        values = self.values()
        start = {path: value_at(values, path) for path in self.space()}
        for path, where in self.space().items():
            if not where.holds(start[path]):
                raise UserError(f"tune: {path} = {start[path]} lies outside its range {where}: fix it, or take another")
        return start

    def chosen(self, params: Mapping[str, Any]) -> DecodingSettings:
        """Return the decoding in which the searched settings have the values of `params`.

        Parameters
        ----------
        params : mapping of str to object
            By path.

        Returns
        -------
        DecodingSettings
            All others are as at the beginning.

        Raises
        ------
        UserError
            If the values do not fit one another.
        """
        values = with_values(self.values(), params)
        preprocessing = values.pop(PREPROCESSING)
        plain = {name: getattr(self, name) for name in ("decoder", "autoencoder", "balance", "seed")}
        return checked(
            DecodingSettings, "settings of a trial", decoder_settings=values, preprocessing=preprocessing, **plain
        )

    def outer(self, trials: Trials) -> Fold:
        """Return the places of the trials that are searched on, and of those that the search never sees.

        Parameters
        ----------
        trials : Trials
            All of the store.

        Returns
        -------
        Fold
            Places of the trials searched on, and of those tested.

        Raises
        ------
        UserError
            If a label stands among the latter alone.
        """
        n_trials = len(trials)
        n_test = round(self.test_share * n_trials)
        train, test = np.arange(max(0, n_trials - n_test - self.gap)), np.arange(n_trials - n_test, n_trials)
        unknown = np.setdiff1d(trials.labels[test], trials.labels[train])
        if len(unknown):
            raise UserError(f"tune: label {unknown[0]} occurs in the last trials only: take a longer recording")
        return train, test

    def inner(self, trials: Trials) -> list[Fold]:
        """Return the folds of the search, as places among all trials; none of them is of the outer test.

        Parameters
        ----------
        trials : Trials
            All of the store.

        Returns
        -------
        list of Fold
            Places of the trials learned from, and of those tested.

        Raises
        ------
        UserError
            If there are too few trials.
        """
        train, _ = self.outer(trials)
        labels = trials.labels[train]
        return [
            (train[learned], train[tested])
            for learned, tested in BlockedSplit(self.folds, self.gap).split(labels, labels)
        ]
