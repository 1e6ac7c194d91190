"""What every answer to a browser carries: the content security policy with its nonce, and a changed session cookie."""

import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EVERYWHERE = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
# What documents go by, and files have no use for: with each file of a first load it would be 4 kB.
_PAGES = {
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
# A shared worker has the policy of its own file, and imports a module beside it.
_FILES = "default-src 'self'; frame-ancestors 'none'"


def policy(nonce: str, *, secure: bool) -> str:
    """The policy of a page: scripts by nonce, styles and pictures from here, nothing from anywhere else."""
    rules = [
        "default-src 'none'",
        f"script-src 'nonce-{nonce}'",
        f"style-src 'self' 'nonce-{nonce}'",
        "img-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        *(["upgrade-insecure-requests"] if secure else []),
    ]
    return "; ".join(rules)


class Edge:
    """Gives each request `state.nonce`, and its answer the headers above; sends `state.set_cookie` if one was left."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        nonce = state["nonce"] = secrets.token_urlsafe(16)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                page = headers.get("content-type", "").startswith("text/html")
                for name, value in (_EVERYWHERE | _PAGES if page else _EVERYWHERE).items():
                    headers.setdefault(name, value)
                headers["Content-Security-Policy"] = policy(nonce, secure=self._secure) if page else _FILES
                if self._secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
                    headers.add_vary_header("Cookie")
                if "set_cookie" in state:
                    headers.append("Set-Cookie", state["set_cookie"])
            await send(message)

        await self._app(scope, receive, answer)
