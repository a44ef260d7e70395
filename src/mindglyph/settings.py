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
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{what}: {where + ': ' if where else ''}{message}") from error
