from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mindglyph import Trials
from mindglyph.decoders import DecodingPipeline
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.decoders.network import NetworkDecoder
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS
from mindglyph.transfer import Transfer, TransferSettings

CNN = {
    "filters": (8, 8),
    "dropouts": (0.1, 0.1),
    "training": {"max_epochs": 8, "learning_rate": 5e-3, "precision": "float32", "compiled": "no"},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "lda": {},
    "riemann": {"rate": 32.0},
    "sparse-cnn": CNN,
    "zoo:EEGNet": {"training": {"max_epochs": 8, "learning_rate": 5e-3, "precision": "float32", "compiled": "no"}},
}
N_CLASSES = 4


def _head(headset: str, n_trials: int, seed: int, size: float = 1.0, sfreq: float = 64.0, n_times: int = 80) -> Trials:
    """Return trials of one head: waves that stand in a few smooth places, whichever headset looks on."""
    rng = np.random.default_rng(seed)
    channels = HEADSETS[headset].channels
    trials = Trials.from_arrays(np.zeros((n_trials, len(channels), n_times)), np.zeros(n_trials), sfreq, channels)
    places = np.array([channel["loc"][:3] for channel in trials.info["chs"]]) - (0, 0, 0.04)
    places /= np.linalg.norm(places, axis=1, keepdims=True)
    towards = np.random.default_rng(7).standard_normal((N_CLASSES, 3))
    topographies = 1 + places @ towards.T
    labels = rng.integers(N_CLASSES, size=n_trials)
    times = np.arange(n_times) / sfreq
    waves = np.exp(-0.5 * ((times - 0.25 - 0.15 * np.arange(N_CLASSES)[:, None]) / 0.06) ** 2)
    signals = size * topographies.T[labels][:, :, None] * waves[labels][:, None]
    # Noise, too, is smooth over the head, and some of it is each electrode's own.
    common = rng.standard_normal((n_trials, 4, n_times))
    signals += np.einsum("ck,nkt->nct", np.column_stack([np.ones(len(places)), places]), common)
    signals += 0.5 * rng.standard_normal(signals.shape)
    return Trials.from_arrays(4200 + 10 * signals, labels, sfreq, channels)


def _relabelled(trials: Trials, name: Callable[[int], int | str]) -> Trials:
    return Trials.from_arrays(
        trials.signals, np.array([name(label) for label in trials.labels]), trials.sfreq, trials.info["ch_names"]
    )


def _asked(name: str) -> DecodingSettings:
    return DecodingSettings(decoder=name, decoder_settings=SETTINGS[name])


SOURCE_TRIALS = _head("EP", 600, 1)
LEARNED, TESTED = _head("IN", 80, 2), _head("IN", 500, 3)


@pytest.fixture(scope="module")
def sources() -> dict[str, DecodingPipeline]:
    few = SOURCE_TRIALS.select(np.arange(200))
    return {name: _asked(name).pipeline(64.0).fit(few if name == "riemann" else SOURCE_TRIALS) for name in SETTINGS}


def _accuracy(pipeline: DecodingPipeline, trials: Trials) -> float:
    probabilities, _ = pipeline.outputs(trials)
    return float(np.mean(pipeline.decoder.classes_[probabilities.argmax(axis=1)] == trials.labels))


def _started(source: DecodingPipeline, trials: Trials = LEARNED, **settings: Any) -> DecodingPipeline:
    return Transfer(source, TransferSettings(**settings)).pipeline(trials)


@pytest.mark.parametrize("name", ["lda", "sparse-cnn", "zoo:EEGNet"])
def test_a_few_trials_go_further_from_a_source_than_from_scratch(
    sources: dict[str, DecodingPipeline], name: str
) -> None:
    scratch = _accuracy(_asked(name).pipeline(64.0).fit(LEARNED), TESTED)
    transferred = _accuracy(_started(sources[name]).fit(LEARNED), TESTED)
    assert transferred > scratch + 2 * np.sqrt(0.25 / len(TESTED))


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("frozen", ["none", "body"])
def test_what_was_transferred_is_kept_and_read_as_any_decoder(
    sources: dict[str, DecodingPipeline], tmp_path: Path, name: str, frozen: str
) -> None:
    pipeline = _started(sources[name], frozen=frozen).fit(LEARNED)
    pipeline.save(tmp_path / "model.safetensors")
    back = DecodingPipeline.load(tmp_path / "model.safetensors")
    assert back.channels == list(HEADSETS["IN"].channels)
    for expected, found in zip(pipeline.outputs(TESTED), back.outputs(TESTED), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert _accuracy(back, TESTED) > 1 / N_CLASSES + 5 * np.sqrt(3 / 16 / len(TESTED))
    with pytest.raises(UserError, match="trained on AF3, AF4, T7, T8, PZ at 64 Hz"):
        back.outputs(SOURCE_TRIALS)
    # It can be started from as well, and what it takes is then still what the first source took.
    assert _started(back).preprocessed == sources[name].preprocessed


def test_a_frozen_body_stays_and_the_head_learns(sources: dict[str, DecodingPipeline]) -> None:
    before = sources["sparse-cnn"].decoder.arrays()
    after = _started(sources["sparse-cnn"], frozen="body").fit(LEARNED).decoder.arrays()
    for name in before:
        if name.startswith("body."):
            np.testing.assert_array_equal(after[name], before[name], err_msg=name)
    assert not np.array_equal(after["head.weight"], before["head.weight"])
    tuned = _started(sources["sparse-cnn"]).fit(LEARNED).decoder.arrays()
    assert all(not np.array_equal(tuned[name], before[name]) for name in before if "weight" in name)


def test_the_head_is_replaced_where_classes_differ_or_when_asked(sources: dict[str, DecodingPipeline]) -> None:
    source = sources["sparse-cnn"]
    before = source.decoder.arrays()["head.weight"]

    def first_head(trials: Trials, **settings: Any) -> np.ndarray:
        decoder = _started(source, trials, learning_rate=1e-9, **settings).decoder
        assert isinstance(decoder, NetworkDecoder)
        decoder.classes_, decoder.shape_ = np.unique(trials.labels), source.decoder.shape_
        return decoder._first_network(decoder._start).head.weight.detach().numpy()

    np.testing.assert_array_equal(first_head(LEARNED), before)
    assert not np.allclose(first_head(LEARNED, head="new"), before)
    assert not np.allclose(first_head(_relabelled(LEARNED, lambda label: f"w{label}")), before)
    two = _relabelled(LEARNED, lambda label: label % 2)
    assert first_head(two).shape == (2, before.shape[1])


@pytest.mark.parametrize("name", ["lda", "sparse-cnn"])
def test_other_classes_are_learned(sources: dict[str, DecodingPipeline], name: str) -> None:
    learned, tested = (_relabelled(trials, lambda label: "ab"[label // 2]) for trials in (LEARNED, TESTED))
    pipeline = _started(sources[name], learned).fit(learned)
    assert pipeline.decoder.classes_.tolist() == ["a", "b"]
    assert _accuracy(pipeline, tested) > 0.5 + 5 * np.sqrt(0.25 / len(tested))


def test_another_rate_length_and_first_sample_are_mapped(sources: dict[str, DecodingPipeline]) -> None:
    other = _head("IN", 80, 2, sfreq=96.0, n_times=150)
    earlier = np.concatenate([np.full((80, 5, 24), 4200), other.signals], axis=2)
    trials = Trials.from_arrays(earlier, other.labels, 96.0, other.info["ch_names"], tmin=-0.25)
    mapping = _started(sources["lda"], trials).mapping
    straight = _started(sources["lda"], other).mapping
    assert mapping is not None
    assert straight is not None
    middle = slice(12, 68)
    found, expected = mapping.transform(trials.signals), straight.transform(other.signals)
    shift = np.median(found - expected, axis=2, keepdims=True)  # another stretch has another median
    np.testing.assert_allclose((found - expected - shift)[..., middle], 0, atol=0.05)


def test_the_same_headset_needs_no_mapping(sources: dict[str, DecodingPipeline]) -> None:
    assert _started(sources["lda"], SOURCE_TRIALS).mapping is None


def test_a_network_goes_on_more_slowly(sources: dict[str, DecodingPipeline]) -> None:
    def rate(changed: dict[str, Any] | None = None, **settings: Any) -> float:
        decoding = Transfer(sources["sparse-cnn"], TransferSettings(**settings)).decoding(changed)
        return decoding.decoder_settings["training"]["learning_rate"]

    assert rate() == pytest.approx(5e-3 / 3)
    assert rate(frozen="body") == 5e-3
    assert rate(learning_rate=1e-4) == 1e-4
    assert rate({"training": {"learning_rate": 2e-4}}) == 2e-4


def test_the_same_seed_gives_the_same_decoder(sources: dict[str, DecodingPipeline]) -> None:
    one, other = (_started(sources["sparse-cnn"]).fit(LEARNED).outputs(TESTED)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("frozen", ["none", "body"])
def test_a_break_changes_nothing(sources: dict[str, DecodingPipeline], tmp_path: Path, frozen: str) -> None:
    def stop(progress: Progress) -> None:
        if progress.epoch == 3:
            raise KeyboardInterrupt

    whole = _started(sources["sparse-cnn"], frozen=frozen).fit(LEARNED)
    with pytest.raises(KeyboardInterrupt):
        _started(sources["sparse-cnn"], frozen=frozen).fit(LEARNED, Monitor(stop, tmp_path))
    # What began from another start is not gone on from.
    with pytest.raises(UserError):
        _started(sources["sparse-cnn"], frozen=frozen, head="new").fit(LEARNED, Monitor(folder=tmp_path))
    again = _started(sources["sparse-cnn"], frozen=frozen).fit(LEARNED, Monitor(folder=tmp_path))
    np.testing.assert_array_equal(again.outputs(TESTED)[0], whole.outputs(TESTED)[0])


def test_nothing_is_learned_of_trials_without_a_signal(sources: dict[str, DecodingPipeline]) -> None:
    learned, tested = _head("IN", 80, 2, size=0.0), _head("IN", 1000, 3, size=0.0)
    for name in ("lda", "sparse-cnn"):
        accuracy = _accuracy(_started(sources[name], learned).fit(learned), tested)
        assert abs(accuracy - 1 / N_CLASSES) < 4 * np.sqrt(3 / 16 / len(tested))


def test_what_cannot_be_transferred_is_said(sources: dict[str, DecodingPipeline]) -> None:
    chance = DecodingSettings(decoder="chance").pipeline(64.0).fit(SOURCE_TRIALS)
    with pytest.raises(UserError, match="kind Chance learns nothing that another one could begin with"):
        _started(chance)
    nameless = Trials.from_arrays(LEARNED.signals, LEARNED.labels, 64.0, ["a", "b", "c", "d", "e"])
    with pytest.raises(UserError, match="the place of every one of theirs on the head is not known"):
        _started(sources["lda"], nameless)
    with pytest.raises(UserError, match="lda has no learning rate, which is for networks"):
        _started(sources["lda"], learning_rate=1e-3)
    coded = DecodingSettings(decoder="lda", autoencoder={"dimension": 2}).pipeline(64.0)
    with pytest.raises(UserError, match="behind an auto-encoder cannot be started from"):
        Transfer(coded).pipeline(LEARNED, DecodingSettings(decoder="lda"))
    larger = Transfer(sources["sparse-cnn"])
    with pytest.raises(UserError, match="the weights do not fit the network: .* is 16 × 14 × 11 here and 8 × 14 × 11"):
        larger.pipeline(LEARNED, larger.decoding({"filters": (16, 8)})).fit(LEARNED)
