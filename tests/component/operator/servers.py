"""Redis as the operator's own files start and keep it, beside a Secret as the kubelet mounts it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from taskora_operator.desired import desired
from taskora_operator.profiles import resolve

from tests.cluster import machine
from tests.cluster.process import Process, Service, free_port
from tests.specs import facts, spec


class Mount:
    """A Secret's volume."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._states = 0

    def show(self, data: Mapping[str, str]) -> None:
        """As the kubelet does: a new folder, and a link that is replaced."""
        self._states += 1
        state = self.folder / f"..state{self._states}"
        state.mkdir(parents=True)
        for key, value in data.items():
            (state / key).write_text(value, encoding="utf-8")
        link = self.folder / "..new"
        link.symlink_to(state.name)
        link.rename(self.folder / "..data")


class Redis(Service):
    """Its folders stand for those of its pod, which `tmp`, `data` and `credentials` outlive when it is killed."""

    name = "redis"

    def __init__(self, secret: Mapping[str, str]) -> None:
        super().__init__()
        machine.packages("redis-server")
        self.port, self.log = free_port(), self.folder / "redis.log"
        self.credentials = Mount(self.folder / "credentials")
        self.credentials.show(secret)
        made = {str(each.key): each.manifest for each in desired(resolve(spec()), facts()).objects}
        for name in ("etc", "data", "tmp", "bin"):
            (self.folder / name).mkdir()
        for name, text in made["ConfigMap/taskora-redis"]["data"].items():
            (self.folder / "etc" / name).write_text(self._here(text), encoding="utf-8")
        [container] = made["Deployment/taskora-redis"]["spec"]["template"]["spec"]["containers"]
        self._probe = [self._here(word) for word in container["readinessProbe"]["exec"]["command"]]
        client = self.folder / "bin" / "redis-cli"
        client.write_text(f'#!/bin/sh\nexec {shutil.which("redis-cli")} -p {self.port} "$@"\n', encoding="utf-8")
        client.chmod(0o755)
        self.env = {"PATH": f"{client.parent}:{os.environ['PATH']}"}
        self.process = Process(*map(self._here, container["command"]), log=self.log, env=self.env)

    def _here(self, text: str) -> str:
        places = {
            "/etc/taskora": str(self.folder / "etc"),
            "/credentials": str(self.credentials.folder),
            "/data": str(self.folder / "data"),
            "/tmp": str(self.folder / "tmp"),
            "6379": str(self.port),
        }
        return re.sub("|".join(rf"{re.escape(place)}\b" for place in places), lambda found: places[found[0]], text)

    def start(self) -> None:
        self.process.start(self.ready)

    def stop(self) -> None:
        self.process.stop(kill=True)

    def ready(self) -> bool:
        """What its pod's probes say."""
        return subprocess.run(self._probe, check=False, env=self.env, capture_output=True, timeout=20).returncode == 0

    def keeper(self) -> str:
        return (self.folder / "tmp" / "keeper").read_text(encoding="utf-8").strip()

    def said(self, *words: str, password: str, user: str = "default") -> str:
        """What Redis answers to one who logs in anew."""
        command: Sequence[str] = ["redis-cli", "--user", user, *words]
        env = {**self.env, "REDISCLI_AUTH": password}
        done = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=20)
        return (done.stdout + done.stderr).strip()

    def lets_in(self, password: str) -> bool:
        said = self.said("ping", password=password)
        assert said == "PONG" or "WRONGPASS" in said, said
        return said == "PONG"

    def prove(self, given: Mapping[str, str]) -> subprocess.Popen[str]:
        """Runs the script of the Job that proves."""
        words = ["/bin/sh", str(self.folder / "etc" / "prove.sh")]
        at = {"HOST": "127.0.0.1", "PORT": str(self.port)}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(words, env={**self.env, **given, **at}, **pipes)


class Connection:
    """One that logged in once."""

    def __init__(self, redis: Redis, *, password: str) -> None:
        self._wire = socket.create_connection(("127.0.0.1", redis.port), timeout=20)
        self._read = self._wire.makefile("rb")
        assert self.ask(f"AUTH {password}") == "+OK"

    def ask(self, words: str) -> str:
        """The first line of the answer."""
        self._wire.sendall(f"{words}\r\n".encode())
        return self._read.readline().decode().strip()

    def close(self) -> None:
        self._read.close()
        self._wire.close()
