"""The CRD in crds/ is the one the models make, and is structural."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from taskora_operator import reference
from taskora_operator.api.crd import FILE, crd, render
from taskora_operator.api.resource import TaskoraDeployment
from taskora_operator.api.services import Mode, TopicOverride
from taskora_operator.api.spec import Spec
from taskora_operator.desired.topics import TOPICS
from taskora_operator.profiles import PROFILES

from tests.specs import SAMPLES, SPECS

ROOT = Path(__file__).parent.parent.parent.parent
SCHEMA = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
SPEC, STATUS = SCHEMA["spec"], SCHEMA["status"]


def nodes(schema: dict[str, Any], path: str = "spec") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            yield from nodes(schema[inner], f"{path}[]")


def test_the_committed_crd_is_fresh() -> None:
    assert (ROOT / FILE).read_text(encoding="utf-8") == render(), "run `python -m taskora_operator.api.crd`"


def test_the_reference_is_fresh() -> None:
    assert (ROOT / reference.FILE).read_text(encoding="utf-8") == reference.render(), "run `make generated`"


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.yaml")), ids=lambda file: file.name)
def test_every_sample_is_valid(file: Path) -> None:
    TaskoraDeployment.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def test_the_schema_has_nothing_a_structural_schema_may_not_have() -> None:
    for path, node in nodes(SPEC):
        assert not {"$ref", "title", "default", "const", "propertyNames", "uniqueItems"} & node.keys(), path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert "type" in node or "x-kubernetes-int-or-string" in node, path


def test_what_rules_look_at_is_bounded() -> None:
    for path, node in nodes(SPEC):
        match node.get("type"):
            case "array":
                assert "maxItems" in node, path
            case "string":
                assert "maxLength" in node or "enum" in node, path
            case "object" if "additionalProperties" in node:
                assert "maxProperties" in node, path
            case _:
                pass


def test_every_rule_says_what_to_write() -> None:
    rules = [rule for _, node in nodes(SPEC) for rule in node.get("x-kubernetes-validations", [])]
    assert len(rules) >= 12
    for rule in rules:
        assert len(rule["message"]) >= 20, rule


def test_every_field_explains_itself() -> None:
    parents = [node for part in (SPEC, STATUS) for _, node in nodes(part)]
    fields = [(name, field) for node in parents for name, field in node.get("properties", {}).items()]
    assert len(fields) > 300
    assert [name for name, field in fields if len(field.get("description", "")) < 8] == []


def test_topics_that_can_be_overridden_are_the_topics_there_are() -> None:
    assert set(get_args(TopicOverride.model_fields["name"].annotation)) == set(TOPICS)


def test_the_rules_about_external_services_agree_with_the_profiles() -> None:
    rules = {rule["message"]: rule["rule"] for rule in SPEC["x-kubernetes-validations"]}
    for part in ("database", "cache"):
        rule = next(
            text for message, text in rules.items() if message.startswith(f"this profile uses an external {part}")
        )
        for profile, defaults in PROFILES.items():
            assert (f"'{profile}'" in rule) == (getattr(defaults, part) is Mode.IN_CLUSTER), (profile, part)


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(ValueError, match="colour"):
        Spec.model_validate({**SPECS["local"], "colour": "blue"})
