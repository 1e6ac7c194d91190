"""What exists of the operator's objects: one list and watch per kind, label-selected, kept as small observations.

A list replaces what was known of its kind, so deletions that fell into a gap of the watch are noticed. Kinds that the
cluster learns later (Dapr's, installed after us) are added while running.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from taskora_operator.cluster.apiserver import ApiError, ApiServer, Manifest, UnreachableError
from taskora_operator.cluster.permissions import Resource
from taskora_operator.desired.model import Key

SELECTOR = "app.kubernetes.io/managed-by=taskora-operator"
WATCH_SECONDS = 300
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
LISTS_AT_ONCE = 4

log = logging.getLogger(__name__)


class Observed(Protocol):
    @property
    def key(self) -> Key: ...
    @property
    def namespace(self) -> str: ...
    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...


T = TypeVar("T", bound=Observed)


def older(version: str, than: str) -> bool:
    """Whether a resourceVersion precedes another of the same kind. Orders what arrives; decides nothing else."""
    return version.isdigit() and than.isdigit() and int(version) < int(than)


class ChildStore(Generic[T]):
    """`observe` turns an object into what is kept of it; `changed` is told the namespace of whatever moved, or
    None: everywhere."""

    def __init__(
        self,
        api: ApiServer,
        *,
        observe: Callable[[Manifest], T],
        changed: Callable[[str | None], None],
        namespaces: Collection[str] = (),
    ) -> None:
        self._api = api
        self._observe = observe
        self._changed = changed
        self._scopes: Collection[str | None] = tuple(namespaces) or (None,)
        self._objects: dict[str, dict[Key, T]] = {}
        self._watches: dict[tuple[Resource, str | None], asyncio.Task[None]] = {}
        self._listed: set[tuple[Resource, str | None]] = set()
        self._forbidden: dict[tuple[Resource, str | None], str] = {}
        self._listing = asyncio.Semaphore(LISTS_AT_ONCE)

    def serve(self, resources: Iterable[Resource]) -> None:
        """Begin to watch kinds; those already watched go on."""
        for resource in resources:
            for scope in self._scopes:
                if (resource, scope) not in self._watches:
                    self._watches[resource, scope] = asyncio.create_task(
                        self._follow(resource, scope), name=f"watch {resource.plural}"
                    )

    def knows(self, namespace: str | None) -> bool:
        """Whether every kind has been listed there, or may not be: before that, nothing can be said of an instance."""
        return all(watch in self._listed for watch in self._watches if watch[1] in (None, namespace))

    def forbidden(self, namespace: str) -> Sequence[str]:
        """In words, what the operator may not list or watch there."""
        return [words for (_, scope), words in self._forbidden.items() if scope in (None, namespace)]

    def of(self, namespace: str) -> Mapping[Key, T]:
        return self._objects.get(namespace, {})

    def __len__(self) -> int:
        return sum(len(objects) for objects in self._objects.values())

    def put(self, found: Manifest) -> T:
        """Keep an object as a write returned it, ahead of the watch."""
        return self._keep(self._observe(found))

    def _keep(self, seen: T) -> T:
        objects = self._objects.setdefault(seen.namespace, {})
        known = objects.get(seen.key)
        if known is not None and known.uid == seen.uid and older(seen.resource_version, known.resource_version):
            return known
        objects[seen.key] = seen
        if known != seen and self.knows(seen.namespace):  # before that nobody could do anything about it
            self._changed(seen.namespace)
        return seen

    def _drop(self, seen: T) -> None:
        objects = self._objects.get(seen.namespace, {})
        known = objects.get(seen.key)
        if known is None or known.uid != seen.uid or older(seen.resource_version, known.resource_version):
            return
        del objects[seen.key]
        if not objects:
            del self._objects[seen.namespace]
        self._changed(seen.namespace)

    async def _follow(self, resource: Resource, scope: str | None) -> None:
        pause = FIRST_PAUSE
        since: str | None = None
        while True:
            try:
                if since is None:
                    since = await self._list(resource, scope)
                    self._tell(resource, scope, forbidden=self._forbidden.get((resource, scope), ""))
                async for event in self._api.watch(
                    resource, namespace=scope, selector=SELECTOR, since=since, seconds=_spread(WATCH_SECONDS)
                ):
                    if event.type == "OPENED":
                        self._tell(resource, scope, forbidden="")
                        continue
                    version, pause = event.object["metadata"]["resourceVersion"], FIRST_PAUSE
                    if since and older(version, since):  # told before; what was deleted since must not come back
                        continue
                    since = version
                    if event.type == "DELETED":
                        self._drop(self._observe(event.object))
                    elif event.type != "BOOKMARK":
                        self._keep(self._observe(event.object))
                continue  # the server ends every watch after a while
            except ApiError as error:
                if error.code in (403, 404, 410):
                    since = None
                if error.code in (403, 404):
                    self._tell(resource, scope, forbidden=explain(error, resource) if error.code == 403 else "")
                level = logging.INFO if error.code == 410 else logging.WARNING  # 410: it fell behind, and lists again
                log.log(level, "%s can't be watched: %s", resource.plural, explain(error, resource))
            except UnreachableError as error:
                log.info("%s; trying again", error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, keeps no secret
            pause = min(pause * 2, LONGEST_PAUSE)

    def _tell(self, resource: Resource, scope: str | None, *, forbidden: str) -> None:
        """That a kind is known, or may not be; wakes those who waited for it, or have to say what is lacking."""
        watch = resource, scope
        news = watch not in self._listed or self._forbidden.get(watch, "") != forbidden
        self._listed.add(watch)
        self._forbidden.pop(watch, None)
        if forbidden:
            self._forbidden[watch] = forbidden
        if news and self.knows(scope):
            self._changed(scope)

    async def _list(self, resource: Resource, scope: str | None) -> str:
        present: list[T] = []
        version = ""
        async with self._listing:
            async for page, at in self._api.pages(resource, namespace=scope, selector=SELECTOR):
                present += map(self._observe, page)
                version = at
        uids = {seen.uid for seen in present}
        for objects in list(self._objects.values()):
            for known in list(objects.values()):
                if (
                    (known.key.api_version, known.key.kind) == (resource.api_version, resource.kind)
                    and scope in (None, known.namespace)
                    and known.uid not in uids
                    and not older(version, known.resource_version)  # made after the list was taken
                ):
                    self._drop_known(known)
        for seen in present:
            self._keep(seen)
        return version

    def _drop_known(self, known: T) -> None:
        objects = self._objects[known.namespace]
        del objects[known.key]
        if not objects:
            del self._objects[known.namespace]
        self._changed(known.namespace)

    async def close(self) -> None:
        for task in self._watches.values():
            task.cancel()
        await asyncio.gather(*self._watches.values(), return_exceptions=True)
        self._watches.clear()


def explain(error: ApiError, resource: Resource) -> str:
    """A refusal in words that say what to do."""
    if error.code == 403:
        group = resource.group or "core"
        return f"the operator lacks a permission on {resource.plural} ({group}): {error.message}. Upgrade its chart."
    if error.code == 404:
        return f"the cluster does not serve {resource.name}; install what does"
    if error.code == 422 and error.fields:
        return f"the API server rejects {', '.join(error.fields)}: {error.message}"
    return error.message


def _spread(seconds: int) -> int:
    """So that the watches of all kinds don't end at once."""
    return int(seconds * random.uniform(1.0, 1.5))  # noqa: S311 - as above
