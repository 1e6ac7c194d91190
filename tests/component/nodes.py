"""What only nodes have, by hands: a kubelet that runs pods, and what others tell of an instance.

kube-state-metrics' module is not served where the tests run, and a kubelet wants a container runtime.
"""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.error
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.cluster.envtest import ApiServer

Manifest = dict[str, Any]

# Metrics of kube-state-metrics (docs/metrics of its repository) and of the kubelet, with their labels.
STATES = {
    "kube_deployment_spec_replicas": {"namespace", "deployment"},
    "kube_deployment_status_replicas_available": {"namespace", "deployment"},
    "kube_cronjob_status_last_schedule_time": {"namespace", "cronjob"},
    "kube_cronjob_status_last_successful_time": {"namespace", "cronjob"},
    "kube_job_failed": {"namespace", "job_name", "condition"},
    "kube_pod_container_status_restarts_total": {"namespace", "pod", "container"},
}
KUBELET = {
    "kubelet_volume_stats_available_bytes": {"namespace", "persistentvolumeclaim"},
    "kubelet_volume_stats_capacity_bytes": {"namespace", "persistentvolumeclaim"},
    "container_cpu_usage_seconds_total": {"namespace", "pod", "container"},
    "container_memory_working_set_bytes": {"namespace", "pod", "container"},
}
SCHEMA = json.dumps({"schema": 1, "oldest": "1.0.0"})  # what every migration leaves as its last words


class Nodes:
    """Pods serve, and those of Jobs end well; but for components of `failing`, and of `stuck`, which nothing starts.
    What is told of it is at `port`."""

    def __init__(self, server: ApiServer) -> None:
        self._server, self._over = server, threading.Event()
        self._told = ""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._run, self._http.serve_forever)]
        self.port = self._http.server_address[1]
        self.failing: set[str] = set()
        self.stuck: set[str] = set()

    def __enter__(self) -> Nodes:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._http.shutdown()
        self._http.server_close()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.2):
            with contextlib.suppress(TimeoutError):
                self._look()

    def _look(self) -> None:
        pods = self._server.get("/api/v1/pods")["items"]
        for pod in pods:
            self._play(pod)
        self._told = "".join(told(self._server, pods))

    def _play(self, pod: Manifest) -> None:
        metadata = pod["metadata"]
        component = metadata.get("labels", {}).get("app.kubernetes.io/component")
        fails = component in self.failing
        if component in self.stuck:
            return
        if status := seen(pod, fails=fails):
            path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"
            try:
                self._server.patch(path, {"status": status})
            except urllib.error.HTTPError as error:
                if error.code != 404:  # it went meanwhile
                    raise

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        nodes = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(nodes._told.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def seen(pod: Manifest, *, fails: bool) -> Manifest | None:
    """What a kubelet would write of a pod now; nothing where it has written it."""
    have, now = pod.get("status", {}), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if have.get("phase") in {"Succeeded", "Failed"}:
        return None
    ends = pod["spec"]["restartPolicy"] == "Never"
    ready = "False" if fails else "True"
    if not ends and not fails and {c["type"]: c["status"] for c in have.get("conditions", ())}.get("Ready") == ready:
        return None
    before = {each["name"]: each["restartCount"] for each in have.get("containerStatuses", ())}
    if ends:
        state: Manifest = {"terminated": {"exitCode": int(fails), "message": "" if fails else SCHEMA}}
    else:
        state = {"waiting": {"reason": "CrashLoopBackOff"}} if fails else {"running": {"startedAt": now}}
    return {
        "phase": ("Failed" if fails else "Succeeded") if ends else "Running",
        "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": now}],
        "containerStatuses": [
            {
                "name": each["name"],
                "image": each["image"],
                "imageID": "",
                "ready": not fails and not ends,
                "restartCount": before.get(each["name"], 0) + (fails and not ends),
                "state": state,
            }
            for each in pod["spec"]["containers"]
        ],
    }


def told(server: ApiServer, pods: Sequence[Manifest]) -> Iterator[str]:
    """As kube-state-metrics reads it from the API server: lines for Prometheus. What has no value yet has no line."""

    def line(metric: str, item: Manifest, value: object, **labels: str) -> str:
        labels = {"namespace": item["metadata"]["namespace"], **labels}
        assert set(labels) == STATES[metric]
        return f"{metric}{{{','.join(f'{key}={json.dumps(text)}' for key, text in labels.items())}}} {value}\n"

    for item in server.get("/apis/apps/v1/deployments")["items"]:
        name = item["metadata"]["name"]
        yield line("kube_deployment_spec_replicas", item, item["spec"]["replicas"], deployment=name)
        available = item["status"].get("availableReplicas", 0)
        yield line("kube_deployment_status_replicas_available", item, available, deployment=name)
    for item in server.get("/apis/batch/v1/cronjobs")["items"]:
        times = {"last_schedule": "lastScheduleTime", "last_successful": "lastSuccessfulTime"}
        for what, field in times.items():
            if at := item["status"].get(field):
                seconds = datetime.fromisoformat(at).timestamp()
                yield line(f"kube_cronjob_status_{what}_time", item, seconds, cronjob=item["metadata"]["name"])
    for item in server.get("/apis/batch/v1/jobs")["items"]:
        for condition in item["status"].get("conditions", ()):
            if condition["type"] == "Failed":
                for status in ("true", "false", "unknown"):
                    value = int(condition["status"].lower() == status)
                    yield line("kube_job_failed", item, value, job_name=item["metadata"]["name"], condition=status)
    for item in pods:
        for each in item["status"].get("containerStatuses", ()):
            names = {"pod": item["metadata"]["name"], "container": each["name"]}
            yield line("kube_pod_container_status_restarts_total", item, each["restartCount"], **names)
