"""PostgreSQL, Redis, Kafka, S3 storage, Prometheus, Jaeger and a Dapr sidecar as plain processes, private to a test.

    with Postgres() as pg, Redis() as redis, Kafka() as kafka:
        pg.url, redis.port, kafka.bootstrap
    with Daprd(app_id="backend", app_port=8080, components=folder) as sidecar:
        sidecar.url

Each has a folder of its own that goes with it, listens on free ports of 127.0.0.1, and may be stopped, killed, frozen
and started again through `it.process`, at the same address and with the same data.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from . import binaries, cache, machine
from .process import Process, Service, answers, free_port
from .progress import Failure, output, step


class Postgres(Service):
    """PostgreSQL 15 or newer. `url` is the superuser's; `sql()` runs statements as them."""

    name = "postgres"

    def __init__(self, **parameters: str) -> None:
        super().__init__()
        machine.packages("postgresql-15")
        self.bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.port = free_port()
        self.log = self.folder / "postgres.log"
        # No data of a test outlives the machine: nothing waits for the disk.
        fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
        settings = [f"-c{name}={value}" for name, value in {**fast, **parameters}.items()]
        where = ["-D", f"{self.folder}/data", "-k", str(self.folder), "-h", "127.0.0.1", "-p", str(self.port)]
        self._user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        self.process = Process(self.bin / "postgres", *where, *settings, log=self.log, user=self._user)

    @property
    def url(self) -> str:
        return self.url_of()

    def url_of(self, database: str = "postgres", *, user: str = "postgres", password: str = "") -> str:
        """A URL for any login; from 127.0.0.1 and the socket no password is asked for."""
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        words = ["-D", f"{self.folder}/data", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust"]
        initdb = [str(self.bin / "initdb"), *words, "--no-sync"]
        output(
            *(["setpriv", f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups"] * bool(self._user)),
            *initdb,
        )
        self.process.start(self.ready)

    def ready(self) -> bool:
        try:
            self.sql("SELECT 1")
        except Failure:
            return False
        return True

    def sql(self, statements: str, *, database: str = "postgres") -> str:
        """Runs statements as the superuser; what they return, a row a line, columns parted by `|`."""
        return output(self.bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statements, self.url_of(database))

    def stop(self) -> None:
        self.process.stop(sign=signal.SIGQUIT)  # at once, and without leaving shared memory


class Redis(Service):
    """Redis 7; `password` is asked for if given."""

    name = "redis"

    def __init__(self, *, password: str = "") -> None:
        super().__init__()
        machine.packages("redis-server")
        self.port, self.password, self.log = free_port(), password, self.folder / "redis.log"
        secret = ["--requirepass", password] if password else []
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        self.process = Process("redis-server", *where, "--save", "", "--appendonly", "yes", *secret, log=self.log)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process.start(self.ready)

    def ready(self) -> bool:
        login = f'AUTH "{self.password}"\r\n' if self.password else ""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as wire:
                wire.sendall(f"{login}PING\r\n".encode())
                said = b""
                while b"PONG" not in said and (more := wire.recv(64)):
                    said += more
                return b"+PONG" in said
        except OSError:
            return False

    def stop(self) -> None:
        self.process.stop(kill=True)


class Kafka(Service):
    """Apache Kafka in KRaft mode, one broker. Topics are not made by themselves."""

    name = "kafka"

    def __init__(self, **properties: str) -> None:
        super().__init__()
        jars = binaries.kafka()
        machine.packages("openjdk-17-jre-headless")
        self.port, controller = free_port(), free_port()
        self.bootstrap, self.log = f"127.0.0.1:{self.port}", self.folder / "kafka.log"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": f"{self.folder}/data",
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0",
            **{name.replace("_", "."): value for name, value in properties.items()},
        }
        self._config = self.folder / "server.properties"
        self._config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto"]
        self._java = ["java", *options, self._classes(), "-cp", f"{jars}/*"]
        self.process = Process(*self._java, "kafka.Kafka", self._config, log=self.log)

    def start(self) -> None:
        tool = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(self._config)]
        output(*self._java, *tool)
        self.process.start(self.ready)

    def ready(self) -> bool:
        return "Kafka Server started" in self.log.read_text(errors="replace") and answers(self.port)

    def stop(self) -> None:
        self.process.stop(kill=True)

    def _classes(self) -> str:
        """Its classes as the JVM maps them into memory, kept by the first broker: the others start in half the time."""
        java = Path(shutil.which("java") or "java").resolve()
        target = cache.path_of("kafka-classes", str(binaries.kafka()), java.parent.parent / "release")
        with cache.lock("kafka-classes"):
            if not target.exists():
                with step("Kafka's classes, mapped once"):
                    cache.made(target, _FirstKafka.leave)
        return f"-XX:SharedArchiveFile={target}/classes.jsa"


class _FirstKafka(Kafka):
    """It leaves its classes in `folder` when it ends by itself."""

    def __init__(self, folder: Path) -> None:
        self._kept = folder / "classes.jsa"
        super().__init__()

    @classmethod
    def leave(cls, folder: Path) -> None:
        with cls(folder) as broker:
            broker.process.stop(seconds=120)

    def _classes(self) -> str:
        return f"-XX:ArchiveClassesAtExit={self._kept}"


class S3(Service):
    """An S3 server over a folder, which checks signatures and checksums. It has the bucket `backups`."""

    name = "s3"
    access_key_id, secret_access_key, bucket = "taskora", "of this server alone", "backups"

    def __init__(self) -> None:
        super().__init__()
        self.port, self.log = free_port(), self.folder / "s3.log"
        self.url, self.objects = f"http://127.0.0.1:{self.port}", self.folder / "objects"
        for folder in (self.objects / self.bucket, self.folder / "sidecar"):
            folder.mkdir(parents=True)
        login = ["--access", self.access_key_id, "--secret", self.secret_access_key]
        posix = ["posix", "--sidecar", str(self.folder / "sidecar"), str(self.objects)]
        program = binaries.go_programs("versitygw")["versitygw"]
        self.process = Process(program, *login, "--port", f"127.0.0.1:{self.port}", *posix, log=self.log)

    def start(self) -> None:
        self.process.start(lambda: answers(self.port))

    def stop(self) -> None:
        self.process.stop(kill=True)


class Prometheus(Service):
    """Prometheus 3 that scrapes `targets` (their addresses and what labels their series get) once a second.

    `rules` are those of one group, evaluated as often.
    """

    name = "prometheus"

    def __init__(self, targets: Mapping[str, Mapping[str, str]], *, rules: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__()
        self.port, self.log = free_port(), self.folder / "prometheus.log"
        self.url = f"http://127.0.0.1:{self.port}"
        found = [{"targets": [address], "labels": dict(labels)} for address, labels in targets.items()]
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [{"job_name": "taskora", "static_configs": found}],
            "rule_files": ["rules.json"],
        }
        groups = [{"name": "rules", "rules": list(rules)}]
        (self.folder / "rules.json").write_text(json.dumps({"groups": groups}))
        file = self.folder / "prometheus.json"
        file.write_text(json.dumps(config))  # which is YAML
        program = binaries.go_programs("prometheus")["prometheus"]
        words = [f"--config.file={file}", f"--web.listen-address=127.0.0.1:{self.port}"]
        self.process = Process(program, *words, f"--storage.tsdb.path={self.folder}/data", log=self.log)

    def ask(self, path: str, **parameters: str) -> Any:
        """`data` of what the API answers; raises `HTTPError` for what it refuses."""
        with _open(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", seconds=10) as answer:
            return json.load(answer)["data"]

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {each["labels"]["alertname"] for each in self.ask("alerts")["alerts"] if each["state"] == "firing"}

    def start(self) -> None:
        self.process.start(self.ready)

    def ready(self) -> bool:
        try:
            with _open(f"{self.url}/-/ready", seconds=2) as answer:
                return bool(answer.status < 300)
        except OSError:
            return False

    def stop(self) -> None:
        self.process.stop(kill=True)


class Jaeger(Service):
    """Jaeger: takes OTLP at `url`, over gRPC at `grpc`; keeps it in memory."""

    name = "jaeger"

    def __init__(self) -> None:
        super().__init__()
        self.port, over_http, over_grpc = free_port(), free_port(), free_port()
        self.url, self.grpc = f"http://127.0.0.1:{over_http}", f"http://127.0.0.1:{over_grpc}"
        self.log = self.folder / "jaeger.log"
        ports = self._ports = {"query": self.port, "otlp-http": over_http, "otlp-grpc": over_grpc}
        program = binaries.go_programs("jaeger")["jaeger"]
        self.process = Process(program, *(f"--{name}=127.0.0.1:{port}" for name, port in ports.items()), log=self.log)

    def ask(self, path: str, **parameters: str) -> Any:
        """What the API answers; raises `HTTPError` for what it refuses or does not have."""
        with _open(f"http://127.0.0.1:{self.port}/api/v3/{path}?{urlencode(parameters)}", seconds=10) as answer:
            return json.load(answer)

    def start(self) -> None:
        self.process.start(lambda: all(answers(port) for port in self._ports.values()))

    def stop(self) -> None:
        self.process.stop(kill=True)


class Daprd(Service):
    """A Dapr sidecar without a control plane. It waits for the application's port, so start that first.

    `components` is a folder of Component, Subscription and HTTPEndpoint manifests.
    `flags` are further ones of daprd's, by name without dashes.
    """

    name = "daprd"

    def __init__(
        self,
        *,
        app_id: str,
        components: Path,
        app_port: int | None = None,
        env: Mapping[str, str] | None = None,
        **flags: str,
    ) -> None:
        super().__init__()
        self.port, self.grpc_port, self.log = free_port(), free_port(), self.folder / "daprd.log"
        self.url = f"http://127.0.0.1:{self.port}"
        given = {
            "app-id": app_id,
            "resources-path": str(components),
            "dapr-http-port": str(self.port),
            "dapr-grpc-port": str(self.grpc_port),
            "dapr-internal-grpc-port": str(free_port()),
            "dapr-listen-addresses": "127.0.0.1",
            "metrics-port": str(free_port()),
            "log-level": "info",
            **({"app-port": str(app_port)} if app_port else {}),
            "config": str(configuration := self.folder / "configuration.yaml"),
            **{name.replace("_", "-"): value for name, value in flags.items()},
        }
        words = [f"--{name}={value}" for name, value in given.items()]
        # By mDNS, its own choice, it would find anybody's "backend" on this machine; so it finds nobody.
        nobody = {"component": "kubernetes", "version": "v1", "configuration": {"template": "127.0.0.1:1"}}
        alone = {"apiVersion": "dapr.io/v1alpha1", "kind": "Configuration", "metadata": {"name": "alone"}}
        configuration.write_text(json.dumps({**alone, "spec": {"nameResolution": nobody}}))  # which is YAML
        self.process = Process(binaries.dapr() / "daprd", *words, log=self.log, env=env)

    def start(self) -> None:
        self.process.start(self.ready)

    def ready(self) -> bool:
        """Is the sidecar's own side there: components loaded, the application's port found?"""
        try:
            with _open(f"{self.url}/v1.0/healthz/outbound", seconds=2) as answer:
                return bool(answer.status < 300)
        except OSError:
            return False

    def stop(self) -> None:
        self.process.stop(kill=True)


def _open(url: str, *, seconds: float) -> Any:
    """An answer of this machine's own, past any proxy."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=seconds)
