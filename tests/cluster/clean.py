"""What an engine started by hand changes on the machine: written down before, put back after, and checked.

The state before is `host.json` in the cache, valid until the machine boots again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import cache

RUN = Path("/run/taskora")  # the engine's sockets and pins: a path of its own, since a socket's is short
CGROUP = "taskora-engine"  # all its containers' are below this one
# What Docker, systemd and kubelet write for the whole kernel.
_SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/default/forwarding",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "fs/file-max",
    "fs/nr_open",
)
# What changes by itself.
_VOLATILE = (
    "fs/dentry-state",
    "fs/file-nr",
    "fs/inode-",
    "fs/quota",
    "kernel/ns_last_pid",
    "kernel/random",
    "kernel/pty",
)
_VOLATILE += ("kernel/perf_", "net/netfilter/nf_conntrack_count", "kernel/sched_domain", "fs/aio-nr", "vm/lowmem")
_MADE = ("/etc/docker", "/run/docker", "/lib/modules", "/var/lib/docker", "/etc/cni", "/opt/cni")


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _sysctls() -> dict[str, str]:
    found = {}
    for folder, _, names in os.walk("/proc/sys"):
        for name in names:
            path = Path(folder, name)
            key = str(path.relative_to("/proc/sys"))
            if path.stat().st_mode & 0o444 and not key.startswith(_VOLATILE):
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    found[key] = path.read_text().strip()
    return found


def _rules(family: str) -> list[str]:
    """The rules and chains of iptables or ip6tables, without counters and without untouched built-in chains."""
    lines = []
    for line in _saved(family):
        if line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            if policy != "ACCEPT":
                lines.append(f"{family} chain {chain} {policy}")
        elif line.startswith("-A"):
            lines.append(f"{family} {line}")
    return lines


def _saved(family: str) -> list[str]:
    if not shutil.which(f"{family}-save"):
        return []
    return subprocess.run([f"{family}-save"], capture_output=True, text=True, check=False).stdout.splitlines()


def _snapshot() -> dict[str, Any]:
    """Everything that is checked, as lists of names; sysctls by name."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return {
        "boot": _boot(),
        "sysctl": _sysctls(),
        "mount": sorted(f"{m[1]} ({m[2]})" for m in mounts),
        "link": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "cgroup": sorted(path for path, _, _ in os.walk("/sys/fs/cgroup") if CGROUP in path or not _lived_in(path)),
        "rule": [*_rules("iptables"), *_rules("ip6tables")],
        "folder": [path for path in _MADE if Path(path).exists()],
    }


def _lived_in(cgroup: str) -> bool:
    """Whether processes are in it: then it is somebody's who came since, for ours are looked for by themselves."""
    with contextlib.suppress(OSError):
        return bool(Path(cgroup, "cgroup.procs").read_text())
    return False


def _file() -> Path:
    return cache.root() / "host.json"


def _before() -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        before = json.loads(_file().read_text())
        return before if before["boot"] == _boot() else None
    return None


def remember() -> None:
    """Writes down the state of the machine; call it before the first change, not when an engine already runs."""
    cache.write(_file(), json.dumps(_snapshot()))


def restore() -> None:
    """Puts back what an engine that has ended changed, and removes what it made."""
    before = _before()
    known = before["link"] if before else ()
    for link in (path.name for path in Path("/sys/class/net").iterdir()):
        bridge = link == "docker0" or (link.startswith("br-") and len(link) == 15)
        # A veth goes with its container's network namespace, but some time later.
        if bridge or (before and link.startswith("veth") and link not in known):
            subprocess.run(["ip", "link", "delete", link], check=False, capture_output=True)
    for family in ("iptables", "ip6tables"):
        _forget_rules(family)
    for top in (Path("/sys/fs/cgroup", CGROUP), *Path("/sys/fs/cgroup").glob(f"*/{CGROUP}")):
        _remove_cgroups(top)
    if not before:
        return
    for name in _SYSCTLS:
        path = Path("/proc/sys", name)
        if name in before["sysctl"] and path.read_text().strip() != before["sysctl"][name]:
            with contextlib.suppress(OSError):
                path.write_text(before["sysctl"][name])
    for folder in (Path(path) for path in _MADE if path not in before["folder"]):
        (folder / "key.json").unlink(missing_ok=True)
        for path, _, _ in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):  # not empty: somebody else's by now
                Path(path).rmdir()


def _forget_rules(family: str) -> None:
    saved = _saved(family)
    ours = ("DOCKER", "docker0", "br-")
    if any("DOCKER" in line for line in saved):
        kept = "".join(f"{line}\n" for line in saved if not any(name in line for name in ours))
        subprocess.run([f"{family}-restore", "-w"], input=kept, text=True, check=True)


def _remove_cgroups(top: Path) -> None:
    for path, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):
            Path(path).rmdir()


def processes() -> dict[int, str]:
    """Processes of the engine started by hand and of its containers: pid and command line."""
    engine, found = str(cache.root() / "built" / "engine"), {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            program = (folder / "exe").readlink()
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            contained = f":/{CGROUP}/" in (folder / "cgroup").read_text()
            supervises = program.name.startswith("containerd") and f"{RUN}/" in words
            if contained or supervises or str(program).startswith(engine):
                found[int(folder.name)] = words
    return found


def leftovers() -> list[str]:
    """What is still there of an engine and a cluster, one sentence each; empty after a good `down`."""
    left = [f"process {pid}: {words[:120]}" for pid, words in processes().items()]
    left += [f"folder {path}" for path in (RUN,) if path.exists()]
    before, now = _before(), _snapshot()
    if before is None:
        left += [f"link {name}" for name in now["link"] if name.startswith(("docker0", "br-", "veth"))]
        left += [f"rule {rule}" for rule in now["rule"] if "DOCKER" in rule]
        return left
    for kind in ("mount", "link", "cgroup", "rule", "folder"):
        left += [f"{kind} {name}" for name in _new(before[kind], now[kind])]
    changed = (name for name in now["sysctl"] if before["sysctl"].get(name, now["sysctl"][name]) != now["sysctl"][name])
    left += [f"sysctl {name}: {before['sysctl'][name]} is now {now['sysctl'][name]}" for name in changed]
    return left


def _new(before: Iterable[str], now: Iterable[str]) -> list[str]:
    known = set(before)
    return [name for name in now if name not in known]
