"""`upgrade` and `rollback`: what is asked for, and what is refused in words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from kubectl_taskora.errors import CommandError, Exit
from kubectl_taskora.releases import back, forward
from taskora_operator.reconcile.rollout import Outcome, Release, Revision, Schema

from tests.specs import spec

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def at(version: str, **image: Any) -> Any:
    return spec(version=version, **({"image": image} if image else {}))


def revision(
    version: str, number: int, outcome: Outcome = Outcome.HEALTHY, *, schema: Schema | None = None, **more: str
) -> Revision:
    image = more.get("image", f"ghcr.io/taskora/app:{version}")
    return Revision(Release(version, image), number, "a", outcome, NOW, schema or Schema(number))


def refusal(*args: Any, **more: Any) -> CommandError:
    with pytest.raises(CommandError) as refused:
        (forward if "tag" in more else back)(*args, **more)
    return refused.value


def test_forward_is_one_field() -> None:
    step = forward(at("1.0.0"), "1.1.0", tag=None, digest=None)
    assert step.change == {"version": "1.1.0"}
    assert "1.0.0 → 1.1.0" in step.told
    assert "taken back by itself" in step.told
    assert forward(at("1.0.0"), "1.0.0", tag=None, digest=None).change == {}


def test_forward_is_not_backward() -> None:
    assert "rollback --to 1.0.0" in str(refusal(at("1.1.0"), "1.0.0", tag=None, digest=None))
    assert "rollback --to" in str(refusal(at("1.1.0"), "1.1.0-rc.1", tag=None, digest=None)), "before its release"


def test_no_release_is_refused_as_a_command_line() -> None:
    assert refusal(at("1.0.0"), "latest", tag=None, digest=None).code is Exit.USAGE


def test_an_image_that_is_pinned_does_not_stay_behind_unnoticed() -> None:
    for image in ({"tag": "nightly"}, {"digest": "sha256:" + "a" * 64}):
        assert "pins the image" in str(refusal(at("1.0.0", **image), "1.1.0", tag=None, digest=None))
    step = forward(at("1.0.0", tag="nightly"), "1.1.0", tag="1.1.0", digest=None)
    assert step.change == {"version": "1.1.0", "image": {"tag": None, "digest": None}}
    step = forward(at("1.0.0"), "1.1.0", tag="b7", digest=None)
    assert step.change["image"] == {"tag": "b7", "digest": None}


def test_back_is_to_the_last_that_served() -> None:
    ledger = [
        revision("1.0.0", 1),
        revision("1.1.0", 2),
        revision("1.2.0", 3, Outcome.ROLLED_BACK),
        revision("1.3.0", 4),
    ]
    step = back(at("1.3.0"), ledger, to=None, now=NOW)
    assert step.change == {"version": "1.1.0", "image": {"tag": None, "digest": None}}
    assert "no migration is undone" in step.told
    assert back(at("1.3.0"), ledger, to="1.0.0", now=NOW).change["version"] == "1.0.0"
    assert back(at("1.3.0"), ledger, to="1.3.0", now=NOW).change == {}


def test_what_has_not_served_is_not_gone_back_to() -> None:
    ledger = [revision("1.0.0", 1), revision("1.2.0", 3, Outcome.FAILED), revision("1.3.0", 4)]
    assert str(refusal(at("1.3.0"), ledger, to="1.2.0", now=NOW)) == "1.2.0 has not served here. What has: 1.0.0."
    assert "no earlier release" in str(refusal(at("1.3.0"), [revision("1.3.0", 4)], to=None, now=NOW))


def test_across_a_schema_that_no_longer_serves_it_the_operators_own_refusal_is_told() -> None:
    ledger = [revision("1.0.0", 1, schema=Schema(1, "1.0.0")), revision("2.0.0", 2, schema=Schema(2, "2.0.0"))]
    told = str(refusal(at("2.0.0"), ledger, to=None, now=NOW))
    assert "Release 1.0.0 can't run: the database's schema serves 2.0.0 and newer" in told
    assert "restore a backup taken under 1.0.0" in told


def test_the_image_goes_back_with_the_version() -> None:
    digest = "sha256:" + "b" * 64
    ledger = [revision("1.0.0", 1, image=f"ghcr.io/taskora/app:b6@{digest}")]
    step = back(at("1.1.0", tag="b7"), ledger, to=None, now=NOW)
    assert step.change["image"] == {"tag": "b6", "digest": digest}


def test_an_image_from_elsewhere_is_left_to_people() -> None:
    ledger = [revision("1.0.0", 1, image="old.example.org/app:1.0.0"), revision("1.1.0", 2)]
    assert "write the version and the image yourself" in str(refusal(at("1.1.0"), ledger, to=None, now=NOW))
