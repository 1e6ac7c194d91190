"""What reads the topics inside the broker's own pod, and events as people read them. Data in, text out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from taskora_operator.api.services import Engine

from kubectl_taskora.text import clipped


def reader(engine: Engine, topics: Sequence[str], *, bootstrap: str, beginning: bool) -> list[str]:
    """The command that prints one event a line until it is ended."""
    if engine is Engine.REDPANDA:
        offset = "start" if beginning else "end"
        return ["rpk", "topic", "consume", *topics, "--brokers", bootstrap, "--offset", offset, "--format", "%v\\n"]
    words = ["java", "-cp", "/opt/kafka/libs/*", "-Xmx64m", "org.apache.kafka.tools.consumer.ConsoleConsumer"]
    words += ["--bootstrap-server", bootstrap, "--include", "|".join(topic.replace(".", "\\.") for topic in topics)]
    return words + ["--from-beginning"] * beginning


def bound(words: Sequence[str]) -> list[str]:
    """A command that ends when its standard input does: a stream that is closed ends nothing in the pod by itself."""
    return ["sh", "-c", 'exec 3<&0; (cat <&3; kill $$) >/dev/null 2>&1 & exec "$@"', "sh", *words]


def told(line: str, *, width: int = 80) -> str:
    """`03:00:01 dev.taskora.task.created.v1 …` for an event; other lines as they are."""
    try:
        event: Any = json.loads(line)
    except ValueError:
        return clipped(line, width)
    if not isinstance(event, dict) or "type" not in event:
        return clipped(line, width)
    fields = cast(Mapping[str, Any], event)
    data: Any = fields.get("data")
    about: Mapping[str, Any] = cast(Mapping[str, Any], data) if isinstance(data, dict) else {}
    kind = str(fields["type"]).removeprefix("dev.taskora.").removesuffix(".v1")
    more = " ".join(f"{key}={about[key]}" for key in ("seq", "user_id") if key in about)
    return clipped(f"{str(fields.get('time', ''))[11:19]:<8} {kind:<22} {fields.get('source', '')} {more}", width)
