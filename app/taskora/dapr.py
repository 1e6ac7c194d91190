"""The sidecar, over HTTP: one pooled session, an explicit time limit on every call.

Constructing it does no I/O, so nothing here holds up a start; a sidecar that is away is a `DaprError` when it is asked.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import aiohttp
from pydantic_core import from_json
from yarl import URL

from taskora import telemetry
from taskora.encoding import to_json
from taskora.settings import SecretStore, Settings

CONNECTIONS = 128


class DaprError(Exception):
    """The sidecar, or what is behind it, did not do what was asked. `status` is None when nothing answered."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """What an invoked application answered, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A CloudEvent (JSON) to be published, in order among those with the same `key`."""

    body: str
    key: str
    traceparent: str


class Dapr:
    """A client of the sidecar at `endpoint`. Use from one event loop; `close` when done. All time limits in seconds."""

    def __init__(self, endpoint: str, *, token: str = "", topic_prefix: str = "", keys_apart: bool = False) -> None:
        """`keys_apart`: the secret store keeps every key of a Secret as one of its own, `{secret}-{key}`."""
        self._topic_prefix, self._keys_apart = topic_prefix, keys_apart
        self._endpoint = endpoint.rstrip("/")
        self._headers = {"dapr-api-token": token} if token else {}
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Dapr":
        return cls(
            settings.dapr_endpoint,
            token=settings.dapr_api_token.get_secret_value(),
            topic_prefix=settings.topic_prefix,
            keys_apart=settings.secret_store is not SecretStore.KUBERNETES,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def publish(
        self, topic: str, event: str, *, key: str, component: str = "pubsub", limit: float = 5, traceparent: str = ""
    ) -> None:
        """Hand one CloudEvent (JSON) to the broker, ordered among those with the same `key`.

        Raises `DaprError`; a time-out may still have landed.
        """
        with telemetry.step(f"publish {topic}", kind="producer", traceparent=traceparent) as parent:
            await self._ask(
                "POST",
                f"/v1.0/publish/{component}/{self._topic_prefix}{topic}",
                params={"metadata.partitionKey": key, "metadata.orderingKey": key},
                body=event.encode(),
                headers={"content-type": "application/cloudevents+json", **_traced(parent)},
                limit=limit,
            )

    async def publish_many(
        self, topic: str, events: Sequence[Outgoing], *, component: str = "pubsub", limit: float = 5
    ) -> dict[int, str]:
        """Hand CloudEvents to the broker, in no order among them; which of them were refused, and why.

        Raises `DaprError` when it is not told of each; a time-out, or a refusal, may still have landed.
        """
        url = f"/v1.0/publish/bulk/{component}/{self._topic_prefix}{topic}"
        entries = [
            {
                "entryId": str(number),
                "event": event.body,
                "contentType": "text/plain",  # to the byte as it is: of JSON the sidecar would make its own
                "metadata": {"partitionKey": event.key, "orderingKey": event.key},
            }
            for number, event in enumerate(events)
        ]
        with ExitStack() as spans:
            for event in events:
                spans.enter_context(telemetry.step(f"publish {topic}", kind="producer", traceparent=event.traceparent))
            answer = await self._send(
                "POST",
                url,
                params={"metadata.rawPayload": "true"},
                headers={"content-type": "application/json"},
                body=to_json(entries),
                limit=limit,
            )
            if answer.status < 300:
                return {}
            said = answer.body[:500].decode(errors="replace")
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                failed = from_json(answer.body)["failedEntries"]
                if refused := {int(one["entryId"]): str(one.get("error")) for one in failed}:
                    return refused
            raise DaprError(f"Dapr answered {answer.status} to POST {url}: {said}", status=answer.status)

    async def invoke(
        self,
        app: str,
        path: str,
        *,
        method: str = "GET",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: float = 15,
    ) -> Answer:
        """Call `path` (no leading slash, already encoded) of another role; its status is returned, not judged.

        Raises `DaprError` when the sidecar can't be reached; when the sidecar can't reach `app` it answers 5xx itself.
        """
        url = f"/v1.0/invoke/{app}/method/{path}" + (f"?{query}" if query else "")
        with telemetry.step(f"invoke {app}", kind="client") as parent:
            return await self._send(method, url, headers={**(headers or {}), **_traced(parent)}, body=body, limit=limit)

    async def converse(self, component: str, question: Mapping[str, Any], *, limit: float) -> bytes:
        """Ask a language model; the answer as Dapr's conversation API (alpha 2) gives it. Raises `DaprError`."""
        answer = await self._ask(
            "POST",
            f"/v1.0-alpha2/conversation/{component}/converse",
            body=to_json(question),
            headers={"content-type": "application/json", **_traced(telemetry.traceparent())},
            limit=limit,
        )
        return answer.body

    async def secret(
        self, name: str, *, keys: Sequence[str], store: str = "kubernetes-secrets", limit: float = 3
    ) -> dict[str, str]:
        """A Secret's keys and values, at least of those `keys` that it has."""
        if not self._keys_apart:
            return await self._secret(name, store=store, limit=limit)
        found: dict[str, str] = {}
        for key in keys:
            whole = f"{name}-{key}"
            try:
                found[key] = (await self._secret(whole, store=store, limit=limit))[whole]
            except DaprError:
                if not found:  # the first is needed, the others may be missing
                    raise
        return found

    async def _secret(self, name: str, *, store: str, limit: float) -> dict[str, str]:
        answer = await self._ask("GET", f"/v1.0/secrets/{store}/{quote(name, safe='')}", limit=limit)
        return cast("dict[str, str]", from_json(answer.body))

    async def state(self, key: str, *, store: str = "statestore", limit: float = 2) -> Any:
        """The value kept under `key`, or None."""
        answer = await self._ask("GET", f"/v1.0/state/{store}/{quote(key, safe='')}", limit=limit)
        return from_json(answer.body) if answer.body else None

    async def keep_state(
        self, key: str, value: Any, *, ttl: int | None = None, store: str = "statestore", limit: float = 2
    ) -> None:
        """Keep `value` (JSON) under `key`, for `ttl` seconds."""
        item: dict[str, Any] = {"key": key, "value": value}
        if ttl is not None:
            item["metadata"] = {"ttlInSeconds": str(ttl)}
        await self._ask(
            "POST",
            f"/v1.0/state/{store}",
            body=to_json([item]),
            headers={"content-type": "application/json"},
            limit=limit,
        )

    async def drop_state(self, key: str, *, store: str = "statestore", limit: float = 2) -> None:
        await self._ask("DELETE", f"/v1.0/state/{store}/{quote(key, safe='')}", limit=limit)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        limit: float,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        headers = headers or _traced(telemetry.traceparent())
        answer = await self._send(method, path, params=params, headers=headers, body=body, limit=limit)
        if answer.status >= 300:
            said = answer.body[:500].decode(errors="replace")
            raise DaprError(f"Dapr answered {answer.status} to {method} {path}: {said}", status=answer.status)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        limit: float,
        headers: Mapping[str, str],
        body: bytes | None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        try:
            async with self._session.request(
                method,
                URL(self._endpoint + path, encoded=True),
                params=params,
                data=body,
                headers={**headers, **self._headers},
                timeout=aiohttp.ClientTimeout(total=limit, connect=min(limit, 2)),
                allow_redirects=False,
            ) as response:
                return Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise DaprError(f"The Dapr sidecar did not answer {method} {path} within {limit} s: {reason}") from error


def _traced(traceparent: str) -> dict[str, str]:
    return {"traceparent": traceparent} if traceparent else {}
