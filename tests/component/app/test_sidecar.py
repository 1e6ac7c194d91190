"""What a real sidecar does at its worst, and what we make of it."""

import asyncio
import json

import pytest
from aiohttp import web
from taskora import clock
from taskora.dapr import Dapr
from taskora.domain.events import Topic
from taskora.web.backend import Backend, BackendAway

from tests.cluster.process import answers, free_port
from tests.cluster.services import Kafka

from .conftest import Urls, an_event, until
from .sidecars import Pod, make_topics


async def test_no_event_is_lost_while_a_consumer_is_away_with_several_at_its_door(urls: Urls) -> None:
    """Five partitions are offered again in step, every half second: a sidecar that mixes up two calls loses one."""
    with Kafka() as kafka:
        await make_topics(kafka)
        with Pod("audit", urls=urls, kafka=kafka) as audit:
            dapr = Dapr(audit.sidecar.url, token="for-the-sidecar")
            sent: set[str] = set()

            async def publish(count: int) -> None:
                for number in range(count):
                    for topic in (Topic.TASK, Topic.USER):
                        event = an_event(topic, "created", clock.new_id(), number=number)
                        sent.add(event["id"])
                        await dapr.publish(topic.value, json.dumps(event), key=event["data"]["user_id"])

            await publish(3)
            await until(lambda: urls.sql("SELECT count(*) FROM audit_log") == "6", seconds=30)
            for _ in range(3):
                audit.process.stop(kill=True)
                await publish(10)
                enough = refused(audit) + 80
                await until(lambda enough=enough: refused(audit) > enough, seconds=60)
                await asyncio.to_thread(audit.process.start, lambda: answers(audit.port))
            try:
                await until(lambda: set(urls.sql("SELECT event_id FROM audit_log").split()) == sent, seconds=30)
            finally:
                await dapr.close()


def refused(pod: Pod) -> int:
    """How often the sidecar has found nobody at the role's door."""
    return pod.sidecar.log.read_text().count("connection refused")


@pytest.mark.parametrize("status", [200, 204, 403, 500])
async def test_an_answer_that_is_not_the_backends_is_none(status: int) -> None:
    async def sidecar(_: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", sidecar)
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    dapr = Dapr(f"http://127.0.0.1:{port}")
    try:
        with pytest.raises(BackendAway):
            await Backend(dapr).send("GET", "api/v1/tasks")
    finally:
        await dapr.close()
        await runner.cleanup()
