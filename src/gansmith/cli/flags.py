"""The flags of `gansmith train`: every field of a recipe by its dotted name, and short names for the usual ones.

Flags and files go through one reader: a flag is a change to the recipe, read as the same line in a file would be.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import Any, get_args, get_origin

from gansmith.spelling import listed, suggestion
from gansmith.training.config import merge
from gansmith.training.fields import documentation, field_types, is_size, plain_value, wrapped_field
from gansmith.training.pieces import SLOTS, Slot
from gansmith.training.recipe import Recipe, rebatched

__all__ = ["SHORT", "Flag", "add_flags", "apply_flags", "recipe_flags"]

SHORT: Mapping[str, tuple[str, ...]] = {
    "game.loss": ("loss",),
    "game.penalties": ("penalties",),
    "dynamics.optimizer": ("optimizer",),
    "dynamics.optimizer.lr": ("lr",),
    "networks.width": ("width",),
    "augment.flip": ("flip",),
    "run.device": ("device",),
    "run.precision": ("precision",),
    "run.threads": ("threads",),
}
"""Short names of flags, by the field."""


@dataclass(frozen=True)
class Flag:
    """A field of a recipe, or of a piece that may stand in it.

    Args:
        path: the names of the fields on the way, without the names of the pieces; a penalty's own name is part of it.
        kind: the type of the field; what it is in the first of the pieces that have it.
        slot: which pieces the field takes, if it takes a piece.
        many: it takes any number of them.
        owners: the pieces that have this field, by name; empty for a field that every recipe has.
    """

    path: tuple[str, ...]
    kind: Any = None
    slot: Slot | None = None
    many: bool = False
    owners: tuple[str, ...] = ()

    @property
    def dotted(self) -> str:
        """The path as one word."""
        return ".".join(self.path)

    @property
    def names(self) -> list[str]:
        """How it is written, the shortest name first."""
        return [f"--{name}".replace("_", "-") for name in (*SHORT.get(self.dotted, ()), self.dotted)]


@cache
def recipe_flags() -> Mapping[str, Flag]:
    """All flags by their dotted path.

    Example:
        >>> recipe_flags()["networks.width"].owners
        ('mlp', 'dcgan', 'residual', 'maxout', 'multiscale', 'noisy_mlp')
    """
    found: dict[str, Flag] = {}
    for flag in _flags(Recipe, (), ()):
        known = found.get(flag.dotted, flag)
        owners = tuple(dict.fromkeys((*known.owners, *flag.owners)))
        found[flag.dotted] = Flag(known.path, known.kind, known.slot, known.many, owners)
    return found


def _flags(kind: type, path: tuple[str, ...], owners: tuple[str, ...], within: tuple[type, ...] = ()) -> Iterator[Flag]:
    for name, field in field_types(kind).items():
        here, many = (*path, name), get_origin(field) is tuple and get_args(field)[0] in SLOTS
        slot = SLOTS[get_args(field)[0]] if many else SLOTS.get(field)
        if slot is not None:
            yield Flag(here, slot=slot, many=many, owners=owners)
            for tag, member in slot.members.items():
                # A wrapper may stand inside another one; inside itself it has no flags, for there would be no end.
                if member not in within:
                    yield from _flags(member, (*here, tag) if many else here, (tag,), (*within, member))
        elif is_dataclass(field) and isinstance(field, type):
            yield from _flags(field, here, owners, within)
        else:
            yield Flag(here, field, owners=owners)


def add_flags(parser: argparse.ArgumentParser, recipe: Recipe) -> None:
    """Add all flags to a parser; its help shows those that `recipe` has, with its values.

    Flags that are not given leave no trace in what is parsed.
    """
    groups: dict[str, Any] = {}
    for flag in recipe_flags().values():
        at = _place(recipe, flag)
        title = _title(flag, recipe)
        group = groups.setdefault(title, parser.add_argument_group(title)) if title not in groups else groups[title]
        said = argparse.SUPPRESS if at is None else _help(flag, *at)
        settings: dict[str, Any] = {"dest": flag.dotted, "default": argparse.SUPPRESS, "help": said}
        if flag.kind is bool:
            group.add_argument(*flag.names, action=argparse.BooleanOptionalAction, **settings)
        elif flag.many:
            group.add_argument(*flag.names, nargs="*", metavar="NAME", **settings)
        elif _is_mapping(flag.kind):
            group.add_argument(*flag.names, nargs="*", metavar="NAME=VALUE", **settings)
        else:
            group.add_argument(*flag.names, metavar=_metavar(flag), **settings)


def apply_flags(recipe: Recipe, given: Mapping[str, Any], *, allow_code: bool = False) -> Recipe:
    """The recipe with what the flags say; first the pieces that are swapped, then the batch, then all settings.

    A smaller batch brings more steps with it (`rebatched`), unless a flag says how many.

    Args:
        recipe: what is changed.
        given: texts by dotted path, as `add_flags` has them parsed.
        allow_code: import pieces of one's own that are named as ``module:attribute``.

    Raises:
        ValueError: a value does not fit, or the recipe has no such piece.
    """
    flags = [flag for flag in recipe_flags().values() if flag.dotted in given]
    # A wrapper inside another, dynamics.dynamics, is chosen before the settings of what it wraps.
    for flag in sorted(flags, key=lambda flag: len(set(flag.path)) > 1):
        if flag.slot is not None:
            changes = _nested(recipe, flag, _pieces(flag, flag.slot, given[flag.dotted]))
            recipe = merge(recipe, changes, allow_code=allow_code)
    if "batch" in given:
        recipe = rebatched(recipe, _read(recipe_flags()["batch"], given["batch"]))
    changes = {}
    for flag in flags:
        if flag.slot is None:
            changes = _joined(changes, _nested(recipe, flag, _read(flag, given[flag.dotted])))
    return merge(recipe, changes, allow_code=allow_code)


def _pieces(flag: Flag, slot: Slot, text: Any) -> Any:
    """The names of pieces behind a flag: built-in ones that exist, or code."""
    names = [name for part in (text if flag.many else [text]) for name in part.split(",") if name]
    if flag.many and [name.lower() for name in names] == ["none"]:
        return []
    for name in names:
        if ":" not in name and name.lower().replace("-", "_") not in slot.members:
            raise ValueError(f"{flag.names[0]}: there is no {slot.word} {name!r}{suggestion(name, slot.members)}")
    return names if flag.many else text


def _read(flag: Flag, text: Any) -> Any:
    value: Any = text
    if _is_mapping(flag.kind):
        pairs = [pair.partition("=") for part in text for pair in part.split(",") if pair]
        if wrong := [name for name, equals, _ in pairs if not equals]:
            raise ValueError(f"{flag.names[0]} takes NAME=VALUE, such as discriminator=2, not {wrong[0]!r}")
        value = {name: number for name, _, number in pairs}
    elif get_origin(flag.kind) is tuple and not is_size(flag.kind):
        value = text.split(",")
    return plain_value(flag.kind, value, flag.names[0])


def _nested(recipe: Recipe, flag: Flag, value: Any) -> dict[str, Any]:
    """A change of one field as the mapping that a file would hold."""
    return _wrapped(Recipe, recipe, flag, flag.path, value)


def _wrapped(kind: type, base: Any, flag: Flag, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = path
    types = field_types(kind)
    if name not in types:
        inside = wrapped_field(kind)
        if inside is None:
            raise ValueError(_not_here(flag, flag.path[: -len(path)], base))
        # What a wrapper has no such setting for is meant for what it wraps.
        return _wrapped(kind, base, flag, (inside, *path), value)
    field, inner, below = types[name], getattr(base, name), tuple(rest)
    if not below:
        return {name: value}
    if field in SLOTS:
        tag = SLOTS[field].tag(inner)
        if tag is None:
            raise ValueError(
                f"{flag.names[0]} cannot change a {SLOTS[field].word} of your own; choose a built-in one first"
            )
        return {name: {tag: _wrapped(type(inner), inner, flag, below, value)}}
    if get_origin(field) is tuple:
        slot, wanted = SLOTS[get_args(field)[0]], below[0]
        if wanted not in map(slot.tag, inner):
            raise ValueError(f"{flag.names[0]} needs the {slot.word} {wanted}; add --{name} {wanted}")
        changed = [
            {wanted: _wrapped(type(p), p, flag, below[1:], value)} if slot.tag(p) == wanted else p for p in inner
        ]
        return {name: changed}
    return {name: _wrapped(field, inner, flag, below, value)}


def _not_here(flag: Flag, parent: tuple[str, ...], piece: Any) -> str:
    chooser = recipe_flags()[".".join(parent)]
    here = chooser.slot.tag(piece) if chooser.slot is not None else None
    return (
        f"{flag.names[0]} is a setting of {listed(flag.owners)}, not of {here}; add {chooser.names[0]} {flag.owners[0]}"
    )


def _joined(a: Any, b: Any) -> Any:
    if isinstance(a, dict) and isinstance(b, dict):
        return {key: _joined(a[key], b[key]) if key in a and key in b else {**a, **b}[key] for key in {**a, **b}}
    if isinstance(a, list) and isinstance(b, list):
        return [_joined(x, y) for x, y in zip(a, b, strict=True)]
    return a if isinstance(a, dict) else b


def _place(recipe: Recipe, flag: Flag) -> tuple[type, Any] | None:
    """The type of the object that holds a flag's field in this recipe, and the field's value; None if there is none."""
    holder: Any = recipe
    for name in flag.path[:-1]:
        if isinstance(holder, tuple):
            holder = next((piece for piece in holder if getattr(piece, "name", None) == name), None)
        else:
            holder = getattr(holder, name, None)
    kind: type = type(holder)
    if not is_dataclass(kind) or flag.path[-1] not in field_types(kind):
        return None
    return kind, getattr(holder, flag.path[-1])


def _title(flag: Flag, recipe: Recipe) -> str:
    top = flag.path[0]
    if len(flag.path) == 1 and flag.slot is None:
        return "the recipe"
    return f"{top}: {documentation(Recipe).get(top, '').rstrip('.')}"


def _help(flag: Flag, holder: type, value: Any) -> str:
    said = documentation(holder).get(flag.path[-1], "").rstrip(".")
    if flag.slot is not None:
        said = f"{said}: {listed(flag.slot.members, last='or')}" if said else listed(flag.slot.members, last="or")
        if wrappers := [tag for tag, kind in flag.slot.members.items() if wrapped_field(kind)]:
            said += f" ({listed(wrappers)}: around what is there)"
        pieces = value if flag.many else (value,)
        shown = " ".join(flag.slot.tag(piece) or "your own" for piece in pieces) or "none"
    elif is_size(flag.kind) and value is not None:
        shown = f"{value[0]}x{value[1]}"
    elif isinstance(value, tuple):
        shown = " ".join(map(str, value)) or "none"
    elif isinstance(value, Mapping):
        shown = " ".join(f"{name}={number}" for name, number in value.items()) or "none"
    else:
        shown = {None: "none", True: "yes", False: "no", "": "none"}.get(value, value) if _simple(value) else str(value)
    return f"{_uncapitalised(said)} [{shown}]".replace("%", "%%")


def _uncapitalised(text: str) -> str:
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _simple(value: Any) -> bool:
    return value is None or isinstance(value, bool | str)


def _metavar(flag: Flag) -> str:
    kinds = {flag.kind, *get_args(flag.kind)}
    if flag.slot is not None:
        return "NAME"
    if is_size(flag.kind):
        return "HxW"
    return "N" if int in kinds else "X" if float in kinds else "WORD"


def _is_mapping(kind: Any) -> bool:
    return isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping)
