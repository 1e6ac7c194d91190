"""docs/api-in-the-pages.md: whatever the API can do has a place in the pages, or a reason why it has none."""

import re
from pathlib import Path
from typing import Any

import pytest
from taskora.api.app import ROUTERS
from taskora.api.routes import Route
from taskora.web import site

ROOT = Path(__file__).parents[3]
WEB = Path(site.__file__).parent
ROWS = {
    route.strip("`"): (where, keys, shown)
    for line in (ROOT / "docs/api-in-the-pages.md").read_text().splitlines()
    if line.startswith("| `")
    for route, where, keys, shown in [[cell.strip() for cell in line.split("|")[1:-1]]]
}
ROUTES = {
    f"{min(route.methods)} {route.path.removeprefix('/api/v1')}": route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, Route) and route.include_in_schema
}
PAGES = {path for file in WEB.glob("*.py") for path in re.findall(r'\("(?:GET|POST)", "(/[^"]*)"', file.read_text())}
KEYS = (WEB / "static/sheet.js").read_text()
PAGED = {"cursor", "limit"}


def asked(fields: list[Any]) -> set[str]:
    """What a request may say in its query or its body."""
    models = [getattr(field.field_info.annotation, "model_fields", None) for field in fields]
    return {name for field, model in zip(fields, models, strict=True) for name in model or [field.alias]} - {"body"}


def test_no_route_of_the_api_is_left_out() -> None:
    assert ROWS.keys() == ROUTES.keys()


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_has_a_page_or_a_reason(name: str) -> None:
    where, keys, shown = ROWS[name]
    if where.startswith("none: "):
        assert len(where) > 40
        return
    of_route = ROUTES[name].dependant
    told = set(re.findall(r"`(\w+)`", where))
    assert told >= asked(of_route.query_params) - PAGED | asked(of_route.body_params), (
        "say where each of these is asked"
    )
    page = re.match(r"`(/[^`]*)`", where)
    assert page
    assert page[1] in PAGES
    for key in re.findall(r"[A-Z]\w*|\d", keys.removeprefix("G ")):
        assert re.search(rf"['\s]{key}['\s]", KEYS), key
    file, _, test = shown.strip("`").partition("::")
    assert f"def {test}(" in (ROOT / "tests/component/app/web" / file).read_text()
