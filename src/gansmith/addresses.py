"""Objects of somebody's own by their address, ``module:attribute``."""

from __future__ import annotations

import importlib
from typing import Any

from gansmith.spelling import suggestion

__all__ = ["resolve"]


def resolve(address: str, at: str) -> Any:
    """The object that ``module:attribute`` names, imported.

    Args:
        address: the name.
        at: where it was asked for, for the message.

    Raises:
        ValueError: there is no such module or attribute, or importing it failed.

    Example:
        >>> resolve("gansmith.games:Hinge", "loss")
        <class 'gansmith.games.losses.Hinge'>
    """
    module_name, _, attribute = address.partition(":")
    if not module_name or not attribute:
        raise ValueError(f"{at}: code is written module:attribute, not {address!r}")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # somebody's own code may raise anything while it is imported
        raise ValueError(
            f"{at}: the module {module_name!r} cannot be imported ({type(error).__name__}: {error}); "
            "start from the folder that holds it, or add that folder to PYTHONPATH"
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{at}: {module_name!r} has no {attribute!r}{suggestion(part, _public(found))}")
        found = getattr(found, part)
    return found


def _public(holder: Any) -> list[str]:
    return [name for name in dir(holder) if not name.startswith("_")]
