"""Plain fields of a recipe: their types, their texts, and how a value from a file or a flag is read."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from gansmith.spelling import listed, nearest
from gansmith.training.pieces import SLOTS, in_words

__all__ = ["documentation", "field_types", "is_size", "plain_value", "type_in_words", "wrapped_field"]

_SIZE = re.compile(r"\s*(\d+)\s*(?:[x×]\s*(\d+)\s*)?")


@cache
def field_types(kind: type) -> Mapping[str, Any]:
    """The fields that make a dataclass, with their types.

    Example:
        >>> from gansmith.games import R1
        >>> dict(field_types(R1))
        {'gamma': float | None}
    """
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind) if field.init}


@cache
def wrapped_field(kind: type) -> str | None:
    """The field in which a wrapper holds what it goes around, a piece like itself; None for any other piece.

    Example:
        >>> from gansmith.games import AdversarialGame, Flipped
        >>> wrapped_field(Flipped), wrapped_field(AdversarialGame)
        ('game', None)
    """
    slots = {name: SLOTS[its] for name, its in field_types(kind).items() if its in SLOTS}
    return next((name for name, slot in slots.items() if kind in slot.members.values()), None)


@cache
def documentation(kind: type) -> Mapping[str, str]:
    """What a class's docstring says about each of its fields, and those of its bases about fields that it inherits.

    Example:
        >>> from gansmith.games import WGANGP
        >>> documentation(WGANGP)["weight"]
        'λ ≥ 0.'
    """
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        text = inspect.cleandoc(base.__doc__ or "")
        section = re.search(r"^(?:Args|Attributes):\n((?:[ ]+.*\n?|\n(?=[ ]))*)", text, re.MULTILINE)
        entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section[1], re.MULTILINE) if section else []
        found |= {name: re.sub(r"\s+", " ", said).replace("``", "") for name, said in entries}
    return found


def plain_value(kind: Any, value: Any, at: str) -> Any:
    """A number, a text, a size or the like, as its field wants it.

    Args:
        kind: the field's type.
        value: what stands in the file or behind the flag; numbers may be texts.
        at: where it stands, for the message.

    Raises:
        ValueError: it is not such a value; the sentence says what is wanted.

    Example:
        >>> plain_value(float, "2e-4", "lr"), plain_value(int, "1e4", "steps")
        (0.0002, 10000)
        >>> plain_value(tuple[int, int] | None, "64x96", "size")
        (64, 96)
    """
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    try:
        return _adapter(kind).validate_python(_mended(kind, value))
    except (ValidationError, OverflowError) as error:
        guess = nearest(value, choices) if isinstance(value, str) and choices else None
        hint = f"; did you mean {guess!r}?" if guess else ""
        if kind is str and not isinstance(value, Mapping | list):
            hint = "; put it in quotes"
        raise ValueError(f"{at} must be {type_in_words(kind)}, not {in_words(value)}{hint}") from error


def is_size(kind: Any) -> bool:
    """Whether a field holds a height and a width."""
    return tuple[int, int] in (kind, *get_args(kind))


def type_in_words(kind: Any) -> str:
    """What a field takes, as people say it.

    Example:
        >>> type_in_words(int), type_in_words(float | None), type_in_words(Literal["a", "b"])
        ('a whole number', 'a number or none', "'a' or 'b'")
    """
    if is_size(kind):
        return "height x width, such as 64x96, or one number for a square" + _or_none(kind)
    if get_origin(kind) is Literal:
        return listed(map(repr, get_args(kind)), last="or")
    if get_origin(kind) in (Union, types.UnionType):
        parts = [type_in_words(part) for part in get_args(kind) if part is not type(None)]
        return listed(parts, last="or") + _or_none(kind)
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    if isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping):
        return f"a mapping from names to {'numbers' if get_args(kind)[1] is float else 'values'}"
    if get_origin(kind) is tuple:
        return f"a list of which each is {type_in_words(get_args(kind)[0])}"
    return words.get(kind, getattr(kind, "__name__", str(kind)))


def _or_none(kind: Any) -> str:
    return " or none" if type(None) in get_args(kind) else ""


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _mended(kind: Any, value: Any) -> Any:
    """What YAML and shells do to values is undone; what cannot be meant is turned into what no field takes."""
    wanted = {kind, *get_args(kind)}
    if isinstance(value, bool):
        # Python counts true as 1, and "steps: yes" should not be one step.
        return value if bool in wanted or get_origin(kind) is Literal else object()
    if isinstance(value, str) and type(None) in wanted and value.strip().lower() in ("none", "null"):
        return None
    if is_size(kind):
        return _size(value)
    if isinstance(value, str) and int in wanted and re.fullmatch(r"\d+(\.\d+)?[eE]\+?\d{1,2}", value):
        return float(value)
    return value


def _size(value: Any) -> Any:
    if isinstance(value, int):
        return (value, value)
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return value if found is None else (int(found[1]), int(found[2] or found[1]))
