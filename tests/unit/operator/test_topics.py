"""Topics: whatever is there and wanted, nothing shrinks and the rest ends as wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st
from taskora_operator.desired.model import Topic
from taskora_operator.reconcile.topics import FoundTopic, plan_topics

names = st.sampled_from("abcd")
wishes = st.lists(
    st.builds(Topic, names, st.integers(1, 5), st.integers(1, 3)), unique_by=lambda topic: topic.name, max_size=4
)
brokers = st.dictionaries(names, st.builds(FoundTopic, st.integers(1, 5), st.integers(1, 3)))


@given(wishes, brokers)
def test_carrying_out_a_plan_leaves_nothing_to_do_and_never_shrinks(
    wanted: Sequence[Topic], found: Mapping[str, FoundTopic]
) -> None:
    todo = plan_topics(wanted, found)
    after = dict(found)
    for topic in todo.create:
        after[topic.name] = FoundTopic(topic.partitions, topic.retention_ms)
    for topic in todo.grow:
        after[topic.name] = FoundTopic(topic.partitions, after[topic.name].retention_ms)
    for topic in todo.alter:
        after[topic.name] = FoundTopic(after[topic.name].partitions, topic.retention_ms)
    assert plan_topics(wanted, after).settled
    assert all(after[name].partitions >= is_.partitions for name, is_ in found.items())
    assert after.keys() >= found.keys()


@given(wishes, brokers)
def test_what_can_not_be_had_is_said_with_the_number_that_can(
    wanted: Sequence[Topic], found: Mapping[str, FoundTopic]
) -> None:
    too_few = [t for t in wanted if t.name in found and found[t.name].partitions > t.partitions]
    problems = plan_topics(wanted, found).problems
    assert len(problems) == len(too_few)
    for topic, problem in zip(too_few, problems, strict=True):
        assert problem.reason == "TopicShrink"
        assert f"at least {found[topic.name].partitions}" in problem.message
