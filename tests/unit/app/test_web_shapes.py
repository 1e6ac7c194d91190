"""Where what stands beside every page leads."""

import posixpath
from urllib.parse import unquote

from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from taskora.domain.text import TagName
from taskora.web.shapes import Tag

ID = "01a22954-d74b-7737-ad0e-c80dd844de66"
NAME = TypeAdapter[str](TagName)


@given(st.text(alphabet="./%2e\\aü", min_size=1, max_size=12) | st.text(min_size=1, max_size=50))
@example(".")
@example("..")
@example("a/../b")
@example("//a")
@example("a/")
@example("%2e%2e")
def test_nobody_on_the_way_takes_the_address_of_a_tag_for_another(text: str) -> None:
    try:
        name = NAME.validate_python(text)
    except ValidationError:
        assume(False)
        raise
    path = Tag(id=ID, name=name, color="sky").path
    assert posixpath.normpath(path) == path
    assert unquote(path) in (f"/tags/{name}", f"/tags/{ID}")


def test_the_address_of_a_tag_is_its_name_where_that_is_a_word() -> None:
    assert Tag(id=ID, name="half/half", color="sky").path == "/tags/half/half"
    assert Tag(id=ID, name="für.später?", color="sky").path == "/tags/f%C3%BCr.sp%C3%A4ter%3F"
