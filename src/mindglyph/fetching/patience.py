"""What is done about a connection that breaks: it is tried again a few times, with growing pauses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pydantic import Field

from mindglyph.settings import Settings

_ADVANCE = 1 << 20
_LONGEST_PAUSE = 60.0

Result = TypeVar("Result")


class Patience(Settings):
    """How a connection that breaks is dealt with.

    Attributes
    ----------
    retries : int
        How often in a row it is tried again without a megabyte having come.
    pause : float
        Seconds before the first of these; each further one waits twice as long, up to a minute.
    timeout : float
        Seconds without an answer after which a connection counts as broken.
    """

    retries: int = Field(4, ge=0, le=100)
    pause: float = Field(1.0, ge=0)
    timeout: float = Field(30.0, gt=0)


class BrokenOffError(Exception):
    """Something that may be better at the next attempt.

    Parameters
    ----------
    why : str
        What happened.
    wait : float
        Seconds that the server asked to wait.
    """

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


def patiently(attempt: Callable[[], Result], patience: Patience, come: Callable[[], int] = int) -> Result:
    """Make attempts until one succeeds.

    Parameters
    ----------
    attempt : callable
        Raises BrokenOffError where another attempt is worth it.
    patience : Patience
        How many in a row, and with which pauses.
    come : callable
        Gives the bytes that have come so far; where they grow, the count of attempts begins anew.

    Returns
    -------
    object
        What the attempt gave.

    Raises
    ------
    BrokenOffError
        If the last attempt broke off too.
    """
    failures = 0
    while True:
        before = come()
        try:
            return attempt()
        except BrokenOffError as why:
            failures = 1 if come() - before >= _ADVANCE else failures + 1
            if failures > patience.retries:
                raise
            time.sleep(min(max(patience.pause * 2 ** (failures - 1), why.wait), _LONGEST_PAUSE))
