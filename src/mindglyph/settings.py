"""What every settings object has in common: frozen, checked, nothing unknown let through."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from mindglyph.errors import UserError


class Settings(BaseModel):
    """Base of all settings: immutable, validated, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


AnySettings = TypeVar("AnySettings", bound=Settings)


def checked(kind: type[AnySettings], what: str, **values: Any) -> AnySettings:
    """Make settings of what a user gave.

    Parameters
    ----------
    kind : type
        The class of the settings.
    what : str
        What they are of, for the error.
    **values
        What the user gave.

    Returns
    -------
    Settings
        Validated.

    Raises
    ------
    UserError
        If a value does not fit, with its name and what is wrong.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise UserError(f"{what}: {where + ': ' if where else ''}{_why(error)}") from error


def checked_options(kind: type[AnySettings], command: str, **values: Any) -> AnySettings:
    """Make settings of the options of a command, each named as the setting that it gives.

    Parameters
    ----------
    kind : type
        The class of the settings.
    command : str
        What the user called.
    **values
        What the user gave.

    Returns
    -------
    Settings
        Validated.

    Raises
    ------
    UserError
        If a value does not fit, with the option and what is wrong.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        # What is inside of a value has no option of its own.
        option = [f"--{str(part).replace('_', '-')}: " for part in error.errors()[0]["loc"][:1]]
        raise UserError(f"{command}: {''.join(option)}{_why(error)}") from error


def _why(error: ValidationError) -> str:
    """Return what is wrong first, in words that speak of the value and not of an input."""
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    given = first["input"]
    if "Input should be" not in message or not isinstance(given, (str, int, float)):
        return message.replace("Input should be", "must be")
    return f"{message.replace('Input should be', 'must be')}, not {given!r}"
