"""The web port: which address is answered by what, and how a refusal looks to a person and to a program."""

from collections.abc import Awaitable, Callable, Iterable
from itertools import chain

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from taskora.asgi import Health, application, problem_response
from taskora.domain.problems import NotFound, Problem
from taskora.web.acts import Acts
from taskora.web.assets import Assets
from taskora.web.doors import Doors
from taskora.web.edge import Edge
from taskora.web.forms import Routes
from taskora.web.gallery import Gallery
from taskora.web.lists import Lists
from taskora.web.live import Stream
from taskora.web.previews import Previews
from taskora.web.proxy import METHODS, Proxy


class WrongMethod(Problem):
    status = 405
    kind = "method_not_allowed"
    title = "This address takes no such request"


def site(
    health: Health,
    *,
    doors: Doors,
    lists: Lists,
    acts: Acts,
    gallery: Gallery,
    previews: Previews,
    proxy: Proxy,
    stream: Stream,
    assets: Assets,
    further: Iterable[Routes],
    version: str,
    secure: bool,
) -> ASGIApp:
    """The application browsers talk to."""
    app = application(health, version=version)

    def answers(method: str | list[str], path: str, handler: Callable[[Request], Awaitable[Response]]) -> None:
        async def named(request: Request) -> Response:
            # Metrics and logs go by the route's template, which plain Starlette keeps to itself.
            request.scope["route"] = route
            return await handler(request)

        route = Route(path, named, methods=[method] if isinstance(method, str) else method)
        app.router.routes.append(route)

    answers("GET", "/", lists.inbox)
    answers("GET", "/today", lists.today)
    answers("GET", "/upcoming", lists.upcoming)
    answers("GET", "/board", lists.board)
    answers("GET", "/completed", lists.completed)
    answers("GET", "/trash", lists.trash)
    answers("GET", "/search", lists.search)
    answers("GET", "/browse", lists.browse)
    answers("GET", "/tags", lists.tags)
    answers("POST", "/tags", acts.make_tag)
    answers("GET", "/tags/{name:path}", lists.tagged)
    answers("POST", "/tags/{tag_id}", acts.change_tag)
    answers("GET", "/tasks/{task_id}", lists.task)
    answers("POST", "/tasks", acts.add)
    answers("POST", "/tasks/{task_id}", acts.edit)
    answers("POST", "/tasks/{task_id}/reminders", acts.remind)
    answers("POST", "/tasks/{task_id}/part", acts.part)
    answers("POST", "/tasks/{task_id}/repeats", previews.repeats)
    answers("POST", "/acts", acts.act)
    answers("POST", "/previews/line", previews.line)
    answers("POST", "/previews/when", previews.when)
    answers("GET", "/sign-in", doors.sign_in)
    answers("POST", "/sign-in", doors.enter)
    answers("GET", "/create-account", doors.create_account)
    answers("POST", "/create-account", doors.register)
    answers("GET", "/reset", doors.reset)
    answers("POST", "/reset", doors.set_password)
    answers("POST", "/sign-out", doors.leave)
    answers("GET", "/design", gallery.show)
    answers("GET", "/static/{digest}/{name}", assets.serve)

    for method, path, handler in chain.from_iterable(further):
        answers(method, path, handler)

    answers("GET", "/api/v1/events", stream.open)
    answers("POST", "/api/v1/auth/register", proxy.enter)
    answers("POST", "/api/v1/auth/login", proxy.enter)
    answers("POST", "/api/v1/auth/logout", proxy.leave)
    answers(METHODS, "/api/{path:path}", proxy.forward)

    _refuse_politely(app, doors)
    return Edge(GZipMiddleware(app, minimum_size=1000), secure=secure)


def _refuse_politely(app: FastAPI, doors: Doors) -> None:
    async def refused(request: Request, error: Exception) -> Response:
        problem = _as_problem(error)
        if request.url.path.startswith(("/api/", "/static/")):
            return problem_response(problem)
        return await doors.problem(request, problem)

    for kind in (Problem, HTTPException, Exception):
        app.add_exception_handler(kind, refused)


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException) and error.status_code == 404:
        return NotFound("The address may be mistyped, or what was here is gone for good.")
    if isinstance(error, HTTPException) and error.status_code == 405:
        return WrongMethod("Go back to the Inbox and start from there.")
    return Problem("It is written down for whoever runs this Taskora. Nothing you saved is lost.")
