"""Which release to ask for: forward, or back to one that served. Pure; the rules are the operator's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from taskora_operator.api.schema import VERSION
from taskora_operator.api.spec import Spec
from taskora_operator.profiles import resolve
from taskora_operator.reconcile.rollout import (
    Outcome,
    Release,
    Revision,
    Verdict,
    Wish,
    attempt_of,
    decide,
    in_force,
    order,
)

from kubectl_taskora.errors import CommandError, Exit


@dataclass(frozen=True, slots=True)
class Step:
    """A change of the spec (empty: none is needed), and what it does in words."""

    change: Mapping[str, Any]
    told: str


def forward(spec: Spec, version: str, *, tag: str | None, digest: str | None) -> Step:
    """To a newer release. Raises `CommandError`."""
    if not re.fullmatch(VERSION, version):
        raise CommandError(f"{version!r} is no release: write one like 1.2.0.", code=Exit.USAGE)
    if order(version) < order(spec.version):
        raise CommandError(
            f"{version} is older than {spec.version}: `kubectl taskora rollback --to {version}` looks whether the "
            "database still serves it."
        )
    if version == spec.version and not tag and not digest:
        return Step({}, "")
    pinned = " and ".join(f"spec.image.{name}" for name in ("tag", "digest") if getattr(spec.image, name))
    if pinned and not tag and not digest:
        raise CommandError(
            f"{pinned} pins the image whatever the version says. Write the new one beside it (--tag, --digest), or "
            f"--tag {version} for the release's own."
        )
    change: dict[str, Any] = {"version": version}
    if tag or digest:
        change["image"] = {"tag": None if tag == version else tag, "digest": digest}
    told = (
        f"{spec.version} → {version}: the database is migrated, then pods are replaced one by one, serving on. "
        + ("A release that fails is taken back by itself" if spec.update.rollback == "Automatic" else "")
    ).rstrip(" .")
    return Step(change, told)


def back(spec: Spec, ledger: Sequence[Revision], *, to: str | None, now: datetime) -> Step:
    """To a release that served. Raises `CommandError` with what the operator would refuse it for."""
    asked = Release(spec.version, resolve(spec).app_image)
    served = [r for r in ledger if r.outcome is Outcome.HEALTHY]
    candidates = [r for r in served if r.release != asked and to in (None, r.release.version)]
    if not candidates:
        known = ", ".join(sorted({r.release.version for r in served if r.release != asked}, key=order)) or "none"
        if to is None:
            raise CommandError(f"There is no earlier release to go back to (served: {known}).")
        if to == spec.version:
            return Step({}, "")
        raise CommandError(f"{to} has not served here. What has: {known}.")
    target = max(candidates, key=lambda revision: revision.number)
    change = {"version": target.release.version, "image": _image(spec, target.release)}
    wish = Wish(target.release, attempt_of(spec.model_copy(update={"version": target.release.version})))
    decision = decide(wish, ledger, None, now=now)
    if decision.verdict is Verdict.REFUSE and decision.problem:
        raise CommandError(decision.problem.message)
    schema = in_force(ledger)
    serves = f"The database's schema ({schema.number}) serves it; " if schema and schema.number else ""
    told = (
        f"{spec.version} → {target.release.version}: pods are replaced one by one, serving on. {serves}no migration is "
        "undone"
    )
    return Step(change, told)


def _image(spec: Spec, release: Release) -> Mapping[str, str | None]:
    """`spec.image` that renders what the release ran. Raises `CommandError` where it came from elsewhere."""
    plain = spec.image.model_copy(update={"tag": None, "digest": None})
    usual = resolve(spec.model_copy(update={"version": release.version, "image": plain})).app_image
    reference, _, digest = release.image.partition("@")
    name, _, tag = reference.rpartition(":")
    if name != usual.rpartition(":")[0]:
        raise CommandError(
            f"{release.version} ran from {release.image}, and spec.image names {usual} now: write the version and the "
            "image yourself."
        )
    return {"tag": None if tag == release.version else tag, "digest": digest or None}
