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
from .sidecars import Pod, make_topics, offered_again


async def test_no_event_is_lost_while_a_consumer_is_away_with_several_at_its_door(urls: Urls) -> None:
    """They are offered again in step, every half second: a sidecar that mixes up two calls loses some."""
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

            async def audited() -> None:
                await until(lambda: set(urls.sql("SELECT event_id FROM audit_log").split()) == sent, seconds=60)

            try:
                await publish(3)
                await audited()
                for _ in range(3):
                    audit.process.stop(kill=True)
                    before = offered_again(audit.sidecar)
                    await publish(10)
                    await until(lambda before=before: offered_again(audit.sidecar) > before, seconds=60)
                    await asyncio.to_thread(audit.process.start, lambda: answers(audit.port))
                    await audited()
            finally:
                await dapr.close()


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
