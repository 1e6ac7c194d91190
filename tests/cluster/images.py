"""The images a cluster needs: pulled where the engine's hub answers, else built here under the same names.

`TASKORA_IMAGES` decides: `official`, `built`, or `auto` (tries to pull one). What is built carries a hash of its
inputs as a label, and is built again when that changes. Either way the result is `node()`: kind's node image with the
images of all parts already in its store, so that a new cluster loads nothing but Taskora's own two.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import binaries, cache, engine, machine, versions
from .engine import docker
from .progress import Failure, output, run, step, succeeds, together, until

DEBIAN = "taskora/debian"
PYTHON = "python:3.11-slim"
NODE = f"kindest/node:{versions.KUBERNETES}"
_LABEL = "taskora.inputs"
_RECIPES = cache.HERE / "files" / "images"
_DAPR = {name: f"ghcr.io/dapr/{name}:{versions.DAPR}" for name in binaries.DAPR_PROGRAMS}
PARTS = ("postgres:15", "redis:7", f"apache/kafka:{versions.KAFKA}", "traefik:v3.7", *_DAPR.values())


@dataclass(frozen=True)
class Image:
    """An image to build: its Dockerfile, and what lies beside it by name."""

    name: str
    dockerfile: str
    files: dict[str, Path] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)

    def inputs(self) -> str:
        """A hash of all that goes in. What the cache built is known by its path, which has a hash of its own."""
        made = str(cache.folder("built"))
        contents = [str(path) if str(path).startswith(made) else path for path in self.files.values()]
        base = _label(DEBIAN) if DEBIAN in self.dockerfile else ""
        return cache.key(self.dockerfile, base, repr(self.args), *self.files, *contents)


def _label(image: str) -> str:
    with contextlib.suppress(Failure):
        labels = json.loads(docker("image", "inspect", "-f", "{{json .Config.Labels}}", image)) or {}
        return str(labels.get(_LABEL, ""))
    return ""


def identity(image: str) -> str:
    """An image's id, or "" where the engine has none of that name."""
    with contextlib.suppress(Failure):
        return docker("image", "inspect", "-f", "{{.Id}}", image)
    return ""


# ------------------------------------------------------------------ pulled or built


def official() -> bool:
    """Are the images pulled? Decided once for an engine, and remembered."""
    choice = os.environ.get("TASKORA_IMAGES", "auto")
    if choice not in {"auto", "official", "built"}:
        raise Failure(f"TASKORA_IMAGES is {choice}; it may be auto, official or built.")
    if choice != "auto":
        return choice == "official"
    memory = cache.root() / "images.json"
    this = docker("info", "-f", "{{.ID}}") if engine.others() else "started here"
    with contextlib.suppress(OSError, ValueError):
        remembered = json.loads(memory.read_text())
        if remembered["engine"] == this:
            return bool(remembered["official"])
    with step("can images be pulled?") as now:
        answer = False
        with contextlib.suppress(Failure):
            docker("pull", "-q", "redis:7", timeout=90)
            answer = True
        now.note = "yes: the official ones are used" if answer else "no: they are built here"
    cache.write(memory, json.dumps({"engine": this, "official": answer}))
    return answer


def ensure() -> None:
    """Sees to it that the engine has the node image with all parts, and the Python base."""
    if official():
        for name in (NODE, PYTHON, *PARTS):
            if not identity(name) or _label(name):
                with step(f"pull {name}") as now:
                    run("docker", "pull", name, log=now.log, env=engine.environment())
        _fill_node([*PARTS])
        return
    _debian()
    kubernetes = binaries.go_programs(*(c for m in binaries.MODULES for c in m.commands))
    together(
        lambda: [_build(image) for image in (_python(), _postgres(), _redis())],
        lambda: [_build(image) for image in (_node(kubernetes), _kafka(), _kube_proxy(kubernetes))],
    )
    small = [*_control_plane(kubernetes), *_dapr_images(), _traefik_image()]
    for image in small:
        _build(image)
    _fill_node(
        [*PARTS, *(i.name for i in _control_plane(kubernetes)), _kube_proxy(kubernetes).name, f"{DEBIAN}:latest"]
    )


def _build(image: Image) -> None:
    inputs = image.inputs()
    if _label(image.name) == inputs:
        return
    with step(f"build image {image.name}") as now, tempfile.TemporaryDirectory(dir=cache.folder("drafts")) as draft:
        now.log.unlink(missing_ok=True)
        for name, source in image.files.items():
            _place(source, Path(draft, name))
        Path(draft, "Dockerfile").write_text(image.dockerfile)
        arguments = [f"--build-arg={name}={value}" for name, value in image.args.items()]
        words = ["docker", "build", "--label", f"{_LABEL}={inputs}", "-t", image.name, *arguments, draft]
        run(*words, log=now.log, env=engine.environment())


def _place(source: Path, target: Path) -> None:
    """Into a build context: linked where the file system allows it, since some are big."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def authorities() -> Path:
    """The machine's bundle of certificate authorities."""
    given = os.environ.get("SSL_CERT_FILE")
    return Path(given) if given else Path("/etc/ssl/certs/ca-certificates.crt")


def _debian() -> None:
    """A minimal Debian of the machine's release, from the mirrors that its own apt reads."""
    release = machine.codename()
    columns = "$(CODENAME) $(COMPONENT) $(RELEASE) $(REPO_URI)"
    listing = output("apt-get", "indextargets", "--format", columns, "Created-By: Packages").splitlines()
    rows = [row for row in map(str.split, listing) if row[0].split("-")[0] == release and row[1] == "main"]
    sources = "".join(f"deb {uri} {suite} main\n" for suite, uri in dict.fromkeys((r[2], r[3]) for r in rows))
    inputs = cache.key("debian", release, sources, authorities())
    if _label(DEBIAN) == inputs:
        return
    mirror = next((r[3] for r in rows if r[0] == release), None)
    if not mirror:
        raise Failure(f"apt knows no mirror with the packages of {release}: run apt-get update, then this again.")
    machine.packages("debootstrap")

    def bootstrap(new: Path) -> None:
        tree = new / "tree"
        run("debootstrap", "--variant=minbase", release, tree, mirror, log=now.log)
        shutil.copy(authorities(), tree / "usr/local/share/ca.crt")
        (tree / "etc/apt/apt.conf.d/taskora").write_text('Acquire::https::CaInfo "/usr/local/share/ca.crt";\n')
        (tree / "etc/apt/sources.list").write_text(sources)
        packed = [
            "tar",
            "-C",
            tree,
            "--exclude=./dev/*",
            "--exclude=./var/cache/apt/*",
            "--exclude=./var/lib/apt/lists/*",
        ]
        packed += ["--exclude=./usr/share/doc/*", "--exclude=./usr/share/man/*", "--exclude=./usr/share/locale/*"]
        run(*packed, "-cf", new / "debian.tar", ".", log=now.log)
        shutil.rmtree(tree)

    root = cache.path_of("debian", inputs)
    with step(f"build image {DEBIAN}") as now:
        now.log.unlink(missing_ok=True)
        cache.made(root, bootstrap)
        changes = [f"LABEL {_LABEL}={inputs}", 'CMD ["bash"]']
        words = [word for change in changes for word in ("--change", change)]
        run("docker", "import", *words, root / "debian.tar", DEBIAN, log=now.log, env=engine.environment())


def _recipe(name: str) -> str:
    return (_RECIPES / name / "Dockerfile").read_text()


def _python() -> Image:
    return Image(PYTHON, _recipe("python"), {"ca.crt": authorities()})


def _postgres() -> Image:
    return Image("postgres:15", _recipe("postgres"))


def _redis() -> Image:
    return Image("redis:7", _recipe("redis"))


def _kafka() -> Image:
    return Image(f"apache/kafka:{versions.KAFKA}", _recipe("kafka"), {"libs": binaries.kafka()})


def _kube_proxy(programs: dict[str, Path]) -> Image:
    name = f"registry.k8s.io/kube-proxy:{versions.KUBERNETES}"
    return Image(name, _recipe("kube-proxy"), {"kube-proxy": programs["kube-proxy"]})


def _alone(name: str, program: Path, *, place: str = "", user: str = "0") -> Image:
    """An image with nothing but one program and the certificate authorities."""
    path = f"{place}/{program.name}"
    dockerfile = (
        f"FROM scratch\nCOPY ca.crt /etc/ssl/certs/ca-certificates.crt\nCOPY {program.name} {path}\n"
        f'ENV PATH={place or "/"}\nUSER {user}\nENTRYPOINT ["{path}"]\n'
    )
    return Image(name, dockerfile, {program.name: program, "ca.crt": authorities()})


def _control_plane(programs: dict[str, Path]) -> list[Image]:
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    return [
        *(_alone(f"registry.k8s.io/{n}:{versions.KUBERNETES}", programs[n], place="/usr/local/bin") for n in names),
        _alone(f"registry.k8s.io/etcd:{versions.ETCD_TAG}", programs["etcd"], place="/usr/local/bin"),
        _alone(f"registry.k8s.io/coredns/coredns:{versions.COREDNS_TAG}", programs["coredns"]),
        _alone(f"registry.k8s.io/pause:{versions.PAUSE}", programs["pause"]),
        _alone(
            f"kindest/local-path-provisioner:{versions.LOCAL_PATH}",
            programs["local-path-provisioner"],
            place="/usr/bin",
        ),
    ]


def _dapr_images() -> list[Image]:
    folder = binaries.dapr()
    return [_alone(name, folder / program, user="65532") for program, name in _DAPR.items()]


def metrics_server() -> str:
    """The image of the optional part, built from its Go module; its name."""
    image = _alone("metrics-server:v0.9.0", binaries.go_programs("metrics-server")["metrics-server"], user="65532")
    _build(image)
    return image.name


def _traefik_image() -> Image:
    return _alone("traefik:v3.7", binaries.traefik(), user="65532")


def _node(programs: dict[str, Path]) -> Image:
    base = cache.path_of("kind-files", cache.HERE / "go" / "kind")

    def copy(new: Path) -> None:
        """kind's own files for a node, but for those that ours replace."""
        shutil.copytree(binaries.module_folder("sigs.k8s.io/kind", tools="kind") / "images/base/files", new / "kind")
        for path in (new / "kind").rglob("*"):
            path.chmod(0o755 if path.is_dir() or {"bin"} & set(path.parts) else 0o644)
        (new / "kind/etc/systemd/system/containerd-fuse-overlayfs.service").unlink()

    cache.made(base, copy)
    files = {f"bin/{name}": programs[name] for name in ("kubelet", "kubeadm", "kubectl", "crictl")}
    files |= {"kind": base / "kind", "files": _RECIPES / "node" / "files"}
    return Image(NODE, _recipe("node"), files, {"VERSION": versions.KUBERNETES})


# ------------------------------------------------------------------ the node with everything in it


def node() -> str:
    """The name of the node image that clusters are made of."""
    return f"taskora/node:{versions.KUBERNETES}"


def _fill_node(names: list[str]) -> None:
    """Puts images into the store of a node image, as kind itself does when it makes one.

    They are not unpacked, which would take mounts: the node's containerd does that when it first needs one.
    """
    inputs = cache.key(identity(NODE), *(identity(name) for name in names))
    if _label(node()) == inputs:
        return
    with step(f"node image {node()}") as now:
        now.log.unlink(missing_ok=True)
        box = "taskora-node-image"
        with contextlib.suppress(Failure):
            docker("rm", "-f", box)
        docker("run", "-d", "--name", box, "--entrypoint", "sleep", NODE, "infinity")
        docker("exec", "-d", box, "containerd")
        until(
            lambda: succeeds("docker", "exec", box, "ctr", "version", env=engine.environment()),
            "containerd in the node image",
            seconds=30,
        )
        pour = ["docker", "exec", "-i", box, "ctr", "-n", "k8s.io", "images", "import", "--no-unpack", "--digests", "-"]
        with now.log.open("a") as log:
            save = subprocess.Popen(
                ["docker", "save", *names],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **engine.environment()},
            )
            subprocess.run(
                pour, stdin=save.stdout, stdout=log, stderr=log, check=False, env={**os.environ, **engine.environment()}
            )
            save.wait()
        held = docker("exec", box, "ctr", "-n", "k8s.io", "images", "ls", "-q")
        missing = [name for name in names if name.split(":")[0] not in held]
        if missing:
            raise Failure(f"The node image did not take {', '.join(missing)}.", log=now.log)
        docker(
            "exec",
            box,
            "sh",
            "-c",
            "pkill containerd; while pgrep containerd; do sleep 0.1; done; rm -rf /var/lib/containerd/tmpmounts",
        )
        entrypoint = docker("image", "inspect", "-f", "{{json .Config.Entrypoint}}", NODE)
        changes = [f"ENTRYPOINT {entrypoint}", f"LABEL {_LABEL}={inputs}"]
        docker("commit", *(word for change in changes for word in ("--change", change)), box, node())
        docker("rm", "-f", box)
