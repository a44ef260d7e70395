"""`sparse-forest`: the thesis's last decoder, many sparse CNNs whose verdicts a decision forest joins.

An expert for each pair of digits and one for each digit against the rest, 55 for ten digits, are
trained once for each inner fold, a stretch of time that they do not see. What they say of that
stretch, with mean and spread of each channel, is what the forest learns from: of no trial does it
ever see a verdict by a network that was trained on it, or stopped by it.

Trees ask one output at a time and cannot sum, so the experts also vote: which class makes all that
they say most likely. Forest and vote are joined by a weight each, found on the stretches out of
fold, the forest's verdicts there being by forests that had not seen the stretch.

A new trial is heard by the team of each inner fold; forest and vote judge team by team, and the
probabilities are averaged. Averaging the teams' verdicts before the forest, or training the
experts anew on all trials, would show it verdicts of another spread than those it learned from.

References
----------
Wolpert (1992), "Stacked generalization", https://doi.org/10.1016/S0893-6080(05)80023-1.
Geurts et al. (2006), "Extremely randomized trees", https://doi.org/10.1007/s10994-006-6226-1.
Hastie & Tibshirani (1998), "Classification by pairwise coupling", https://doi.org/10.1214/aos/1028144844.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier

from mindglyph.decoders.base import Decoder, DecoderSettings
from mindglyph.decoders.calibration import softmax
from mindglyph.decoders.expert_teams import InnerFold, Team, inner_folds, of_prefix
from mindglyph.decoders.experts import Experts
from mindglyph.decoders.features import band_powers, channel_statistics
from mindglyph.decoders.lessons import Lesson, teach
from mindglyph.decoders.monitor import Monitor
from mindglyph.decoders.pooling import LogLinearPool
from mindglyph.decoders.sparse_cnn import SparseCNNSettings
from mindglyph.search import WholeBetween

_EVENNESS = 0.01
"""Pull of the weights of forest and vote towards one another, which counts where trials are few."""

_LEAST = 1e-3
"""Probability below which no forest is believed, since a few hundred trees cannot tell zero."""


class SparseForestSettings(DecoderSettings):
    """Experts and the forest over them.

    With `class_weight` or `resample` all classes weigh the same with the experts; the forest weighs
    them, or learns from as many trials of each, as is asked.

    Attributes
    ----------
    expert : SparseCNNSettings
        Network of an expert, and how it is trained.
    trunk : {"shared", "own"}
        `shared` trains networks whose layers but the last serve all experts; `own` trains the
        experts one by one, as the thesis did. On five simulated recordings of 1000 events
        (`benchmarks/forest.py trunk=own --ceiling 0.95`) three shared trunks decode 0.540 and
        networks of their own 0.466 of the trials, in three times the processor's time.
    trunks : int
        Shared networks of a fold, whose experts' probabilities are averaged.
    common : int
        Units of the dense layer of a shared trunk, which all experts decide by; a network of
        its own has `features` of `expert`. A wide layer, and all the more one for each expert,
        learns the trials by heart; several trunks with a narrow one err in different ways.
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
    vote : {"joined", "seen", "unheard"}
        Whether the experts' vote is joined with the forest's verdict, is among the features that
        the forest sees, or is not taken.
    statistics : bool
        Whether the forest also sees mean and spread of each channel.
    band_powers : bool
        Whether the forest also sees each channel's power in the bands of the EEG.
    """

    expert: SparseCNNSettings = SparseCNNSettings()
    trunk: Literal["shared", "own"] = "shared"
    trunks: Annotated[int, WholeBetween(1, 5)] = Field(3, ge=1)
    common: Annotated[int, WholeBetween(5, 40, log=True)] = Field(10, ge=1)
    inner_folds: int = Field(5, ge=2)
    gap: int = Field(10, ge=0)
    forest: Literal["extra-trees", "random-forest", "boosting"] = "extra-trees"
    trees: int = Field(500, ge=10)
    leaf: Annotated[int, WholeBetween(1, 10, log=True)] = Field(3, ge=1)
    vote: Literal["joined", "seen", "unheard"] = "joined"
    statistics: bool = True
    band_powers: bool = False

    @property
    def in_parts(self) -> bool:
        """Its networks are trained apart from one another."""
        return True

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
                class_weight=self.class_weight,
                random_state=seed,
            )
        kind = ExtraTreesClassifier if self.forest == "extra-trees" else RandomForestClassifier
        return kind(
            n_estimators=self.trees, min_samples_leaf=self.leaf, class_weight=self.class_weight, random_state=seed
        )


class SparseForest(Decoder[SparseForestSettings]):
    """Experts trained fold by fold, and a forest over what they say of what they have not seen.

    Attributes
    ----------
    teams_ : list of Team
        The experts of each inner fold.
    forest_ : estimator
        Fitted to what they say.
    pool_ : LogLinearPool
        Weight of the forest and, where it is joined, of the vote.
    """

    settings_class = SparseForestSettings

    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        settings = self.settings_
        folds = inner_folds(codes, settings.inner_folds, settings.gap, settings.expert.training.held_out)
        self.teams_ = self._teams()
        lessons: list[Lesson] = []
        for number, (team, fold) in enumerate(zip(self.teams_, folds, strict=True), start=1):
            lessons += team.lessons(codes, fold, monitor.of_part(f"fold-{number}"))
        teach(lessons, signals, codes, monitor)
        parts = [team.probabilities(signals[fold.outside]) for team, fold in zip(self.teams_, folds, strict=True)]
        self.history_ = _mean_history([epochs for team in self.teams_ for epochs in team.history()])
        probabilities = np.concatenate(parts)
        features = self._features(probabilities, self._statistics(signals))
        judged = np.concatenate([self._judged(features, codes, fold) for fold in folds])
        self.forest_ = self._forest_of(features, codes, np.arange(len(codes)))
        verdicts = self._verdicts(judged, probabilities)
        self.pool_ = LogLinearPool.fit(verdicts, codes, _EVENNESS, self._held_out_weights(codes))
        return np.arange(len(codes)), self.pool_.scores(verdicts)

    def _teams(self) -> list[Team]:
        settings = self.settings_
        balanced = settings.class_weight is not None or settings.resample is not None
        network = settings.expert
        if settings.trunk == "shared":
            network = network.model_copy(update={"features": settings.common})
        return [
            Team(network, settings.trunk, settings.trunks, self._experts, self.sfreq, (self.seed, number), balanced)
            for number in range(settings.inner_folds)
        ]

    @property
    def _experts(self) -> Experts:
        return Experts.of_classes(len(self.classes_))

    def _statistics(self, signals: np.ndarray) -> np.ndarray:
        """Return what the forest sees of the trials themselves."""
        parts = [np.empty((len(signals), 0), np.float32)]
        if self.settings_.statistics:
            parts.append(channel_statistics(signals))
        if self.settings_.band_powers:
            parts.append(band_powers(signals, self.sfreq))
        return np.hstack(parts)

    def _features(self, probabilities: np.ndarray, statistics: np.ndarray) -> np.ndarray:
        """Return all that the forest sees."""
        parts = [self._experts.features(probabilities), statistics]
        if self.settings_.vote == "seen":
            vote = self._experts.vote(probabilities)
            parts.insert(1, (vote - vote.mean(axis=1, keepdims=True)).astype(np.float32))
        return np.hstack(parts)

    def _forest_of(self, features: np.ndarray, codes: np.ndarray, places: np.ndarray) -> Any:
        places = self._learned_from(places, codes)
        return self.settings_.build_forest(self.seed).fit(features[places], codes[places])

    def _judged(self, features: np.ndarray, codes: np.ndarray, fold: InnerFold) -> np.ndarray:
        """Return the verdict on a stretch by a forest that has not seen it: weights are found by it."""
        return _log_probabilities(self._forest_of(features, codes, fold.inside), features[fold.outside])

    def _verdicts(self, judged: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """Return the log-probabilities to be joined: (n_verdicts, n_trials, n_classes)."""
        if self.settings_.vote != "joined":
            return judged[None]
        return np.stack([judged, self._experts.vote(probabilities)])

    def _scores(self, signals: np.ndarray) -> np.ndarray:
        statistics = self._statistics(signals)
        by_team = []
        for team in self.teams_:
            probabilities = team.probabilities(signals)
            judged = _log_probabilities(self.forest_, self._features(probabilities, statistics))
            by_team.append(softmax(self.pool_.scores(self._verdicts(judged, probabilities))))
        return np.log(np.mean(by_team, axis=0))

    def _embedding(self, signals: np.ndarray) -> np.ndarray:
        return np.mean([self._experts.features(team.probabilities(signals)) for team in self.teams_], axis=0)

    def _arrays(self) -> dict[str, np.ndarray]:
        experts = {
            f"fold-{number + 1}.{name}": array
            for number, team in enumerate(self.teams_)
            for name, array in team.arrays().items()
        }
        return {"weights": self.pool_.weights, "log_frequencies": self.pool_.log_frequencies, **experts}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.pool_ = LogLinearPool(arrays["weights"], arrays["log_frequencies"])
        self.teams_ = self._teams()
        for number, team in enumerate(self.teams_):
            team.restore(of_prefix(arrays, f"fold-{number + 1}."), self.shape_)

    def _forests(self) -> dict[str, Any]:
        return {"forest": self.forest_}

    def _restore_forests(self, forests: Mapping[str, Any]) -> None:
        self.forest_ = forests["forest"]


def _log_probabilities(forest: Any, features: np.ndarray) -> np.ndarray:
    return np.log(np.clip(forest.predict_proba(features), _LEAST, 1))


def _mean_history(histories: list[list[dict[str, float]]]) -> list[dict[str, float]]:
    """Return the mean of each epoch over the networks that came so far."""
    mean = []
    for place in range(max(map(len, histories))):
        epochs = [history[place] for history in histories if place < len(history)]
        mean.append({name: float(np.mean([epoch[name] for epoch in epochs])) for name in epochs[0]})
    return mean
