"""A recipe as YAML, and back: one reader for files and flags, one writer.

A piece is written under its name with its settings below it, ``loss: {non_saturating: {real_target: 0.9}}``, or as its
bare name, ``loss: hinge``, where the settings are the usual ones. One's own is ``loss: {code: "module:attribute"}``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin

from gansmith.addresses import resolve
from gansmith.spelling import listed, suggestion
from gansmith.training.fields import field_types, is_size, plain_value, wrapped_field
from gansmith.training.pieces import SLOTS, Slot, address_of, conforming, in_words
from gansmith.training.plain_yaml import dump, parse
from gansmith.training.recipe import Recipe

__all__ = ["flattened", "from_yaml", "merge", "nested", "parse", "to_yaml"]


def to_yaml(recipe: Recipe) -> str:
    """A recipe as YAML text that `from_yaml` reads back to an equal recipe.

    A piece of one's own is written as the ``module:attribute`` under which it can be imported; one that cannot be
    imported is written down for people only, and a run with such a piece is resumed from Python.

    Raises:
        ValueError: a built-in piece holds a value that is no number, text, list or mapping.

    Example:
        >>> from_yaml(to_yaml(Recipe(steps=7))) == Recipe(steps=7)
        True
    """
    return dump(_written(Recipe, recipe, ""))


def from_yaml(text: str, *, allow_code: bool = False, base: Recipe | None = None) -> Recipe:
    r"""The recipe that YAML text describes; what it leaves out is as in `base`.

    Args:
        text: plain YAML, without tags of objects.
        allow_code: import the ``module:attribute`` of pieces of one's own.
        base: what the text changes; by default the defaults of `Recipe`.

    Raises:
        ValueError: a key or a value does not exist or does not fit; the sentence names its place and what was
            probably meant.

    Example:
        >>> from_yaml("steps: 1e3\ngame: {adversarial: {loss: hinge}}").game.loss
        Hinge()
        >>> from_yaml("stepz: 3")
        Traceback (most recent call last):
        ValueError: a recipe has no key 'stepz'; did you mean 'steps'?
    """
    return merge(base or Recipe(), parse(text), allow_code=allow_code)


def merge(recipe: Recipe, changes: Mapping[str, Any], *, allow_code: bool = False) -> Recipe:
    """A recipe with changes, which are plain mappings as `parse` gives them.

    A piece that is named and already there is changed where the changes say so; a wrapper goes around what is there;
    another piece takes its place with its own usual settings. Lists are replaced.

    Raises:
        ValueError: as in `from_yaml`.

    Example:
        >>> merge(Recipe(batch=8), {"steps": 5}) == Recipe(batch=8, steps=5)
        True
    """
    merged: Recipe = _Reader(allow_code).record(Recipe, changes, "", recipe)
    return merged


def flattened(recipe: Recipe | Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe, or of what `parse` makes of a file, by their dotted names; lists stay whole.

    Raises:
        ValueError: as in `to_yaml`.

    Example:
        >>> flattened(Recipe())["dynamics.alternating.optimizer.adam.lr"]
        0.0002
    """
    return dict(_flat(_written(Recipe, recipe, "") if isinstance(recipe, Recipe) else recipe, ""))


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by dotted names as the mapping of mappings that `merge` takes.

    Example:
        >>> nested({"augment.flip": True, "augment.colour": True, "steps": 5})
        {'augment': {'flip': True, 'colour': True}, 'steps': 5}
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        *path, last = name.split(".")
        place = found
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return found


def _flat(written: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(written, Mapping) and written:
        for name, within in written.items():
            yield from _flat(within, f"{at}.{name}" if at else name)
    else:
        yield at, written


@dataclass(frozen=True)
class _Reader:
    allow_code: bool

    def value(self, kind: Any, value: Any, at: str, base: Any) -> Any:
        if kind in SLOTS:
            return self.piece(SLOTS[kind], value, at, base)
        if get_origin(kind) is tuple and get_args(kind)[0] in SLOTS:
            return self.pieces(SLOTS[get_args(kind)[0]], value, at, base)
        if is_dataclass(kind) and isinstance(kind, type):
            return self.record(kind, value, at, base)
        return plain_value(kind, value, at)

    def record(self, kind: type, given: Any, at: str, base: Any) -> Any:
        """A dataclass, from a mapping of its fields."""
        types, what = field_types(kind), at or "a recipe"
        if not isinstance(given, Mapping):
            raise ValueError(f"{what} must be a mapping of {listed(types) or 'nothing'}, not {in_words(given)}")
        for key in given:
            if key not in types:
                below = next(_places(_written(kind, base, ""), str(key)), None) if base is not None and not at else None
                hint = f"; it stands at {below}" if below else suggestion(str(key), types)
                raise ValueError(f"{what} has no key {key!r}{hint}")
        place = f"{at}." if at else ""
        read = {key: self.value(types[key], item, place + key, getattr(base, key, None)) for key, item in given.items()}
        try:
            return kind(**read) if base is None else replace(base, **read)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{at}: {error}" if at else str(error)) from error

    def piece(self, slot: Slot, given: Any, at: str, base: Any) -> Any:
        """One of a slot's pieces: by its name, by its name with settings, as code, or the object itself."""
        if slot.tag(given) is not None or given is base is not None:
            return given
        if isinstance(given, Mapping) and "code" in given:
            return self.own(slot, given, at)
        if isinstance(given, str) and ":" in given:
            return self.own(slot, {"code": given}, at)
        if isinstance(given, str):
            given = {given: None}
        if not isinstance(given, Mapping) or len(given) != 1:
            raise ValueError(
                f"{at} must name {listed(slot.members, last='or')}, with its settings below it, not {in_words(given)}"
            )
        [(tag, settings)] = given.items()
        name = str(tag).lower().replace("-", "_")
        if name not in slot.members:
            raise ValueError(f"{at}: there is no {slot.word} {tag!r}{_meant(slot, name)}")
        kind = slot.members[name]
        there = base if type(base) is kind else _around(kind, base)
        return self.record(kind, {} if settings is None else settings, f"{at}.{name}", there)

    def pieces(self, slot: Slot, given: Any, at: str, base: Any) -> tuple[Any, ...]:
        if given is None:
            return ()
        if not isinstance(given, list | tuple):
            example = next(iter(slot.members))
            raise ValueError(f"{at} must be a list such as [{{{example}: {{}}}}], not {in_words(given)}")
        there = {slot.tag(piece): piece for piece in base or ()}
        read = []
        for index, item in enumerate(given):
            name = next(iter(item), None) if isinstance(item, Mapping) else item
            kept = item if item in (base or ()) else there.get(str(name).lower().replace("-", "_"))
            read.append(self.piece(slot, item, f"{at}[{index}]", kept))
        return tuple(read)

    def own(self, slot: Slot, given: Mapping[str, Any], at: str) -> Any:
        """A piece of somebody's own, imported where that is allowed."""
        for key in given:
            if key not in ("code", "args", "was"):
                raise ValueError(f"{at} has no key {key!r}{suggestion(str(key), ('code', 'args'))}")
        address = given["code"]
        if address is None:
            raise ValueError(
                f"{at} was {given.get('was', 'an object')}, which cannot be imported by name; "
                "go on from Python, where you can hand over the recipe with the object itself"
            )
        if not self.allow_code:
            raise ValueError(f"{at} is code of somebody's own ({address}); add --allow-code if you trust it")
        found = resolve(str(address), at)
        if "args" in given:
            if not (isinstance(found, type) and is_dataclass(found)):
                raise ValueError(f"{at}: args are for a dataclass, and {address} is none; leave them out")
            found = self.record(found, given["args"], f"{at}.args", None)
        return conforming(found, slot, str(address), at)


def _places(written: Any, key: str, at: str = "") -> Iterator[str]:
    """Where below the top a key stands in what was written.

    Example:
        >>> list(_places({"steps": 3, "game": {"adversarial": {"loss": "hinge"}}}, "loss"))
        ['game.adversarial.loss']
    """
    if isinstance(written, Mapping):
        for name, within in written.items():
            if name == key and at:
                yield at + name
            yield from _places(within, key, f"{at}{name}.")


def _around(kind: type, base: Any) -> Any:
    """A wrapper with its usual settings around the piece that is there; None where there is none, or it is no wrapper.

    Example:
        >>> from gansmith.games import AdversarialGame, Flipped, Hinge
        >>> _around(Flipped, AdversarialGame(Hinge())).game.loss
        Hinge()
    """
    inside = wrapped_field(kind)
    return None if base is None or inside is None else kind(**{inside: base})


def _meant(slot: Slot, name: str) -> str:
    owners = [tag for tag, kind in slot.members.items() if name in field_types(kind)]
    if owners:
        return f"; it is a setting of {listed(owners)}: write {{{owners[0]}: {{{name}: ...}}}}"
    return suggestion(name, slot.members)


def _written(kind: Any, value: Any, at: str) -> Any:
    """A value as plain mappings, lists and scalars."""
    if kind in SLOTS:
        return _written_piece(SLOTS[kind], value, at)
    if get_origin(kind) is tuple and get_args(kind)[0] in SLOTS:
        return [_written_piece(SLOTS[get_args(kind)[0]], piece, f"{at}[{i}]") for i, piece in enumerate(value)]
    if is_dataclass(kind) and isinstance(kind, type):
        place = f"{at}." if at else ""
        return {name: _written(t, getattr(value, name), place + name) for name, t in field_types(kind).items()}
    if is_size(kind) and value is not None:
        return f"{value[0]}x{value[1]}"
    return _written_plain(value, at)


def _written_piece(slot: Slot, piece: Any, at: str) -> Any:
    tag = slot.tag(piece)
    if tag is not None:
        settings = _written(type(piece), piece, f"{at}.{tag}")
        return {tag: settings} if settings else tag
    address = address_of(piece)
    if address is not None:
        return {"code": address}
    kind = type(piece)
    address = address_of(kind) if is_dataclass(kind) else None
    if address is not None:
        try:
            return {"code": address, "args": _written(kind, piece, at)}
        except (ValueError, NameError):  # it holds what cannot be written, or its types cannot be found out
            pass
    return {"code": None, "was": in_words(piece)}


def _written_plain(value: Any, at: str) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _written_plain(item, f"{at}.{key}") for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_written_plain(item, at) for item in value]
    if isinstance(value, Path):
        return str(value)
    raise ValueError(f"{at} is {in_words(value)}, which cannot be written as YAML")
