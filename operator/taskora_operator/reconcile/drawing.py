"""What is wanted of an instance under a decision about its release: one function for who acts and who only tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from taskora_operator.desired.model import Desired, Facts, Key
from taskora_operator.profiles import Instance
from taskora_operator.reconcile import revisions, storage
from taskora_operator.reconcile.found import Found
from taskora_operator.reconcile.plan import Wanted, needed, seal
from taskora_operator.reconcile.rollout import Decision, Release, Revision, Wish, attempt_of

Desire = Callable[[Instance, Facts], Desired]


def wish_of(instance: Instance) -> Wish:
    release = Release(instance.spec.version, instance.app_image)
    return Wish(release, attempt_of(instance.spec), may_return=instance.spec.update.rollback == "Automatic")


def recorded(found: Iterable[Found], facts: Facts) -> Sequence[Revision]:
    return [have.traits.revision for have in found if have.traits.revision and have.owned_by(facts)]


def draw(
    desire: Desire, instance: Instance, facts: Facts, *, found: Mapping[Key, Found], decision: Decision
) -> tuple[Desired, Sequence[Wanted]]:
    """What is asked for may not be what is rendered: a release that failed is not."""
    release = decision.release
    spec = instance.spec.model_copy(update={"version": release.version})
    desired = desire(replace(instance, spec=spec, app_image=release.image), facts)
    objects, held = storage.hold(desired.objects, found, facts)
    desired = replace(desired, objects=objects, problems=[*desired.problems, *held])
    sealed = [seal(each, facts) for each in objects]
    records = (seal(revisions.record(each, facts), facts) for each in decision.revisions)
    return desired, [*needed(sealed, found, migrated=decision.rendered.schema is not None), *records]
