"""Reads the header of EDF and BDF files, for what must be known before their signals are read.

R. Kemp et al. (1992), https://doi.org/10.1016/0013-4694(92)90009-7; EDF+,
https://doi.org/10.1016/S1388-2457(03)00123-8. BDF has the same header.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mindglyph.errors import UserError

_FIXED = 256
_LABEL, _BEFORE_SAMPLES, _NUMBER = 16, 216, 8  # bytes a signal
_ANNOTATIONS = ("EDF ANNOTATIONS", "BDF ANNOTATIONS")


@dataclass(frozen=True)
class EdfHeader:
    """What the header says.

    Attributes
    ----------
    labels : tuple of str
        Name of each signal.
    samples : tuple of int
        Samples of each signal in a record.
    record_s : float
        Length of a record in s.
    n_records : int
        Records that the header tells of; -1 where the recorder did not come to write it.
    missing : int
        Records of these that the file does not hold whole.
    """

    labels: tuple[str, ...]
    samples: tuple[int, ...]
    record_s: float
    n_records: int
    missing: int

    def rate(self, label: str) -> float:
        """Return the rate of a signal in Hz."""
        return self.samples[self.labels.index(label)] / self.record_s

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals that are no annotations."""
        return tuple(label for label in self.labels if label.upper() not in _ANNOTATIONS)


def read_header(path: Path, bytes_per_sample: int) -> EdfHeader:
    """Read the header of an EDF or BDF file.

    Parameters
    ----------
    path : Path
        The file.
    bytes_per_sample : int
        2 for EDF, 3 for BDF.

    Returns
    -------
    EdfHeader
        With the records that are missing at the end of the file.

    Raises
    ------
    UserError
        If the header is damaged or cut.
    """
    try:
        with path.open("rb") as file:
            fixed = file.read(_FIXED)
            count = int(fixed[252:256])
            each = file.read(max(0, count) * 256)
        size, n_records, record_s = int(fixed[184:192]), int(fixed[236:244]), float(fixed[244:252])
        labels = [each[_LABEL * at : _LABEL * (at + 1)].decode("latin-1").strip() for at in range(count)]
        behind = _BEFORE_SAMPLES * count
        samples = [int(each[behind + _NUMBER * at : behind + _NUMBER * (at + 1)]) for at in range(count)]
        if not labels or min(samples) <= 0 or record_s <= 0 or size != _FIXED * (count + 1) or len(each) != 256 * count:
            raise ValueError("its counts do not fit one another")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}): fetch it again") from error
    except ValueError as error:
        raise UserError(f"{path}: cannot be read (its header is damaged: {error}): fetch it again") from error
    whole = (path.stat().st_size - size) // (sum(samples) * bytes_per_sample)
    return EdfHeader(tuple(labels), tuple(samples), record_s, n_records, max(0, n_records - whole))
