"""YAML that does not forgive: repeated keys and broken syntax are one-line errors with file and line."""

import yaml

from soxslib.errors import ReductionError


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Refuses a key that stands twice in one mapping; YAML would silently keep the last."""


def _mapping(loader, node, deep=False):
    seen = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} stands twice (first in line {seen[key]}); keep one",
                key_node.start_mark,
            )  # fmt: skip
        seen[key] = key_node.start_mark.line + 1
    loader.flatten_mapping(node)
    return {loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value}


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_yaml(path):
    """Content of a YAML file as a dict; {} when it is empty."""
    try:
        with open(path, encoding="utf8") as fh:
            content = yaml.load(fh, _StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ReductionError(f"{path}, line {line}: {error.problem}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ReductionError(f"{path}: not YAML ({' '.join(str(error).split())[:100]})") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ReductionError(
            f"{path}: holds a {type(content).__name__} where keys with values belong (raw:, settings: ...)"
        )
    return content
