"""What the delivery workflows do, as commands that run anywhere: `python3 .ci/deliver.py COMMAND --help`.

Python's standard library alone; docker, helm and kubectl are found on PATH and reach what their own configuration
names. Every command ends with 0 only when what it promises was seen.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent
CHARTS = ROOT / "manifests"
SYSTEM = "taskora-system"
PROGRAMS = ("operator", "app")
HERE, BUILDER = "here", "taskora"
ISSUER = "https://token.actions.githubusercontent.com"  # of the identities of GitHub's workflows


def main() -> None:
    arguments = _parser().parse_args()
    arguments.run(arguments)


# Images


def images(asked: argparse.Namespace) -> None:
    """Builds both images; with --push also pushes them, with their bill of materials and how they were built."""
    if asked.platforms != HERE and subprocess.run(["docker", "buildx", "use", BUILDER], check=False).returncode:
        _run("docker", "buildx", "create", "--use", f"--name={BUILDER}")
    for program in PROGRAMS:
        names = [f"{asked.registry}/{program}:{tag}" for tag in asked.tag]
        words = ["-f", f"Dockerfile.{program}", *(f"--tag={name}" for name in names), *asked.build_arg, "."]
        if asked.platforms != HERE:  # several machines, one name: only buildx can, and only into a registry
            metadata = ROOT / "build" / f"{program}.json"
            metadata.parent.mkdir(exist_ok=True)
            extras = ["--sbom=true", "--provenance=mode=max", "--push", f"--metadata-file={metadata}"]
            _run("docker", "buildx", "build", f"--platform={asked.platforms}", *extras, *words)
            digest = json.loads(metadata.read_text(encoding="utf-8"))["containerimage.digest"]
            _tell(f"{program}={asked.registry}/{program}@{digest}")
            continue
        _run("docker", "build", *words)
        if asked.push:
            for name in names:
                _run("docker", "push", name)
            _tell(f"{program}={_output('docker', 'inspect', '--format={{index .RepoDigests 0}}', names[0])}")


def await_images(asked: argparse.Namespace) -> None:
    """Waits until both images of a tag are in the registry with the builder's signature, so built there and scanned."""
    end = time.monotonic() + asked.timeout
    verify = ["cosign", "verify", f"--certificate-identity={asked.signer}", f"--certificate-oidc-issuer={ISSUER}"]
    for program in PROGRAMS:
        name = f"{asked.registry}/{program}:{asked.tag}"
        while (done := subprocess.run([*verify, name], check=False, capture_output=True, text=True)).returncode:
            if time.monotonic() > end:
                reason = f"did Build Images fail?\n{done.stderr.strip()}"
                _fail(f"{name} is not there, or not signed, after {asked.timeout} s: {reason}")
            time.sleep(10)
        print(f"{name} is there, signed by {asked.signer}")


def _tell(line: str) -> None:
    """On standard output, and as an output of the workflow's step."""
    print(line)
    if path := os.environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


# Deploying


def deploy(asked: argparse.Namespace) -> None:
    """Installs or upgrades the operator and then an instance, waits until it serves, and uses it once."""
    begun = time.monotonic()
    operator = ["--set", f"image.repository={asked.registry}/operator", "--set-string", f"image.tag={asked.tag}"]
    _helm("upgrade", "--install", "taskora-operator", CHARTS / "operator", "-n", SYSTEM, *operator, "--wait")
    registry, _, organisation = asked.registry.partition("/")
    values = {
        "spec.image.registry": registry,
        "spec.image.repository": f"{organisation}/app" if organisation else "app",
        "spec.image.tag": asked.tag,
        **({"spec.version": asked.version} if asked.version else {}),
        **({"spec.host": asked.host} if asked.host else {}),
    }
    settings = [word for name, value in values.items() for word in ("--set-string", f"{name}={value}")]
    files = ["-f", CHARTS / "instance" / "environments" / f"{asked.environment}.yaml"]
    files += [word for file in asked.values for word in ("-f", file)]
    words = ["upgrade", "--install", "taskora", CHARTS / "instance", "-n", asked.namespace, "--create-namespace"]
    _helm(*words, *files, *settings)
    _wait(asked)
    smoke(asked)
    print(f"deployed after {time.monotonic() - begun:.0f} s")


def rollback(asked: argparse.Namespace) -> None:
    """Brings back the instance's previous Helm release, and with it the previous version."""
    begun = time.monotonic()
    revision = [str(asked.revision)] if asked.revision else []
    _helm("rollback", "taskora", *revision, "-n", asked.namespace)
    _wait(asked)
    smoke(asked)
    print(f"rolled back after {time.monotonic() - begun:.0f} s")


def _wait(asked: argparse.Namespace) -> None:
    """Until this generation is Ready; a failed rollout ends it at once."""
    end = time.monotonic() + asked.timeout
    told = ""
    while True:
        found = _instance(asked.namespace)
        conditions = {c["type"]: c for c in found.get("status", {}).get("conditions", [])}
        current = found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]
        ready, stalled = conditions.get("Ready", {}), conditions.get("Stalled", {})
        line = f"{ready.get('status', 'Unknown')} {ready.get('reason', '')}: {ready.get('message', '')}"
        if line != told:
            print(f"  Ready={line}", flush=True)
            told = line
        if current and ready.get("status") == "True":
            return
        if current and stalled.get("status") == "True":
            _fail(f"{stalled['reason']}: {stalled['message']}")
        if time.monotonic() > end:
            _fail(f"not Ready after {asked.timeout} s; last seen: {line}")
        time.sleep(1)


# Trying it out


def smoke(asked: argparse.Namespace) -> None:
    """Opens the page, signs in as the administrator, adds a task, finds it, completes it, takes it away."""
    url = _instance(asked.namespace)["status"]["url"]
    account = json.loads(_output("kubectl", "-n", asked.namespace, "get", "secret", "taskora-admin", "-o", "json"))
    email, password = (base64.b64decode(account["data"][key]).decode() for key in ("email", "password"))
    site = _Site(url, asked.address)
    if "Taskora" not in site.call("GET", "/", follow=True):
        _fail(f"{url}/ is not Taskora's page")
    site.token = json.loads(site.call("POST", "/api/v1/auth/token", {"email": email, "password": password}))["token"]
    title = f"Smoke test {secrets.token_hex(4)}"
    task = json.loads(site.call("POST", "/api/v1/tasks", {"title": title}))
    listed = json.loads(site.call("GET", "/api/v1/tasks?limit=200"))["items"]
    if title not in [item["title"] for item in listed]:
        _fail("a task that was accepted is not in the list")
    site.call("POST", f"/api/v1/tasks/{task['id']}/complete")
    site.call("DELETE", f"/api/v1/tasks/{task['id']}")
    print(f"{url} serves")


class _Site:
    """An instance over HTTP. `address` is dialled in place of the URL's host, where no name server knows it."""

    def __init__(self, url: str, address: str | None) -> None:
        parts = urlsplit(url)
        self._base, self._host = f"{parts.scheme}://{address or parts.netloc}", parts.netloc
        self.token = ""

    def call(self, method: str, path: str, body: object = None, *, follow: bool = False) -> str:
        headers = {"Host": self._host, "Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
        headers |= {"Origin": f"{urlsplit(self._base).scheme}://{self._host}"}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, headers, method=method)  # noqa: S310 - from status.url
        try:
            with urllib.request.build_opener(_Stay).open(request, timeout=20) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            there = urlsplit(error.headers.get("Location", ""))
            if follow and error.code in {302, 303, 307} and there.path:
                return self.call("GET", there.path, follow=True)
            _fail(f"{method} {path} answered {error.code}: {error.read().decode(errors='replace')[:300]}")
        except OSError as error:
            _fail(f"{method} {self._base}{path}: {error}")


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect names the host, where perhaps another address is to be dialled: it is followed by its path."""

    def redirect_request(self, *_: object) -> None:
        return None


# Running programs


def _instance(namespace: str) -> dict[str, Any]:
    return json.loads(_output("kubectl", "-n", namespace, "get", "taskoradeployment", "taskora", "-o", "json"))


def _helm(*words: object) -> None:
    _run("helm", *(str(word) for word in words))


def _run(*words: str) -> None:
    print("+", *words, flush=True)
    done = subprocess.run(words, cwd=ROOT, check=False)
    if done.returncode:
        _fail(f"{words[0]} ended with {done.returncode}")


def _output(*words: str) -> str:
    done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        _fail(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def _fail(message: str) -> NoReturn:
    print(f"failed: {message}", file=sys.stderr)
    raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deliver.py", description="What the delivery workflows do.")
    commands = parser.add_subparsers(required=True)

    def command(run: Any, *, of_instance: bool) -> argparse.ArgumentParser:
        made = commands.add_parser(run.__name__.replace("_", "-"), help=run.__doc__, description=run.__doc__)
        made.set_defaults(run=run)
        if of_instance:
            made.add_argument("--namespace", default=_given("TASKORA_NAMESPACE") or "taskora")
            made.add_argument(
                "--address", default=_given("TASKORA_ADDRESS"), help="host:port to dial in place of the URL's host"
            )
            made.add_argument("--timeout", type=int, default=600, help="seconds to wait for Ready")
        return made

    build = command(images, of_instance=False)
    build.add_argument("--registry", required=True, help="registry/organisation")
    build.add_argument("--tag", action="append", required=True, help="may be repeated")
    build.add_argument("--platforms", default=HERE, help="linux/amd64,linux/arm64: by buildx, pushed at once (here)")
    build.add_argument("--push", action="store_true")
    build.add_argument("--build-arg", action="append", type="--build-arg={}".format, default=[], metavar="NAME=VALUE")

    wait = command(await_images, of_instance=False)
    wait.add_argument("--registry", required=True, help="registry/organisation")
    wait.add_argument("--tag", required=True)
    wait.add_argument("--signer", required=True, help="the workflow that builds: its file's URL @ its ref")
    wait.add_argument("--timeout", type=int, default=1500, help="seconds")

    roll_out = command(deploy, of_instance=True)
    roll_out.add_argument("--environment", required=True, choices=_environments())
    roll_out.add_argument("--registry", required=True, help="registry/organisation")
    roll_out.add_argument("--tag", required=True)
    roll_out.add_argument("--version", help="the application's release, where the chart's is not meant")
    roll_out.add_argument(
        "--host", default=_given("TASKORA_HOST"), help="the name people use, if not the environment's"
    )
    more = _given("TASKORA_VALUES")
    roll_out.add_argument("--values", action="append", default=[more] if more else [], help="a further file of values")

    command(rollback, of_instance=True).add_argument("--revision", type=int, help="of the Helm release")
    command(smoke, of_instance=True)
    return parser


def _given(name: str) -> str | None:
    """A variable of the environment; None also where a workflow sets it to nothing."""
    return os.environ.get(name) or None


def _environments() -> Sequence[str]:
    return sorted(path.stem for path in (CHARTS / "instance" / "environments").glob("*.yaml"))


if __name__ == "__main__":
    main()
