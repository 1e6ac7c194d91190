"""`make dev`: the whole application on this machine, with real PostgreSQL, Redis, Kafka and sidecars, until Ctrl-C.

Everything lives in a folder of its own and goes with it. The log is one for all roles, a line each; what the servers
and sidecars say is kept to warnings.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import IO, Any

from tests.cluster.progress import Failure, explain
from tests.whole import Whole

PORT = 8000
QUIET = re.compile(r"non-YAML|mTLS is disabled|increasedCardinality|[Ss]cheduler|Actor runtime|retriable error")


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    try:
        with Whole(port=PORT if _free(PORT) else None, TASKORA_LOG_LEVEL="info") as whole:
            print(f"\n  {whole.door.url}   sign in as {whole.email} with {whole.password}")
            print(
                f"  ready in {time.monotonic() - began:.1f} s; nothing is kept after Ctrl-C; in {whole.folder.parent}:"
            )
            print(f"  psql {whole.urls.app}   broker {whole.kafka.bootstrap}   redis {whole.redis.host}\n", flush=True)
            _show(whole)
    except KeyboardInterrupt:
        print("\nEnded.")
        return 0
    except Failure as failure:
        explain(failure)
    return 1


def _show(whole: Whole) -> None:
    """What is said from now on; raises when a part ends by itself."""
    pods = {**whole.pods, "frontend": whole.door}
    logs = {name: pod.log.open(errors="replace") for name, pod in pods.items()}
    logs |= {f"{name}'s sidecar": pod.sidecar.log.open(errors="replace") for name, pod in pods.items()}
    for log in logs.values():
        log.seek(0, 2)
    while True:
        for name, log in logs.items():
            for line in _lines(name, log):
                print(line, flush=True)
        for name, pod in pods.items():
            for part, process in ((name, pod.process), (f"{name}'s sidecar", pod.sidecar.process)):
                if not process.alive():
                    raise Failure(f"{part} has ended.", log=process.log)
        time.sleep(0.1)


def _lines(name: str, log: IO[str]) -> Iterator[str]:
    for line in log:
        text = _of_sidecar(line) if name.endswith("sidecar") else _of_role(line)
        if text:
            yield f"{time.strftime('%H:%M:%S')} {name:<20} {text}"


def _of_role(line: str) -> str:
    try:
        said: dict[str, Any] = json.loads(line)
    except ValueError:
        return line.rstrip()
    rest = " ".join(f"{key}={said[key]}" for key in ("status", "ms") if key in said)
    level = "" if said["level"] == "info" else said["level"].upper() + " "
    return f"{level}{said['message']} {rest}".rstrip() + (f"\n{said['exception']}" if "exception" in said else "")


def _of_sidecar(line: str) -> str:
    found = re.search(r'level=(warning|error|fatal) msg="(.*?)" app_id', line)
    return f"{found[1].upper()} {found[2]}" if found and not QUIET.search(line) else ""


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


if __name__ == "__main__":
    sys.exit(main())
