"""`sort=-priority,due_at,title`: any order of a few keys, each once, and a sentence for everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain.lists import SORT_KEYS_MOST, Order, SortKey, parse_sort

orders = st.lists(
    st.builds(Order, st.sampled_from(SortKey), st.booleans()),
    max_size=SORT_KEYS_MOST,
    unique_by=lambda order: order.key,
)


@given(orders)
def test_an_order_is_read_as_it_is_written(asked: list[Order]) -> None:
    written = ",".join(("-" if order.descending else "") + order.key for order in asked)
    assert list(parse_sort(written)) == asked


@given(st.one_of(st.text(max_size=40), st.text("-,priotydue_atl", max_size=40)))
def test_any_text_is_an_order_or_refused_in_a_sentence(text: str) -> None:
    try:
        found = parse_sort(text)
    except ValueError as error:
        assert str(error).endswith(".")  # noqa: PT017
        return
    assert len({order.key for order in found}) == len(found) <= SORT_KEYS_MOST


@pytest.mark.parametrize("text", ["priority,-priority", "user_id", "--title", "priority,due_at,title,status,position"])
def test_keys_that_are_none_or_too_many_or_twice_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_sort(text)
