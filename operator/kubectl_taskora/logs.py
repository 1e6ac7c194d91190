"""Lines of many pods as one story: merged by time, filtered, told. Data in, text out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kubectl_taskora.text import clipped

SHOWN_APART = frozenset({"time", "level", "logger", "message", "role", "request_id", "trace_id", "exception"})


@dataclass(frozen=True, slots=True)
class Line:
    time: str  # RFC 3339, as the kubelet wrote it down
    pod: str
    role: str
    fields: Mapping[str, Any]  # of a line of JSON; else its text as `message`


def parsed(text: str, *, pod: str, role: str) -> Iterator[Line]:
    """A log as the API server gives it with timestamps."""
    for raw in text.splitlines():
        time, _, line = raw.partition(" ")
        yield Line(time, pod, role, _fields(line))


def _fields(line: str) -> Mapping[str, Any]:
    try:
        found: Any = json.loads(line)
    except ValueError:
        found = None
    return cast(Mapping[str, Any], found) if isinstance(found, dict) else {"message": line}


def merged(logs: Iterable[Iterable[Line]], *, request: str | None = None) -> Sequence[Line]:
    """By time; of one request or trace, if one is named."""
    lines = [
        line
        for log in logs
        for line in log
        if request is None or request in (line.fields.get("request_id"), line.fields.get("trace_id"))
    ]
    return sorted(lines, key=lambda line: line.time)


def told(lines: Sequence[Line], *, width: int = 80) -> Iterator[str]:
    """A line for each, the traceback of an error below it; what is common to all is not repeated, so no date of one."""
    days = {line.time[:10] for line in lines}
    begin, length = (11, 12) if len(days) < 2 else (5, 18)
    for line in lines:
        fields = line.fields
        clock = line.time[begin : begin + length].replace("T", " ").ljust(length)
        level = str(fields.get("level", "")).upper()[:5]
        more = " ".join(f"{key}={value}" for key, value in fields.items() if key not in SHOWN_APART)
        message = " ".join(str(fields.get("message", "")).split())
        yield clipped(f"{clock} {line.role:<9} {level:<5} {message} {more}", width)
        for frame in str(fields.get("exception", "")).splitlines():
            yield f"    {frame}"


def data(line: Line) -> str:
    return json.dumps({"time": line.time, "pod": line.pod, **line.fields}, ensure_ascii=False)
