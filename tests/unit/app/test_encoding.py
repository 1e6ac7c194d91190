"""JSON is what pydantic would make of it, whoever makes it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import pydantic_core
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from taskora.domain.tasks import Status
from taskora.encoding import to_json


@dataclass(frozen=True, slots=True)
class Thing:
    id: UUID
    inner: Any


class Model(BaseModel):
    inner: Any


whole = st.integers(-(2**70), 2**70)
keys: st.SearchStrategy[Any] = (
    st.text(st.characters(codec="utf-8")) | st.uuids() | whole | st.dates() | st.sampled_from(Status)
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | whole
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
    | st.uuids()
    | st.dates()
    | st.datetimes(datetime(1980, 1, 1), timezones=st.timezones())  # noqa: DTZ001
    | st.sampled_from(Status)
    | st.sets(st.integers(), max_size=1),
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(keys, inner),
        st.builds(Thing, st.uuids(), inner),
        st.builds(Model, inner=inner),
    ),
)


@given(values)
def test_json_is_what_pydantic_makes_of_a_value(value: object) -> None:
    assert to_json(value) == pydantic_core.to_json(value)


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, [object()]])
def test_what_json_has_no_way_to_say_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- whoever noticed it
        to_json(value)
