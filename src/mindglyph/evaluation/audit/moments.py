"""Whether what was recorded at the same moment stands as several trials, such as the channels of one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mindglyph.evaluation.audit.material import Material
from mindglyph.evaluation.audit.result import Finding
from mindglyph.inspection.labels import stretches
from mindglyph.inspection.parts import evenly_spaced, repaired, slices

_ABOUT = "one moment as several trials"
_BAND = (1.0, 30.0)  # Hz; the mains are the same at any moment
_MOST_TRIALS = 6000
_MOST_CHANNELS = 8
_AT_ONCE = 1000  # rows of the table of correlations
_FEWEST = 60  # trials
_FEWEST_NUMBERS = 90  # independent ones in a trial; with fewer, thousands of trials hold some that are alike by chance
_SAME_MOMENT = 0.6
"""Correlation of whitened signals of one moment. A trial of two seconds has a hundred independent numbers in the band,
so those of different moments correlate by 0 ± 0.1, and the closest of thousands by some 0.4."""
_MANY = 0.2  # of the trials


def moment_findings(material: Material) -> Iterator[Finding]:
    """Say whether rows of one trial, or noisy copies of one, stand as trials of their own."""
    about, table = _ABOUT, material.metadata
    if "channel" in table and table["channel"].nunique() > 1:
        yield _of_one_moment(material, f"the trials are of {table['channel'].nunique()} channels, one each")
        return
    events = event_numbers(material)
    repeated = int((np.bincount(events)[events] > 1).sum())
    if repeated > 0.5 * len(events):
        yield _of_one_moment(material, f"{repeated:,} of {len(events):,} trials carry the event number of another")
        return
    found, looked_at = _alike(material)
    if not looked_at:
        yield Finding("ok", about, "too few or too short trials to tell", "Nothing is known against the recording.")
    elif found > _MANY * looked_at:
        figure = (
            f"{found:,} of {looked_at:,} trials have the course of another (r > {_SAME_MOMENT} without its spectrum)"
        )
        yield _of_one_moment(material, figure)
    else:
        why = "Trials go up and down independently of one another, as recordings of different moments do."
        yield Finding("ok", about, f"{found:,} of {looked_at:,} trials", why)


def _of_one_moment(material: Material, figure: str) -> Finding:
    why = "Channels or noisy copies of one trial stand as trials of their own, so a split tests what was trained on."
    mend = f"{material.begin_anew}, so that all that was recorded at an event is one trial."
    return Finding("fail", _ABOUT, figure, why, mend)


def _alike(material: Material) -> tuple[int, int]:
    """Return how many trials follow the same course as another, and how many were compared."""
    courses = _courses(material)
    if len(courses) < _FEWEST or courses.shape[1] < _FEWEST_NUMBERS:
        return 0, 0
    closest = np.zeros(len(courses))
    for start in range(0, len(courses), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        likeness = courses[rows] @ courses.T
        likeness[np.arange(len(likeness)), start + np.arange(len(likeness))] = 0
        closest[rows] = likeness.max(axis=1)
    return int((closest > _SAME_MOMENT).sum()), len(courses)


def _courses(material: Material) -> np.ndarray:
    """Return the spectra of trials, each frequency as strong as any other and without what trials have in common.

    Returns
    -------
    ndarray, shape (n_trials, n_numbers)
        Real and imaginary parts, of length 1.
    """
    evaluated = material.evaluated
    n_channels, n_times = evaluated.signals.shape[1:]
    frequencies = np.fft.rfftfreq(n_times, 1 / evaluated.sfreq)
    band = (frequencies >= _BAND[0]) & (frequencies <= _BAND[1])
    places, chosen = evenly_spaced(len(evaluated), _MOST_TRIALS), evenly_spaced(n_channels, _MOST_CHANNELS)
    taper = np.hanning(n_times + 2)[1:-1].astype(np.float32)
    spectra = np.empty((len(places), len(chosen), int(band.sum())), dtype=np.complex64)
    view = evaluated.view(places).signals
    for stretch in slices(view):
        signals = repaired(np.asarray(view[stretch], dtype=np.float32))[:, chosen]
        signals = signals - np.median(signals, axis=-1, keepdims=True)
        spectra[stretch] = np.fft.rfft(signals * taper, axis=-1)[..., band]
    # What all trials of a label do after its picture is no sign of one moment.
    codes = material.codes[places]
    for code in np.unique(codes):
        spectra[codes == code] -= spectra[codes == code].mean(axis=0)
    size = np.median(np.abs(spectra), axis=0)
    spectra /= np.where(size > 0, size, 1)
    courses = np.concatenate([spectra.real, spectra.imag], axis=-1).reshape(len(places), -1)
    length = np.linalg.norm(courses, axis=1, keepdims=True)
    return courses / np.where(length > 0, length, 1)


def event_numbers(material: Material) -> np.ndarray:
    """Return a number for each event: (n_evaluated,). Stretches that count from nought have events of their own."""
    table = material.metadata
    events = table["event"]
    if events.is_unique:
        return np.arange(len(events))
    own = table.assign(own=stretches(table.drop(columns=["set", "split"], errors="ignore")))
    return own.groupby(["own", "event"], sort=False, dropna=False).ngroup().to_numpy(dtype=np.int64)
