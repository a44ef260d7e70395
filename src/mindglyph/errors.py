"""The exceptions that are the user's to mend."""

from __future__ import annotations


class UserError(Exception):
    """A mistake that the user can mend.

    The command line prints it as one line on stderr and ends with exit status 2,
    so its text names the file (and the line, where there is one) and what to do.
    """


class PlaceError(UserError):
    """Where the results go is the trouble, not what was asked: it is full, not writable, or in use.

    The same question can be answered once that is mended, so whatever is finished is kept.
    """
