"""Pages from templates, everything in them escaped."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from taskora.web.assets import Assets
from taskora.web.forms import here
from taskora.web.words import counted


class Renderer:
    """The templates, and what each of them may use without being given it."""

    def __init__(self, assets: Assets) -> None:
        self._templates = Environment(
            loader=PackageLoader("taskora.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        in_every_page: dict[str, Any] = {"asset": assets.url, "fresh_key": lambda: str(uuid4()), "counted": counted}
        self._templates.globals |= in_every_page

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> Response:
        """The page made from `template`."""
        html = self._templates.get_template(template).render(
            nonce=request.state.nonce, here=here(request), path=request.url.path, **content
        )
        return HTMLResponse(html, status, headers)
