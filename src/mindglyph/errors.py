"""The one exception that is the user's to mend."""

from __future__ import annotations


class UserError(Exception):
    """A mistake that the user can mend.

    The command line prints it as one line on stderr and ends with exit status 2,
    so its text names the file (and the line, where there is one) and what to do.
    """
