"""A real service for the length of a test: started, waited for, stopped by its pid."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from .progress import Failure, last_lines

Self = TypeVar("Self", bound="Service")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on just now, and that was not given out before.

    Below those that the system gives to connections: one of them could have it, or call itself by it, while its service
    is away for a moment.
    """
    while True:
        port = _any.randrange(12_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


_given: set[int] = set()
# Not the seeded one: tests that run side by side would be given the same.
_any = random.SystemRandom()


def answers(port: int) -> bool:
    """Does anything accept connections on this port of 127.0.0.1?"""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Process:
    """A program in the background with its output in a file. It can be stopped, killed and started again."""

    def __init__(
        self, *command: str | Path, log: Path, env: Mapping[str, str] | None = None, user: str | None = None
    ) -> None:
        self.command, self.log, self.user = [str(word) for word in command], log, user
        self.env = {**os.environ, **(env or {})}
        self._child: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._child, "not started"
        return self._child.pid

    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self, ready: Callable[[], bool], *, seconds: float = 60) -> None:
        """Returns once `ready()`; a `Failure` with the end of the log if the program ends or is late."""
        with self.log.open("ab") as out:
            as_user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self.env,
                cwd="/",
                start_new_session=True,
                **as_user,
            )
        # Should this program be killed, its end of the pipe closes, and the guard ends what would run on for ever.
        guard = ["sh", "-c", f"read word; kill -9 -{self._child.pid}"]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + seconds
        while not ready():
            late = time.monotonic() > end
            if late or not self.alive():
                self.stop(kill=True)
                what = f"was not ready within {seconds:.0f} s" if late else f"ended with {self._child.returncode}"
                raise Failure(f"{Path(self.command[0]).name} {what}:\n{last_lines(self.log)}", log=self.log)
            time.sleep(0.05)

    def stop(self, *, kill: bool = False, sign: int = signal.SIGTERM, seconds: float = 20) -> None:
        """Ends it and waits for its end; after `seconds`, or with `kill`, by SIGKILL."""
        if self.alive():
            assert self._child
            self._child.send_signal(signal.SIGKILL if kill else sign)
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        if self._guard:
            assert self._guard.stdin
            self._guard.kill()
            self._guard.wait()
            self._guard.stdin.close()
            self._guard = None

    def freeze(self) -> None:
        """Lets it keep its connections and answer nothing, until `thaw`."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


class Service:
    """`with SomeService() as it:` - a folder of its own, free ports, and nothing left afterwards."""

    name = "service"

    def __init__(self) -> None:
        # Not $TMPDIR: a socket's path has at most 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix=f"taskora-{self.name}-", dir="/tmp"))
        self.folder.chmod(0o755)

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self: Self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
