"""`sparse-forest`: the thesis's last decoder, many sparse CNNs whose verdicts a decision forest joins.

An expert for each pair of digits and one for each digit against the rest, 55 for ten digits, are
trained once for each inner fold, a stretch of time that they do not see. What they say of that
stretch, with mean and spread of each channel, is what the forest learns from: of no trial does it
ever see a verdict by a network that was trained on it, or stopped by it.

A new trial is heard by the team of each inner fold; the forest judges team by team, and its
probabilities are averaged. Averaging the teams' verdicts before the forest, or training the
experts anew on all trials, would show it verdicts of another spread than those it learned from.

References
----------
Wolpert (1992), "Stacked generalization", https://doi.org/10.1016/S0893-6080(05)80023-1.
Geurts et al. (2006), "Extremely randomized trees", https://doi.org/10.1007/s10994-006-6226-1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier

from mindglyph.decoders.base import Decoder, DecoderSettings
from mindglyph.decoders.expert_teams import InnerFold, Team, inner_folds, of_prefix
from mindglyph.decoders.experts import Experts
from mindglyph.decoders.features import band_powers, channel_statistics
from mindglyph.decoders.monitor import Monitor
from mindglyph.decoders.sparse_cnn import SparseCNNSettings

_LEAST = 1e-3
"""Probability below which no forest is believed, since a few hundred trees cannot tell zero."""


class SparseForestSettings(DecoderSettings):
    """Experts and the forest over them.

    Attributes
    ----------
    expert : SparseCNNSettings
        Network of an expert, and how it is trained.
    trunk : {"shared", "own"}
        `shared` trains one network a fold, whose layers but the last serve all experts; `own`
        trains the experts one by one, as the thesis did.
    common : int
        Units of the dense layer of a shared trunk, which all experts decide by; a network of
        its own has `features` of `expert`. A dense layer for each expert on a shared trunk
        learns the trials by heart.
    inner_folds : int
        Stretches of time, each with a team of experts that does not see it.
    gap : int
        Trials left out on either side of a stretch.
    forest : {"extra-trees", "random-forest", "boosting"}
        What joins the experts.
    trees : int
        Trees of the forest; of boosting, a fifth as many rounds with a tree for each class.
    leaf : int
        Trials that a leaf holds at least.
    band_powers : bool
        Whether the forest also sees each channel's power in the bands of the EEG.
    """

    expert: SparseCNNSettings = SparseCNNSettings()
    trunk: Literal["shared", "own"] = "shared"
    common: int = Field(32, ge=1)
    inner_folds: int = Field(5, ge=2)
    gap: int = Field(10, ge=0)
    forest: Literal["extra-trees", "random-forest", "boosting"] = "extra-trees"
    trees: int = Field(500, ge=10)
    leaf: int = Field(3, ge=1)
    band_powers: bool = False

    def build(self, sfreq: float, seed: int = 0) -> SparseForest:
        """Return the decoder."""
        return SparseForest(self, sfreq=sfreq, seed=seed)

    def build_forest(self, seed: int) -> Any:
        """Return an unfitted forest."""
        if self.forest == "boosting":
            return HistGradientBoostingClassifier(
                learning_rate=0.05,
                max_iter=self.trees // 5,
                max_leaf_nodes=8,
                min_samples_leaf=max(20, self.leaf),
                early_stopping=False,
                random_state=seed,
            )
        kind = ExtraTreesClassifier if self.forest == "extra-trees" else RandomForestClassifier
        return kind(n_estimators=self.trees, min_samples_leaf=self.leaf, random_state=seed)


class SparseForest(Decoder[SparseForestSettings]):
    """Experts trained fold by fold, and a forest over what they say of what they have not seen.

    Attributes
    ----------
    teams_ : list of Team
        The experts of each inner fold.
    forest_ : estimator
        Fitted to what they say.
    """

    settings_class = SparseForestSettings

    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        settings = self.settings_
        folds = inner_folds(codes, settings.inner_folds, settings.gap, settings.expert.training.held_out)
        self.teams_ = self._teams()
        unseen = []
        for number, (team, fold) in enumerate(zip(self.teams_, folds, strict=True)):
            team.train(signals, codes, fold, monitor.of_part(f"fold-{number + 1}"))
            unseen.append(team.features(signals[fold.outside]))
        self.history_ = _mean_history([epochs for team in self.teams_ for epochs in team.history()])
        features = np.hstack([np.concatenate(unseen), self._statistics(signals)])
        held_out_scores = np.concatenate([self._judged(features, codes, fold) for fold in folds])
        self.forest_ = settings.build_forest(self.seed).fit(features, codes)
        return np.arange(len(codes)), held_out_scores

    def _teams(self) -> list[Team]:
        settings = self.settings_
        experts = Experts.of_classes(len(self.classes_))
        network = settings.expert
        if settings.trunk == "shared":
            network = network.model_copy(update={"features": settings.common})
        return [
            Team(network, settings.trunk, experts, self.sfreq, (self.seed, number))
            for number in range(settings.inner_folds)
        ]

    def _statistics(self, signals: np.ndarray) -> np.ndarray:
        parts = [channel_statistics(signals)]
        if self.settings_.band_powers:
            parts.append(band_powers(signals, self.sfreq))
        return np.hstack(parts)

    def _judged(self, features: np.ndarray, codes: np.ndarray, fold: InnerFold) -> np.ndarray:
        """Return the scores of a stretch by a forest that has not seen it: they find the temperature."""
        forest = self.settings_.build_forest(self.seed).fit(features[fold.inside], codes[fold.inside])
        return np.log(self._probabilities(forest, features[fold.outside]))

    def _probabilities(self, forest: Any, features: np.ndarray) -> np.ndarray:
        return np.clip(forest.predict_proba(features), _LEAST, 1)

    def _scores(self, signals: np.ndarray) -> np.ndarray:
        statistics = self._statistics(signals)
        verdicts = [np.hstack([team.features(signals), statistics]) for team in self.teams_]
        return np.log(np.mean([self._probabilities(self.forest_, features) for features in verdicts], axis=0))

    def _embedding(self, signals: np.ndarray) -> np.ndarray:
        return np.mean([team.features(signals) for team in self.teams_], axis=0)

    def _arrays(self) -> dict[str, np.ndarray]:
        return {
            f"fold-{number + 1}.{name}": array
            for number, team in enumerate(self.teams_)
            for name, array in team.arrays().items()
        }

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.teams_ = self._teams()
        for number, team in enumerate(self.teams_):
            team.restore(of_prefix(arrays, f"fold-{number + 1}."), self.shape_)

    def _forests(self) -> dict[str, Any]:
        return {"forest": self.forest_}

    def _restore_forests(self, forests: Mapping[str, Any]) -> None:
        self.forest_ = forests["forest"]


def _mean_history(histories: list[list[dict[str, float]]]) -> list[dict[str, float]]:
    """Return the mean of each epoch over the networks that came so far."""
    mean = []
    for place in range(max(map(len, histories))):
        epochs = [history[place] for history in histories if place < len(history)]
        mean.append({name: float(np.mean([epoch[name] for epoch in epochs])) for name in epochs[0]})
    return mean
