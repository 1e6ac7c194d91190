"""Which release to run: the one that is asked for, or the last that served.

Each release that was attempted has a revision (a ControllerRevision in the cluster), and what became of it is written
there: a crash in the middle of a rollout, or of going back, is picked up where it stood. Going back never meets a
schema that no longer serves the old release, because every migration says which is the oldest that it serves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from taskora_operator.api.spec import Spec
from taskora_operator.desired.model import Problem
from taskora_operator.reconcile.fields import digest

REMEMBERED = 10


@dataclass(frozen=True, slots=True)
class Release:
    """What is needed to render a release again. `image` is the whole reference."""

    version: str
    image: str

    def __str__(self) -> str:
        return self.version


@dataclass(frozen=True, slots=True)
class Schema:
    """What a migration says of the schema it leaves: its number, and the oldest release that works with it.
    Number 0: it said nothing."""

    number: int
    oldest: str = ""

    def serves(self, release: Release) -> bool:
        return not self.oldest or order(release.version) >= order(self.oldest)


class Outcome(StrEnum):
    PROGRESSING = "Progressing"
    HEALTHY = "Succeeded"
    FAILED = "Failed"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"  # another was asked for before this one was through


@dataclass(frozen=True, slots=True)
class Revision:
    """`number` grows with every attempt; `attempt` names what was attempted; `since`: when it came to `outcome`."""

    release: Release
    number: int
    attempt: str
    outcome: Outcome
    since: datetime
    schema: Schema | None = None  # None: its migration has not ended
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the spec asks for. `may_return`: a release that fails is taken back."""

    release: Release
    attempt: str
    may_return: bool = True


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a release does not become healthy, and whose last lines tell more."""

    reason: str  # CamelCase
    message: str
    pod: str = ""
    container: str = ""
    previous: bool = False  # the lines of the container that ended, not of the one that runs


@dataclass(frozen=True, slots=True)
class Seen:
    """What the cluster shows of the release that is asked for, while that is the one that is rendered."""

    healthy: bool
    trouble: Trouble | None = None
    schema: Schema | None = None


class Verdict(StrEnum):
    KEEP = "Keep"  # it serves
    GO_ON = "GoOn"
    ROLL_BACK = "RollBack"
    REFUSE = "Refuse"  # the schema no longer serves it: nothing is touched


@dataclass(frozen=True, slots=True)
class Decision:
    """`release` is what to render; `revisions` what to record, newest first."""

    verdict: Verdict
    release: Release
    revisions: Sequence[Revision]
    problem: Problem | None = None

    @property
    def rendered(self) -> Revision:
        return next(r for r in self.revisions if r.release == self.release)

    @property
    def current(self) -> Revision | None:
        """The release that serves: the last that became healthy."""
        return next((r for r in self.revisions if r.outcome is Outcome.HEALTHY), None)

    @property
    def previous(self) -> Revision | None:
        """The one that served before it."""
        return next((r for r in self.revisions if r.outcome is Outcome.HEALTHY and r is not self.current), None)


def attempt_of(spec: Spec) -> str:
    """Names what is attempted. What only decides how much of it runs, or whether, is no other attempt; more time is."""
    whole = spec.model_dump(mode="json", exclude={"paused", "suspended", "deletion_policy", "update", "backup"})
    whole["time"] = [spec.update.progress_deadline_seconds, spec.update.migration_deadline_seconds]
    for role in ("frontend", "backend", "scheduler", "audit", "notifier", "insights"):
        for field in ("replicas", "autoscaling"):
            whole[role].pop(field, None)
    return digest(whole).hex()


def decide(wish: Wish, recorded: Sequence[Revision], seen: Seen | None, *, now: datetime) -> Decision:
    """Once with `seen=None` to learn what to render, then with what rendering it shows, if it is the newest revision's
    release that is rendered."""
    ledger = sorted(recorded, key=lambda revision: revision.number, reverse=True)
    schema = in_force(ledger)
    if schema is None or schema.serves(wish.release):
        return _pursue(wish, ledger, seen, now)
    stands = next((r for r in ledger if schema.serves(r.release)), ledger[0])
    pursued = _pursue(Wish(stands.release, stands.attempt, wish.may_return), ledger, seen, now)
    return replace(pursued, verdict=Verdict.REFUSE, problem=_refused(wish.release, schema, pursued.release))


def in_force(ledger: Iterable[Revision]) -> Schema | None:
    """The newest schema that any release brought, whatever became of the release."""
    stated = [revision.schema for revision in ledger if revision.schema is not None]
    return max(stated, key=lambda schema: (schema.number, order(schema.oldest or "0.0.0")), default=None)


def _pursue(wish: Wish, ledger: Sequence[Revision], seen: Seen | None, now: datetime) -> Decision:
    ledger = _begun(wish, ledger, now)
    if seen is not None:
        ledger = [_judged(ledger[0], seen, now), *ledger[1:]]
    target, schema = ledger[0], in_force(ledger)
    before = next((r for r in ledger[1:] if r.outcome is Outcome.HEALTHY), None)
    if target.outcome is Outcome.HEALTHY:
        return Decision(Verdict.KEEP, target.release, _remembered(ledger))
    if target.outcome is Outcome.PROGRESSING:
        return Decision(Verdict.GO_ON, target.release, _remembered(ledger))
    returns = before is not None and wish.may_return and (schema is None or schema.serves(before.release))
    target = replace(target, outcome=Outcome.ROLLED_BACK if returns else Outcome.FAILED)
    ledger = _remembered([target, *ledger[1:]])
    if before is not None and returns:
        return Decision(Verdict.ROLL_BACK, before.release, ledger, _returned(target, before.release))
    return Decision(Verdict.GO_ON, target.release, ledger, _failed(target, before, wish))


def _begun(wish: Wish, ledger: Sequence[Revision], now: datetime) -> list[Revision]:
    """The ledger with what is asked for at its head; anything else that was on its way is superseded."""
    known = next((r for r in ledger if r.release == wish.release), None)
    newest = ledger[0] if ledger else None
    if known is not None and known is newest and (known.outcome is Outcome.HEALTHY or known.attempt == wish.attempt):
        return list(ledger)
    serves = next((r for r in ledger if r.outcome is Outcome.HEALTHY), None)
    number = newest.number + 1 if newest is not None and known is not newest else known.number if known else 1
    if known is not None and known is serves:
        begun = replace(known, number=number)  # it served all along
    else:
        schema = next((r.schema for r in ledger if r.release.version == wish.release.version and r.schema), None)
        begun = Revision(wish.release, number, wish.attempt, Outcome.PROGRESSING, now, schema)
    others = [
        replace(r, outcome=Outcome.SUPERSEDED, since=now) if r.outcome is Outcome.PROGRESSING else r
        for r in ledger
        if r is not known
    ]
    return [begun, *others]


def _judged(target: Revision, seen: Seen, now: datetime) -> Revision:
    """What a release came to stays, but for one that became healthy after all."""
    if seen.schema is not None and target.schema is None:
        target = replace(target, schema=seen.schema)
    if target.outcome is Outcome.HEALTHY:
        return target
    if seen.healthy:
        return replace(target, outcome=Outcome.HEALTHY, since=now, reason="", message="")
    if seen.trouble is not None and target.outcome is Outcome.PROGRESSING:
        return replace(
            target, outcome=Outcome.FAILED, since=now, reason=seen.trouble.reason, message=seen.trouble.message
        )
    return target


def _remembered(ledger: Sequence[Revision]) -> Sequence[Revision]:
    """The newest few, the two that served last, and who brought the schema."""
    healthy, schema = [r for r in ledger if r.outcome is Outcome.HEALTHY][:2], in_force(ledger)
    brought = next((r for r in ledger if r.schema is not None and r.schema == schema), None)
    return [r for index, r in enumerate(ledger) if index < REMEMBERED or r in healthy or r is brought]


def _refused(wanted: Release, schema: Schema, served: Release) -> Problem:
    return Problem(
        "Ready",
        "RollbackRefused",
        f"Release {wanted} can't run: the database's schema serves {schema.oldest} and newer. Nothing was changed and "
        f"{served} serves on. Write {schema.oldest} or newer in spec.version, or restore a backup taken under {wanted} "
        "into a new instance.",
    )


def _returned(failed: Revision, served: Release) -> Problem:
    return Problem(
        "Ready",
        "RolledBack",
        f"Release {failed.release} did not become healthy and was taken back; {served} serves. It is not tried again "
        f"until the spec changes. {failed.reason}: {failed.message}",
    )


def _failed(failed: Revision, fallback: Revision | None, wish: Wish) -> Problem:
    if fallback is None:
        why = "there is no earlier release to go back to"
    elif not wish.may_return:
        why = "spec.update.rollback is Never"
    else:
        why = f"the database's schema no longer serves {fallback.release}"
    return Problem(
        "Ready",
        "RolloutFailed",
        f"Release {failed.release} does not become healthy, and {why}. {failed.reason}: {failed.message}",
    )


def order(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    """Sorts releases as Semantic Versioning does; `version` is of the form that `spec.version` allows."""
    numbers, _, pre = version.partition("-")
    parts = re.split(r"[.-]", pre) if pre else []
    identifiers = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts)
    return tuple(map(int, numbers.split("."))), not pre, identifiers
