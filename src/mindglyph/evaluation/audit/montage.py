"""Whether channels are what their names say: alive, each its own, in microvolts, in the order of the headset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mindglyph.evaluation.audit.material import Material
from mindglyph.evaluation.audit.result import Finding
from mindglyph.headsets import HEADSETS, IMAGENET, MNIST_8B, VISUAL_MNIST, Headset
from mindglyph.inspection.channels import odd_unit
from mindglyph.trials import positions_of

_DEAD = 0.9  # of the trials
_FEWEST_PLACED = 6  # five channels have too few orders to tell theirs by chance from others
_PERMUTATIONS = 2000
_BY_CHANCE = 0.01
_FALLS = -0.2
"""Correlation of likeness with distance: what the skull blurs is alike nearby, so it lies far below nought."""
_NAMED = 6


def known_headset(device: str, names: Sequence[str] = ()) -> Headset | None:
    """Return the headset of that name or of its series that has most of the channels, or None.

    Parameters
    ----------
    device : str
        As the import names it.
    names : sequence of str
        Channels; a Muse of 2014 calls FP1 what later ones call AF7.

    Returns
    -------
    Headset or None
        The nearest.
    """
    known = (*HEADSETS.values(), *VISUAL_MNIST.values(), *MNIST_8B.values(), IMAGENET)
    series = [headset for headset in known if device and headset.name.startswith(device)]
    wanted = {name.upper() for name in names}
    return max(
        series,
        key=lambda headset: (len(wanted & {name.upper() for name in headset.channels}), len(headset.channels)),
        default=None,
    )


def channel_findings(material: Material) -> Iterator[Finding]:
    """Say whether channels are dead, copies of one another, no microvolts, or in another order than they should be."""
    yield _dead(material)
    yield _copied(material)
    yield from _unit(material)
    yield from _named_in_order(material)
    yield from _smooth(material)


def _dead(material: Material) -> Finding:
    names = material.trials.info["ch_names"]
    n_trials = len(material.looked_at)
    dead = [name for name, flat in zip(names, material.channels.flat_trials, strict=True) if flat > _DEAD * n_trials]
    if not dead:
        return Finding("ok", "dead channels", f"none of {len(names)}", "Every channel holds a signal in most trials.")
    why = "A channel that holds one value tells nothing, and one that does so at times may tell when."
    return Finding("warn", "dead channels", _listed(dead), why, "Leave these channels out.")


def _copied(material: Material) -> Finding:
    names = material.trials.info["ch_names"]
    if not material.twins:
        return Finding("ok", "channels that are one", "none", "No channel is the copy of another.")
    pairs = [f"{names[one]} and {names[other]}" for one, other, _ in material.twins]
    why = "Two channels hold the same signal, so one of the two names says where nothing was recorded."
    mend = "Leave one of them out, and look for bridged electrodes or a column that was copied."
    return Finding("warn", "channels that are one", _listed(pairs), why, mend)


def _unit(material: Material) -> Iterator[Finding]:
    spreads = material.channels.spread
    odd = odd_unit(spreads.tolist())
    if odd is not None:
        figure, mend = odd
        yield Finding("warn", "unit", figure, "An EEG spreads by some 5 to 100 µV, and these values do not.", mend)
    elif spreads.any():
        yield Finding("ok", "unit", "microvolts", "Signals spread as far as an EEG in microvolts does.")


def _named_in_order(material: Material) -> Iterator[Finding]:
    names = [name.upper() for name in material.trials.info["ch_names"]]
    headset = known_headset(material.store.about["device"], names)
    if headset is None:
        return
    expected = [name.upper() for name in headset.channels]
    strange = [name for name in names if name not in expected]
    places = [expected.index(name) for name in names if name in expected]
    if strange:
        why = f"The {headset.name} has no such channel, so a name or the headset is wrong."
        yield Finding("warn", "order of the channels", _listed(strange), why, "Look up the names in the recording.")
    elif places != sorted(places):
        why = f"Channels stand in another order than the {headset.name} records them, so names may belong to others."
        mend = _compared(material)
        yield Finding("warn", "order of the channels", _listed(names), why, mend)
    else:
        why = f"Names stand in the order of the {headset.name}."
        yield Finding(
            "ok", "order of the channels", ", ".join(names) if len(names) < _NAMED else f"{len(names)} channels", why
        )


def _smooth(material: Material) -> Iterator[Finding]:
    """Compare how alike channels are with how far they lie apart, blind to their names."""
    about, places = "channels and their places", positions_of(material.trials.info)
    chosen = [
        number
        for number, name in enumerate(material.trials.info["ch_names"])
        if name in places and np.isfinite(material.correlation[number, number])
    ]
    if len(chosen) < _FEWEST_PLACED:
        return
    where = np.array([places[material.trials.info["ch_names"][number]] for number in chosen])
    distance = np.linalg.norm(where[:, None] - where, axis=-1)
    alike = np.nan_to_num(material.correlation[np.ix_(chosen, chosen)])
    pairs = np.triu_indices(len(chosen), 1)
    observed = _correlation(alike[pairs], distance[pairs])
    rng = np.random.default_rng(material.seed)
    null = np.empty(_PERMUTATIONS)
    for number in range(_PERMUTATIONS):
        order = rng.permutation(len(chosen))
        null[number] = _correlation(alike[np.ix_(order, order)][pairs], distance[pairs])
    p_value = (1 + np.count_nonzero(null <= observed)) / (1 + _PERMUTATIONS)
    figure = f"likeness and distance correlate by {observed:.2f} (p = {p_value:.4f})"
    if p_value <= _BY_CHANCE and observed <= _FALLS:
        yield Finding("ok", about, figure, "Channels are the more alike the nearer they lie, as on a head.")
    else:
        # A likeness that falls a little with distance is no sign that it does not.
        how = "not clearly" if observed < 0 else "no"
        why = f"Channels that lie near each other are {how} more alike than others, so names may be at wrong signals."
        yield Finding("warn", about, figure, why, _compared(material))


def _compared(material: Material) -> str:
    compared = "Compare some values of each channel with the recording"
    return f"{compared}." if material.of_arrays else f"{compared}, and import it anew."


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 0 else 0.0


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
