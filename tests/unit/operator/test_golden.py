"""What each profile makes, in full, for review.

After a wanted change: `TASKORA_GOLDEN=write pytest tests/unit/operator`.
"""

import os
from pathlib import Path

import pytest
import yaml
from taskora_operator.desired import desired
from taskora_operator.profiles import resolve

from tests.specs import SPECS, facts_of, spec

GOLDEN = Path(__file__).parent / "golden"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks; no anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML asks
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def told(name: str) -> str:
    wanted = desired(resolve(spec(name)), facts_of(name))
    parts = [
        f"# {made.gate.name.lower()}, {made.action}{', retained' if made.retained else ''}\n"
        + yaml.dump(made.manifest, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
        for made in wanted.objects
    ]
    rest = {
        "topics": [f"{topic.name} {topic.partitions} {topic.retention_ms}" for topic in wanted.topics],
        "bootstrap": wanted.bootstrap,
        "url": wanted.url,
        "problems": [problem.message for problem in wanted.problems],
    }
    return "---\n".join([*parts, "# and\n" + yaml.dump(rest, Dumper=_Dumper, sort_keys=False, width=120)])


@pytest.mark.parametrize("name", SPECS)
def test_a_profile_makes_what_was_reviewed(name: str) -> None:
    file = GOLDEN / f"{name}.yaml"
    if os.environ.get("TASKORA_GOLDEN") == "write":
        file.write_text(told(name), encoding="utf-8")
    assert told(name) == file.read_text(encoding="utf-8")
