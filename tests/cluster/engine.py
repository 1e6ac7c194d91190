"""A Docker engine: the machine's own where it answers, else Debian's, unpacked and started by hand.

The one started by hand is not installed: no service, no group, nothing on the machine's PATH. It runs in a mount
namespace of its own, so that its mounts go with it, and `stop` takes back what it changed (see clean.py).
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from . import cache, clean, machine
from .clean import RUN
from .progress import Failure, output, run, step, succeeds, until

_SOCKET, _PID, _OWNER = RUN / "docker.sock", RUN / "docker.pid", RUN / "cache"
_NAMESPACE = RUN / "ns" / "mnt"


@functools.cache
def others() -> bool:
    """Does an engine answer that is not ours?"""
    docker = shutil.which("docker")
    if not docker or _alive():
        return False
    return succeeds(docker, "version", "--format", "{{.Server.Version}}", timeout=20)


def environment() -> dict[str, str]:
    """What docker, kind, kubectl and helm need to find this engine and this cluster."""
    path = f"{cache.folder('bin')}:{os.environ['PATH']}"
    if others():
        return {"PATH": path}
    client = _place() / "usr" / "bin"
    # Debian's own client: it speaks BuildKit without a plugin.
    return {"PATH": f"{client}:{path}", "DOCKER_HOST": f"unix://{_SOCKET}", "DOCKER_BUILDKIT": "1"}


def docker(*words: str | Path, stdin: str | None = None, timeout: float | None = None) -> str:
    return output("docker", *words, stdin=stdin, env=environment(), timeout=timeout)


def running() -> bool:
    return _alive() or others()


def start() -> None:
    """Makes sure that an engine answers."""
    if others():
        return
    owner = _OWNER.read_text() if _OWNER.exists() else ""
    if _alive() and owner != str(cache.root()):
        raise Failure(f"The engine of another cache is running. First: TASKORA_CACHE={owner} make down")
    with cache.lock("engine"):
        if _alive() and succeeds("docker", "version", env=environment()):
            return
        if os.geteuid():
            raise Failure(
                "No Docker engine answers. Start or install Docker and see that `docker version` works for you,"
                " or run this as root on Debian: then an engine is started here, without installing one."
            )
        if not machine.is_debian():
            raise Failure(
                "No Docker engine answers. Start or install Docker: only on Debian it can be started by hand."
            )
        _unpack()
        with step("Docker engine") as now:
            now.note = "started by hand"
            _launch(now.log)


def _place() -> Path:
    return cache.path_of("engine", machine.codename())


def _unpack() -> None:
    machine.packages("containerd", "runc", "iptables", "iproute2", "libdevmapper1.02.1", "ca-certificates")

    def unpack(new: Path) -> None:
        machine.apt(now, "update", "-qq")
        split = succeeds("apt-cache", "show", "docker-cli")  # newer releases have the client in a package of its own
        machine.apt(now, "download", "-qq", "docker.io", *(["docker-cli"] if split else []), cwd=new)
        for package in new.glob("*.deb"):
            run("dpkg", "-x", package, new, log=now.log)
            package.unlink()

    if not _place().exists():
        with step("Debian's Docker engine, unpacked") as now:
            cache.made(_place(), unpack)


def _pid() -> int:
    with contextlib.suppress(OSError, ValueError):
        pid = int(_PID.read_text())
        if Path(f"/proc/{pid}/exe").readlink().name == "dockerd":
            return pid
    return 0


def _alive() -> bool:
    return bool(_pid())


def _lacks_resource_capability() -> bool:
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return not int(status["CapBnd"], 16) & 1 << 24


def _mounted(path: Path) -> bool:
    return any(line.split()[1] == str(path) for line in Path("/proc/self/mounts").read_text().splitlines())


def _launch(log: Path) -> None:
    if RUN.exists():
        _kill_the_rest()  # an engine was killed, and what is written down is from before it
    else:
        clean.remember()
    (RUN / "ns").mkdir(parents=True, exist_ok=True)
    _OWNER.write_text(str(cache.root()))
    # Already on: otherwise Docker switches it on and forbids the machine to forward anything else.
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    if not _mounted(_NAMESPACE):
        # kind wants shared mounts. The cgroup2 half of a hybrid tree is hidden, or runc would choose it.
        inside = "mount --make-rshared /; ! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified"
        if not _mounted(_NAMESPACE.parent):
            run("mount", "--bind", _NAMESPACE.parent, _NAMESPACE.parent, log=log)
            run("mount", "--make-private", _NAMESPACE.parent, log=log)
        _NAMESPACE.touch()
        run("unshare", f"--mount={_NAMESPACE}", "--propagation=private", "sh", "-ec", inside, log=log)
    _PID.unlink(missing_ok=True)
    # A new dockerd waits half a minute for the containerd of a killed one, if it finds its pid file.
    (RUN / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)
    programs = _place() / "usr" / "sbin"
    runtime = ["--add-runtime", f"taskora={cache.HERE}/files/engine/runc", "--default-runtime", "taskora"]
    command = [
        *("nsenter", f"--mount={_NAMESPACE}", str(programs / "dockerd")),
        *("--host", f"unix://{_SOCKET}", "--pidfile", str(_PID)),
        *("--data-root", str(cache.root() / "engine"), "--exec-root", str(RUN / "exec")),
        *("--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{clean.CGROUP}"),
        *(runtime if _lacks_resource_capability() else []),
    ]
    with (cache.folder("logs") / "dockerd.log").open("wb") as out:
        path = f"{programs}:{os.environ['PATH']}"
        daemon = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PATH": path},
        )
    answers = functools.partial(succeeds, "docker", "version", env=environment(), timeout=20)
    until(lambda: daemon.poll() is not None or answers(), "dockerd", seconds=90, log=Path(out.name))
    if daemon.poll() is not None:
        raise Failure("dockerd ended at once.", log=Path(out.name))


def stop() -> None:
    """Ends the engine that was started here, with all its containers, and leaves the machine as it was before."""
    if not RUN.exists():
        return
    if not _alive():
        start()  # after a crash: only an engine knows its containers
    with step("Docker engine") as now:
        now.note = "stopped"
        for kind, words in {"ps": ("rm", "-fv"), "volume": ("volume", "rm"), "network": ("network", "rm")}.items():
            listing = {"ps": ("ps", "-aq"), "volume": ("volume", "ls", "-q")}.get(
                kind, ("network", "ls", "-q", "--filter", "type=custom")
            )
            if found := docker(*listing).split():
                docker(*words, *found, timeout=120)
        pid = _pid()
        os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(Failure):
            until(lambda: not _alive(), "dockerd's end", seconds=20)
        _kill_the_rest()
        for mount in (_NAMESPACE, _NAMESPACE.parent):
            if _mounted(mount):
                run("umount", mount, log=now.log)
        clean.restore()
        shutil.rmtree(RUN)


def _kill_the_rest() -> None:
    end = time.monotonic() + 10
    while (left := clean.processes()) and time.monotonic() < end:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
