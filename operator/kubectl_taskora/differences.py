"""What differs between two states of an object, field by field, without what nobody wrote and without secrets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import yaml

from kubectl_taskora.text import clipped

HIDDEN = "(hidden)"
_MISSING: Any = object()

# What the API server writes by itself, and the operator's own bookkeeping.
_NOISE = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid", "namespace")
_BOOKKEEPING = ("taskora.dev/wanted-hash",)
_CONFIG_HASH = "metadata.annotations.taskora.dev/config-hash"
_SECRET_NAME = re.compile(r"pass(word|wd)?|secret|token|credential|api_?key|private", re.IGNORECASE)
_LOGIN_IN_URL = re.compile(r"(\w+://)[^/@\s]+@")
_ITEM_KEYS = ("name", "type", "containerPort", "port", "host", "path", "ip", "mountPath", "key")


@dataclass(frozen=True, slots=True)
class Difference:
    """`before` and `after` as YAML says them; None where there is no such field."""

    path: str
    before: str | None
    after: str | None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    return list(_compare("", _stripped(before), _stripped(after)))


def told(difference: Difference, *, width: int, indent: str = "") -> Iterator[str]:
    """A difference as lines: `path: old → new` where that fits, else a line or a few for each."""
    path, before, after = _short(difference.path), difference.before, difference.after
    if difference.path.endswith(_CONFIG_HASH):
        yield f"{indent}a configuration or Secret that its pods read changes"
        return
    short = f"{indent}{path}: {_word(before)} → {_word(after)}"
    if "\n" not in f"{before}{after}" and len(short) <= width and before is not None and after is not None:
        yield short
        return
    yield shortened_path(f"{indent}{path}", width)
    old, new = (before or "").splitlines(), (after or "").splitlines()
    if before is None:
        old = []
    for line in difflib.unified_diff(old, new, n=0, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield clipped(f"{indent}  {line[0]} {line[1:]}", width)


def _short(path: str) -> str:
    """A pod's own fields without the three words before them."""
    return re.sub(r"^spec\.(jobTemplate\.spec\.)?template\.(spec\.)?", "pod ", path)


def shortened_path(path: str, width: int) -> str:
    """The end of a path says more than its middle."""
    if len(path) <= width:
        return path
    indent = len(path) - len(path.lstrip())
    body = path.strip()
    room = width - indent - 1
    return f"{' ' * indent}…{body[len(body) - room :]}"


def _word(text: str | None) -> str:
    return "nothing" if text is None else text


def _stripped(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in body.get("metadata", {}).items() if k not in _NOISE}
    annotations = {k: v for k, v in metadata.pop("annotations", {}).items() if k not in _BOOKKEEPING}
    if annotations:
        metadata["annotations"] = annotations
    rest = {k: v for k, v in body.items() if k not in ("metadata", "status", "apiVersion", "kind")}
    if body.get("kind") == "Secret":
        for part in ("data", "stringData"):
            if part in rest:
                rest[part] = dict.fromkeys(rest[part], HIDDEN)
    return {"metadata": metadata, **rest}


def _compare(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast(dict[str, Any], before), cast(dict[str, Any], after)
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{path}.{key}" if path else key
            yield from _compare(inner, old.get(key, _MISSING), new.get(key, _MISSING))
        return
    if isinstance(before, list) and isinstance(after, list):
        old_items, new_items = _by_name(cast(list[Any], before)), _by_name(cast(list[Any], after))
        if old_items is not None and new_items is not None:
            for key in [*old_items, *(key for key in new_items if key not in old_items)]:
                yield from _compare(f"{path}[{key}]", old_items.get(key, _MISSING), new_items.get(key, _MISSING))
            return
    yield Difference(path, _text(path, before), _text(path, after))


def _by_name(items: Sequence[Any]) -> dict[str, Any] | None:
    """List items by what tells them apart; None where nothing does."""
    if not all(isinstance(item, dict) for item in items):
        return None
    maps = cast(Sequence[dict[str, Any]], items)
    for key in _ITEM_KEYS:
        names = [str(item[key]) for item in maps if key in item]
        if len(names) == len(maps) and len(set(names)) == len(names):
            return dict(zip(names, maps, strict=True))
    return None


def _text(path: str, value: Any) -> str | None:
    if value is _MISSING:
        return None
    value = _censored(value, secret=_names_a_secret(path))
    if isinstance(value, str):
        return value
    return (
        yaml.safe_dump(value, default_flow_style=not isinstance(value, (dict, list)), sort_keys=False)
        .removesuffix("...\n")
        .rstrip("\n")
    )


def _names_a_secret(path: str) -> bool:
    """Of an environment variable with a plain value: `…env[DB_PASSWORD].value`."""
    variable = re.search(r"env\[([^\]]+)\](\.value)?$", path)
    return variable is not None and _SECRET_NAME.search(variable[1]) is not None


def _censored(value: Any, *, secret: bool = False) -> Any:
    if isinstance(value, dict):
        members = cast(dict[str, Any], value)
        named = secret or ("value" in members and _SECRET_NAME.search(str(members.get("name", ""))) is not None)
        return {key: _censored(member, secret=named and key == "value") for key, member in members.items()}
    if isinstance(value, list):
        return [_censored(item) for item in cast(list[Any], value)]
    if isinstance(value, str):
        return HIDDEN if secret else _LOGIN_IN_URL.sub(rf"\1{HIDDEN}@", value)
    return value
