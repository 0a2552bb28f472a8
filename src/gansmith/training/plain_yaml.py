"""YAML without surprises: no objects, no key twice, no references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from gansmith.training.pieces import in_words

__all__ = ["dump", "parse"]


def dump(value: Mapping[str, Any]) -> str:
    r"""Plain mappings, lists and scalars as YAML text, in their own order.

    Example:
        >>> dump({"steps": 3, "lr": 2e-4})
        'steps: 3\nlr: 0.0002\n'
    """
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def parse(text: str) -> Mapping[str, Any]:
    """YAML text as plain mappings, lists and scalars.

    Raises:
        ValueError: it is not YAML, holds tags or a key twice, or is not a mapping.
    """
    try:
        document = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = str(error.problem or error.context)
        if "for the tag" in problem:
            problem = "tags such as !!python/object are refused; a recipe is plain YAML"
        raise ValueError(f"{place}{problem}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"this is not YAML: {str(error).splitlines()[0]}") from error
    document = {} if document is None else document
    if not isinstance(document, dict):
        raise ValueError(f"a recipe is a mapping such as 'steps: 3000', not {in_words(document)}")
    return document


class _Loader(yaml.SafeLoader):
    """The safe loader, which also refuses a key that stands twice."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value in seen and key.tag != "tag:yaml.org,2002:merge":
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
        seen.add(getattr(key, "value", "") if isinstance(key, yaml.ScalarNode) else "")
    loader.flatten_mapping(node)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


class _Dumper(yaml.SafeDumper):
    """The safe dumper, without references between equal values."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
