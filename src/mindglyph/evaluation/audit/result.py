"""What an audit found, in plain types."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "warn", "fail"]

_GRAVITY: dict[Level, int] = {"fail": 0, "warn": 1, "ok": 2}


@dataclass(frozen=True)
class Finding:
    """One way in which the data could lie, and whether they do.

    Attributes
    ----------
    level : {"ok", "warn", "fail"}
        Whether it was looked for and not found, is to be kept in mind when a score is read, or makes
        a score of these data worthless as it stands.
    about : str
        What was looked at, in a few words.
    figure : str
        The number behind it.
    why : str
        What it means for a score, in one sentence.
    mend : str
        What to do about it, in one sentence; empty where nothing is to be done.
    split : str
        The only split that it is true of; empty where it is true of the data, however they are divided.
    """

    level: Level
    about: str
    figure: str
    why: str
    mend: str = ""
    split: str = ""


@dataclass(frozen=True)
class Audit:
    """All that was looked at.

    Attributes
    ----------
    store : str
        Name of the store.
    trials, evaluated, looked_at : int
        Trials of the store, those of them in which something was shown, and those whose signals were
        compared with one another.
    splits : tuple of str
        Names of the splits that the trials are to be divided by.
    findings : list of Finding
        The gravest first.
    """

    store: str
    trials: int
    evaluated: int
    looked_at: int
    splits: tuple[str, ...]
    findings: list[Finding]

    @property
    def fails(self) -> list[str]:
        """What fails, in a few words each, without a repetition."""
        return self._of("fail")

    def fails_of(self, split: str) -> list[str]:
        """Return what fails of the data themselves or of this split; what another split does is no fault of it."""
        of_split = [finding for finding in self.findings if finding.split in ("", split)]
        return list(dict.fromkeys(finding.about for finding in of_split if finding.level == "fail"))

    @property
    def warnings(self) -> list[str]:
        """What is to be kept in mind, in a few words each, without a repetition."""
        return self._of("warn")

    @property
    def summary(self) -> str:
        """What comes of it, in one sentence."""
        counts = Counter(finding.level for finding in self.findings)
        if counts["fail"]:
            fail = "fails" if counts["fail"] == 1 else "fail"
            names = ", ".join(self.fails)
            failed = f"{counts['fail']} of {len(self.findings)} checks {fail}"
            splits = {finding.split for finding in self.findings if finding.level == "fail"}
            if "" in splits:
                return f"{failed}, so no score can be believed: {names}."
            of = " and ".join(f"'{name}'" for name in self.splits if name in splits)
            return f"{failed}, so no score by the split {of} can be believed: {names}."
        if counts["warn"]:
            names = ", ".join(self.warnings)
            return f"Nothing fails; keep {_things(counts['warn'])} in mind when a score is read: {names}."
        return f"Of the {len(self.findings)} things that were looked for none was found."

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain types."""
        return {**asdict(self), "splits": list(self.splits), "summary": self.summary, "fails": self.fails}

    def _of(self, level: Level) -> list[str]:
        return list(dict.fromkeys(finding.about for finding in self.findings if finding.level == level))


def gravest_first(findings: list[Finding]) -> list[Finding]:
    """Return the findings by how grave they are, else in the order in which they are."""
    return sorted(findings, key=lambda finding: _GRAVITY[finding.level])


def _things(count: int) -> str:
    return "1 thing" if count == 1 else f"{count} things"
