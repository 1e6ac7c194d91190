"""The commands of `python3 tests/cluster`; the Makefile's targets are these."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path
from types import FrameType

from . import binaries, cache, clean, engine, images, install, kind, machine, npm
from .progress import Failure, explain, say, stop_children, together, total

_TOOLS = {
    "apiserver": lambda: binaries.go_programs("kube-apiserver"),
    "etcd": lambda: binaries.go_programs("etcd"),
    "kubectl": lambda: binaries.go_programs("kubectl"),
    "dapr": binaries.dapr,
    "kafka": binaries.kafka,
    "postgres": lambda: machine.packages("postgresql-15"),
    "redis": lambda: machine.packages("redis-server"),
    "helm": lambda: binaries.go_programs("helm"),
    "actionlint": lambda: binaries.go_programs("actionlint"),
    "prometheus": lambda: binaries.go_programs("prometheus", "promtool"),
    "jaeger": lambda: binaries.go_programs("jaeger"),
    "versitygw": lambda: binaries.go_programs("versitygw"),
}
_MORE_TOOLS = {"workflows": lambda: binaries.go_programs("act", "registry", "cosign")}  # for `make workflows` alone


def up() -> None:
    """from nothing to a sample instance that is Ready; on a running cluster: what changed"""
    if kind.existing():
        _agree()
        binaries.go_programs("kubectl", "helm")
        install.parts_of_existing()
        if install.operator(None):
            install.sample(None)
    else:
        engine.start()
        binaries.go_programs("kind", "kubectl", "helm")
        images.ensure()
        names: dict[str, str] = {}
        together(kind.start, lambda: names.update(install.built()))

        def programs() -> bool:
            if names:
                kind.load(*names.values())
            return "operator" in names and install.operator(names["operator"])

        def parts() -> None:
            kind.settle()
            together(install.dapr, install.ingress)

        together(parts, programs)
        if len(names) == 2 and install.has_operator():
            install.sample(names["app"])
    say(f"up after {total():.0f} s")
    with_instance = install.has_operator() and install.exists()
    if with_instance:
        email, password = install.login()
        say(f"open {install.url()} and sign in as {email} with the password {password}")


def _agree() -> None:
    """Nothing is put into somebody's cluster without their word."""
    context = kind.kubectl("config", "current-context")
    server = kind.kubectl("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
    if os.environ.get("TASKORA_YES") == "1":
        return
    question = f"Install Dapr, the operator and a sample instance into the cluster of context {context} ({server})?"
    if not sys.stdin.isatty():
        raise Failure(f"{question} Nobody is there to answer: TASKORA_YES=1 says yes.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Failure("Nothing was changed.")


def down() -> None:
    """remove the cluster, end an engine that was started here, leave the machine as it was"""
    if kind.existing():
        raise Failure("TASKORA_CLUSTER=existing: that cluster is not ours to remove; see docs for what to uninstall.")
    if engine.others():
        kind.delete()
    else:
        engine.stop()
        kind.forget()
    if left := clean.leftovers():
        raise Failure("Something is left behind:\n  " + "\n  ".join(left))
    say(f"down after {total():.0f} s")


def reset() -> None:
    """a new cluster in place of the old one; images and caches stay"""
    if kind.existing():
        raise Failure("TASKORA_CLUSTER=existing: that cluster is not ours to reset.")
    engine.start()
    kind.delete()
    up()


def status() -> None:
    """engine, cluster, pods and the instance"""
    if not kind.existing():
        print("engine  ", "runs" if engine.running() else "does not run")
        if not engine.running():
            return
    print("cluster ", "answers" if kind.answers() else "does not answer")
    if kind.answers():
        print(kind.kubectl("get", "nodes,pods", "-A", "-o", "wide"))
        if install.has_operator():
            print(kind.kubectl("get", "taskoradeployments", "-A", "-o", "wide"))


def kubeconfig() -> None:
    """print the path of the cluster's kubeconfig"""
    if kind.existing():
        print(os.environ.get("KUBECONFIG") or Path("~/.kube/config").expanduser())
        return
    if not kind.kubeconfig().exists():
        raise Failure("There is no cluster. First: make up")
    print(kind.kubeconfig())


def url() -> None:
    """print the address of the sample instance"""
    print(install.url())


def login() -> None:
    """print the first administrator's e-mail address and password, a line each"""
    print(*install.login(), sep="\n")


def env() -> None:
    """print what a shell must set for docker, kind, kubectl and helm: eval "$(python3 tests/cluster env)\""""
    for name, value in kind.environment().items():
        print(f"export {name}={shlex.quote(value)}")


def check_clean() -> None:
    """print what a cluster left on this machine; fails if there is anything"""
    left = clean.leftovers()
    print("\n".join(left) or "nothing is left")
    if left:
        raise SystemExit(1)


def tools(*names: str) -> None:
    """[NAME…] what component tests start: apiserver etcd kubectl dapr kafka postgres redis versitygw helm … (all)"""
    known = {**_TOOLS, **_MORE_TOOLS}
    for name in names or _TOOLS:
        if name not in known:
            raise Failure(f"There is no tool {name}; there are {', '.join(known)}.")
        known[name]()


def metrics() -> None:
    """put metrics-server into the cluster of `up`, so that autoscalers work there"""
    install.metrics()


def browser() -> None:
    """install Chromium, for the tests in a browser"""
    machine.browser()


def types() -> None:
    """check the types of the pages' modules"""
    if npm.check_types(cache.CHECKOUT / "app" / "taskora" / "web" / "jsconfig.json"):
        raise Failure("The pages' modules don't keep their types; see above.")


def uv() -> None:
    """print the path of uv, installed from PyPI if need be"""
    print(machine.uv())


def path() -> None:
    """print the folder of programs made here (kubectl, helm, kind)"""
    print(cache.folder("bin"))


_COMMANDS = {
    command.__name__.replace("_", "-"): command
    for command in (
        up,
        down,
        reset,
        status,
        kubeconfig,
        url,
        login,
        env,
        path,
        check_clean,
        tools,
        metrics,
        browser,
        types,
        uv,
    )
}


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(words: list[str]) -> None:
    name, rest = (words or ["help"])[0], words[1:]
    if name not in _COMMANDS:
        print("python3 tests/cluster COMMAND\n")
        print(*(f"  {name:12} {command.__doc__}" for name, command in _COMMANDS.items()), sep="\n")
        raise SystemExit(0 if name == "help" else 2)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _COMMANDS[name](*rest)
    except Failure as failure:
        explain(failure)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        stop_children()
        print("\nInterrupted. Run it again to go on from here.", file=sys.stderr)
        sys.stderr.flush()
        os._exit(130)  # the threads of interrupted steps have nothing left to do
