"""Whether what was refused, padded, cut or lost its contact depends on the label."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from mindglyph.evaluation.audit.chance import ALPHA, compare_shares
from mindglyph.evaluation.audit.material import Material
from mindglyph.evaluation.audit.result import Finding
from mindglyph.headsets import HEADSETS
from mindglyph.sources.blocks import LONGEST_LINE
from mindglyph.store import Store

_SPREAD = 0.05  # between the labels of which most and fewest trials are marked
_FEWEST = 20  # trials of a label whose share is looked at


def loss_findings(material: Material) -> Iterator[Finding]:
    """Say for each way in which trials are lost or spoilt whether it depends on the label."""
    yield from _rejected(material)
    table = material.metadata
    n_times = material.trials.signals.shape[-1]
    if "n_samples" in table:
        yield from _spoilt(material, "padded trials", table["n_samples"].to_numpy() < n_times)
    if "cut" in table:
        yield from _spoilt(material, "cut trials", table["cut"].to_numpy(dtype=bool))
    # Of the evaluated trials that were looked at.
    places = np.searchsorted(material.looked_at, material.places).clip(0, len(material.looked_at) - 1)
    seen = material.looked_at[places] == material.places
    channels = material.channels
    flat = np.where(seen, (channels.spreads[places] == 0).any(axis=1), False)
    yield from _spoilt(material, "trials with a dead channel", flat, seen)
    # Loud may be an answer of the person, such as a blink at what was seen.
    yield from _spoilt(material, "loud trials", np.where(seen, channels.loud[places].any(axis=1), False), seen, True)


def _spoilt(
    material: Material, about: str, marked: np.ndarray, of: np.ndarray | None = None, at_most_warn: bool = False
) -> Iterator[Finding]:
    codes = material.codes
    looked_at = np.ones(len(codes), dtype=bool) if of is None else of
    n_labels = len(material.names)
    count = np.bincount(codes[marked & looked_at], minlength=n_labels)
    yield _finding(material, about, count, np.bincount(codes[looked_at], minlength=n_labels), at_most_warn)


def _rejected(material: Material) -> Iterator[Finding]:
    about = "rejected events"
    rows = material.store.import_report["rows_rejected"]
    if not rows:
        yield Finding("ok", about, "none", "No row was refused, so none was refused for its label.")
        return
    labels = rejected_labels(material.store)
    if labels is None:
        why = "Refused rows do not say their label, so whether refusal depends on it cannot be told."
        yield Finding("ok", about, f"{rows:,} rows, labels unknown", why)
        return
    names = np.array(material.names)
    kept = np.bincount(material.codes, minlength=len(names))
    lost = np.array([labels.count(name) for name in names])
    yield _finding(material, about, lost, kept + lost)


def _finding(
    material: Material, about: str, marked: np.ndarray, total: np.ndarray, at_most_warn: bool = False
) -> Finding:
    figure = f"{marked.sum():,} of {total.sum():,}"
    if not marked.sum():
        return Finding("ok", about, figure, "There are none, so none depends on the label.")
    shares = marked / np.maximum(total, 1)
    common = np.flatnonzero(total >= _FEWEST)
    p_value = compare_shares(marked, total, material.seed)
    if p_value >= ALPHA or len(common) < 2:
        return Finding("ok", about, figure, "They come with every label about equally often.")
    most, fewest = common[shares[common].argmax()], common[shares[common].argmin()]
    figure += (
        f"; {shares[most]:.1%} of label {material.names[most]}, {shares[fewest]:.1%} of label {material.names[fewest]}"
    )
    mend = "Find out what made them, and leave out the same share of every label."
    if shares[most] - shares[fewest] > _SPREAD:
        why = "They come with some labels far more often than with others, so a decoder of them is one of labels."
        return Finding("warn" if at_most_warn else "fail", f"{about} by label", figure, why, mend)
    why = "They come with some labels a little more often than with others."
    return Finding("warn", f"{about} by label", figure, why, mend)


def rejected_labels(store: Store) -> list[str] | None:
    """Return the label of each refused event, or None where refused rows do not say it.

    Rows of one event are counted once: its channels are refused together.

    Parameters
    ----------
    store : Store
        Its refused rows are read some at a time.

    Returns
    -------
    list of str or None
        A label an event.
    """
    reader = _READERS.get(store.about["format"])
    if reader is None:
        return None
    events: dict[bytes, str] = {}
    for part in store.rejected_parts():
        for file, line, text in zip(part["file"], part["line"], part["text"], strict=True):
            found = reader(bytes(text[:LONGEST_LINE]))
            if found is not None:
                event, label = found
                events.setdefault(f"{file}\t".encode() + (event or str(line).encode()), label)
    return list(events.values())


def _of_text_row(text: bytes) -> tuple[bytes, str] | None:
    fields = text.lstrip(b'\xef\xbb\xbf"').split(b"\t", 6)
    return (fields[1], _whole(fields[4])) if len(fields) > 5 and _whole(fields[4]) else None


def _of_field(place: int) -> Callable[[bytes], tuple[bytes, str] | None]:
    def read(text: bytes) -> tuple[bytes, str] | None:
        fields = text.split(b",", place + 1)
        label = _whole(fields[place]) if len(fields) > place else ""
        return (b"", label) if label else None

    return read


def _whole(field: bytes) -> str:
    try:
        return str(int(float(field.strip().strip(b'"'))))
    except (ValueError, OverflowError):
        return ""


def _of_event(text: bytes) -> tuple[bytes, str] | None:
    label = text.decode("utf-8", "replace").strip()
    return (b"", label) if label else None


_CONTINUOUS = ("bids", "brainvision", "bdf", "edf", "fif", "muse-csv", "xdf")

_READERS: dict[str, Callable[[bytes], tuple[bytes, str] | None]] = {
    **dict.fromkeys([code.lower() for code in HEADSETS], _of_text_row),
    "hf2022": _of_field(0),
    **dict.fromkeys(["muse2", "muse2-cut2", "muse2-cut3", "cap64"], _of_field(2)),
    **dict.fromkeys(_CONTINUOUS, _of_event),
}
