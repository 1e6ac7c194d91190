"""`doctor`: reads what the checkup wants to know."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from taskora_operator.api.platform import TLSMode
from taskora_operator.cluster.apiserver import ApiError, ApiServer
from taskora_operator.cluster.discovery import DAPR_LABELS, discover
from taskora_operator.cluster.permissions import SECRETS, rules
from taskora_operator.cluster.transport import Request
from taskora_operator.desired import dapr, desired
from taskora_operator.desired.model import Capabilities, Facts, Manifest
from taskora_operator.profiles import Instance, RoleName
from taskora_operator.reconcile.prerequisites import prerequisites

from kubectl_taskora.answer import Answer
from kubectl_taskora.applying import from_file
from kubectl_taskora.checkup import CONTROLLERS, Cluster, Level, Need, checkup, data, render
from kubectl_taskora.errors import CommandError, Exit
from kubectl_taskora.reading import NAMESPACES, decoded, facts_for, get_path, instance_here, read_spec
from kubectl_taskora.session import Session

APPS = "/apis/apps/v1"
STORAGE_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
AT_ONCE = 16
YOURS: Sequence[tuple[str, str, str, str]] = (
    ("get", "", "secrets", ""),
    ("list", "", "pods", ""),
    ("get", "", "pods", "log"),
    ("create", "", "pods", "exec"),
    ("patch", "taskora.dev", "taskoradeployments", ""),
    ("create", "batch", "jobs", ""),
)


async def doctor(session: Session, asked: Namespace) -> Answer:
    api = session.connection.api
    capabilities = await discover(api)
    body = await _body(session, asked)
    namespace = body["metadata"]["namespace"] if body else session.connection.namespace
    need = await _need(api, body, namespace=namespace, capabilities=capabilities) if body else None
    findings = checkup(await _cluster(api, need, namespace=namespace, capabilities=capabilities), need)
    wrong = any(finding.level is Level.PROBLEM for finding in findings)
    return Answer(render(findings, width=session.width), data(findings), Exit.ERROR if wrong else Exit.OK)


async def _body(session: Session, asked: Namespace) -> Manifest | None:
    """The instance that is there or written, else None."""
    if asked.file:
        return from_file(asked.file, namespace=session.connection.namespace, said=asked.namespace)
    try:
        return (await instance_here(session.connection)).body
    except CommandError as nothing:
        session.say(f"{nothing} Only the cluster is looked at.")
        return None


async def _need(api: ApiServer, body: Manifest, *, namespace: str, capabilities: Capabilities) -> Need:
    resource = read_spec(body)
    instance, facts = await facts_for(api, resource, namespace=namespace, objects={}, capabilities=capabilities)
    wish = desired(instance, facts)
    problems = [*prerequisites(wish, capabilities), *wish.problems]
    return Need(instance, resource.metadata.name, problems, _cloud_secrets(instance, facts))


def _cloud_secrets(instance: Instance, facts: Facts) -> Sequence[tuple[str, str]]:
    """Secret and key of everything that roles read from the store."""
    pairs = {
        (secret, name.removeprefix(f"{secret}-"))
        for role in RoleName
        for secret in dapr.readable_secrets(instance, facts, role)
        for name in dapr.cloud_secrets(instance, facts, role)
        if name.startswith(f"{secret}-")
    }
    return sorted(pairs)


async def _cluster(api: ApiServer, need: Need | None, *, namespace: str, capabilities: Capabilities) -> Cluster:
    instance = need.instance if need else None
    where, operators, dapr, storage, controller = await asyncio.gather(
        get_path(api, NAMESPACES.path(None, namespace)),
        get_path(api, f"{APPS}/deployments", labelSelector="app.kubernetes.io/name=taskora-operator"),
        get_path(api, f"{APPS}/deployments", labelSelector=DAPR_LABELS),
        get_path(api, STORAGE_CLASSES),
        _controller_name(api, instance),
    )
    found = operators["items"] if operators else None
    return Cluster(
        capabilities=capabilities,
        namespace=namespace,
        namespace_labels=None if where is None else where["metadata"].get("labels") or {},
        operators=found,
        injector=next((d for d in (dapr or {}).get("items", ()) if "injector" in d["metadata"]["name"]), None),
        ingress_controller=controller,
        controllers=await _controllers(api, controller),
        storage_classes=(storage or {}).get("items", ()),
        issuer=await _issuer(api, instance, namespace, capabilities),
        tls_secret=await _tls_secret(api, instance, namespace),
        operator_lacks=await _operator_lacks(api, found or (), namespace, capabilities),
        you_lack=await _you_lack(api, namespace),
    )


async def _controller_name(api: ApiServer, instance: Instance | None) -> str | None:
    if instance is None or instance.ingress_class is None:
        return None
    found = await get_path(api, f"/apis/networking.k8s.io/v1/ingressclasses/{instance.ingress_class}")
    return found["spec"]["controller"] if found else None


async def _controllers(api: ApiServer, controller: str | None) -> Sequence[Mapping[str, Any]]:
    names = CONTROLLERS.get(controller or "")
    if not names:
        return ()
    selector = f"app.kubernetes.io/name in ({','.join(names)}),app.kubernetes.io/component notin (default-backend)"
    found: list[Mapping[str, Any]] = []
    for plural, kind in (("deployments", "Deployment"), ("daemonsets", "DaemonSet")):
        listed = await get_path(api, f"{APPS}/{plural}", labelSelector=selector)
        found += [{**item, "kind": kind} for item in (listed or {}).get("items", ())]
    return found


async def _issuer(
    api: ApiServer, instance: Instance | None, namespace: str, capabilities: Capabilities
) -> Manifest | None:
    reference = instance.spec.ingress.tls.issuer_ref if instance else None
    if reference is None or not capabilities.has("cert-manager.io/v1", "Certificate"):
        return None
    inside = f"namespaces/{namespace}/issuers" if reference.kind == "Issuer" else "clusterissuers"
    return await get_path(api, f"/apis/cert-manager.io/v1/{inside}/{reference.name}")


async def _tls_secret(api: ApiServer, instance: Instance | None, namespace: str) -> Mapping[str, str] | None:
    if instance is None or instance.tls is not TLSMode.SECRET or instance.spec.ingress.tls.secret_name is None:
        return None
    found = await get_path(api, SECRETS.path(namespace, instance.spec.ingress.tls.secret_name))
    return None if found is None else decoded(found)


# Permissions


async def _operator_lacks(
    api: ApiServer, operators: Sequence[Mapping[str, Any]], namespace: str, capabilities: Capabilities
) -> Sequence[str]:
    """What the operator's own table says it does and its account may not; empty where you may not ask."""
    if not operators:
        return ()
    pod = operators[0]["spec"]["template"]["spec"]
    account = (
        f"system:serviceaccount:{operators[0]['metadata']['namespace']}:{pod.get('serviceAccountName', 'default')}"
    )
    served = {kind.rpartition("/")[0].rpartition("/")[0] for kind in capabilities.kinds}
    wanted = [
        (verb, group, *_parts(resource))
        for rule in rules()["instances"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if group in served
    ]
    return await _refused(api, wanted, namespace, user=account)


def _parts(resource: str) -> tuple[str, str]:
    plural, _, subresource = resource.partition("/")
    return plural, subresource


async def _you_lack(api: ApiServer, namespace: str) -> Sequence[str]:
    return await _refused(api, YOURS, namespace)


async def _refused(
    api: ApiServer, wanted: Sequence[tuple[str, str, str, str]], namespace: str, *, user: str | None = None
) -> Sequence[str]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def refused(verb: str, group: str, plural: str, subresource: str) -> bool:
        attributes = {
            "namespace": namespace, "verb": verb, "group": group, "resource": plural, "subresource": subresource
        }  # fmt: skip
        kind = "SubjectAccessReview" if user else "SelfSubjectAccessReview"
        spec = {"resourceAttributes": attributes, **({"user": user} if user else {})}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        path = f"/apis/authorization.k8s.io/v1/{kind.lower()}s"
        async with limit:
            try:
                answer = await api.request(Request("POST", path, {}, json.dumps(body).encode()))
            except ApiError as error:
                if error.code == 403:  # not everybody may ask about others
                    return False
                raise
        return not answer["status"]["allowed"]

    answers = await asyncio.gather(*(refused(*each) for each in wanted))
    return [
        f"{verb} {plural}{'/' + subresource if subresource else ''}"
        for (verb, _, plural, subresource), no in zip(wanted, answers, strict=True)
        if no
    ]
