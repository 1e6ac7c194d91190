"""What a person sees: a line a step, and for a failed one its last words, its log and what to do.

Everything here goes to standard error: standard output is for answers (`url`, `kubeconfig`, `login`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from . import cache

HEARTBEAT = 30.0  # seconds between two lines about a step that takes long
STARTED = time.monotonic()


class Failure(Exception):
    """A sentence that says what is wrong and what to do; `log` holds the details."""

    def __init__(self, sentence: str, *, log: Path | None = None) -> None:
        super().__init__(sentence)
        self.log = log


class Step:
    """One line of progress; `note` may be set while it runs and is shown behind its name."""

    def __init__(self, name: str) -> None:
        self.name, self.note, self.started = name, "", time.monotonic()
        self.log = cache.folder("logs") / ("".join(c if c.isalnum() or c in ".-" else "-" for c in name) + ".log")


_lock = threading.Lock()
_running: list[Step] = []
_children: set[subprocess.Popen[str]] = set()
_stopping = threading.Event()


def say(text: str, *, seconds: float | None = None) -> None:
    head = f"{seconds:7.1f}s  " if seconds is not None else "          "
    with _lock:
        print(head + text, file=sys.stderr, flush=True)


def _beat() -> None:
    while True:
        time.sleep(HEARTBEAT)
        for late in tuple(_running):
            elapsed = time.monotonic() - late.started
            if elapsed >= HEARTBEAT:
                say(f"… {late.name}" + (f": {late.note}" if late.note else ""), seconds=elapsed)


@contextlib.contextmanager
def step(name: str) -> Iterator[Step]:
    """Times what happens inside and says it in one line, once it is over."""
    if not any(t.name == "progress" for t in threading.enumerate()):
        threading.Thread(target=_beat, name="progress", daemon=True).start()
    current = Step(name)
    _running.append(current)
    try:
        yield current
    except BaseException as error:
        outcome = "FAILED" if isinstance(error, Exception) else "interrupted"
        if not _stopping.is_set():
            say(f"{name}  {outcome}", seconds=time.monotonic() - current.started)
        raise
    finally:
        _running.remove(current)
    say(name + (f"  ({current.note})" if current.note else ""), seconds=time.monotonic() - current.started)


def total() -> float:
    return time.monotonic() - STARTED


# ------------------------------------------------------------------ commands


def run(
    *command: str | Path,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    advice: str = "",
) -> None:
    """Runs a command with its output appended to `log`; a `Failure` with `advice` if it does not exit with 0."""
    words = [str(word) for word in command]
    with log.open("a") as out:
        out.write(f"$ {' '.join(words)}\n")
        out.flush()
        child = _start(words, cwd=cwd, env=env, stdin=stdin, stdout=out.fileno(), stderr=out.fileno())
        _finish(child, stdin=stdin, timeout=timeout, words=words)
    if child.returncode:
        sentence = f"{' '.join(words[:4])} … exited with {child.returncode}."
        raise Failure(f"{sentence} {advice}".strip(), log=log)


def output(
    *command: str | Path,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    advice: str = "",
) -> str:
    """What a command prints, stripped; a `Failure` with what it said on standard error if it does not exit with 0."""
    words = [str(word) for word in command]
    child = _start(words, cwd=cwd, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = _finish(child, stdin=stdin, timeout=timeout, words=words)
    if child.returncode:
        sentence = f"{' '.join(words[:6])} exited with {child.returncode}: {err.strip()[-800:]}"
        raise Failure(f"{sentence} {advice}".strip())
    return out.strip()


def succeeds(*command: str | Path, env: Mapping[str, str] | None = None, timeout: float | None = 30) -> bool:
    try:
        output(*command, env=env, timeout=timeout)
    except (Failure, FileNotFoundError):
        return False
    return True


def _start(
    words: list[str], *, cwd: Path | None, env: Mapping[str, str] | None, stdin: str | None, stdout: int, stderr: int
) -> subprocess.Popen[str]:
    # A session of its own: Ctrl-C reaches this program alone, which then ends what it started.
    child = subprocess.Popen(
        words,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )
    _children.add(child)
    if _stopping.is_set():
        _end(child)
    return child


def _finish(
    child: subprocess.Popen[str], *, stdin: str | None, timeout: float | None, words: list[str]
) -> tuple[str, str]:
    try:
        return child.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        _end(child)
        raise Failure(f"{' '.join(words[:6])} did not end within {timeout:.0f} s.") from error
    except BaseException:
        _end(child)
        raise
    finally:
        _children.discard(child)


def _end(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)


def stop_children() -> None:
    """Ends every command that still runs, and every one that a thread would start from now on."""
    _stopping.set()
    for child in tuple(_children):
        _end(child)


def together(*jobs: Callable[[], object]) -> None:
    """Runs the jobs side by side. The first failure ends the commands of the others and is raised."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failed = next((e for f in done if (e := f.exception())), None)
            if failed:
                stop_children()
                raise failed
        except BaseException:
            stop_children()
            raise


def until(see: Callable[[], object], what: str, *, seconds: float, every: float = 0.2, log: Path | None = None) -> None:
    """Looks until `see()` is true; a `Failure` naming `what` after that many seconds."""
    end = time.monotonic() + seconds
    while not see():
        if _stopping.is_set():
            raise Failure("Interrupted.")
        if time.monotonic() > end:
            raise Failure(f"{what} was not so within {seconds:.0f} s.", log=log)
        time.sleep(every)


def last_lines(log: Path, *, count: int = 30) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def explain(failure: Failure) -> None:
    """Says on standard error what failed, with the end of its log."""
    if failure.log and (lines := last_lines(failure.log)):
        print(f"\n--- the last lines of {failure.log}\n{lines}\n---", file=sys.stderr)
    print(f"\n{failure}", file=sys.stderr)
