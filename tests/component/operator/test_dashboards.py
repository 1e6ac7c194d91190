"""A dashboard is one by the types that Grafana publishes. That its queries find something shows test_watching."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from taskora_operator.desired import dashboard

from tests.cluster import npm

PROJECT = {
    "compilerOptions": {"strict": True, "noEmit": True, "module": "esnext", "moduleResolution": "bundler", "types": []}
}
TEXT = """import type {{ Dashboard }} from "@grafana/schema"
export const made: Dashboard = {}
// @ts-expect-error: that there are such types at all
export const wrong: Dashboard = {{schemaVersion: 39, panel: []}}
"""


@pytest.mark.parametrize("panels", [dashboard.INSTANCE, dashboard.OPERATOR], ids=["instance", "operator"])
def test_a_dashboard_has_the_fields_that_grafana_knows(panels: list[dashboard.Panel], tmp_path: Path) -> None:
    text = dashboard.dashboard(panels, title="Taskora", uid="taskora", where='namespace="tasks"', name="taskora")
    (tmp_path / "dashboard.ts").write_text(TEXT.format(text))
    (tmp_path / "tsconfig.json").write_text(json.dumps(PROJECT))
    (tmp_path / "node_modules").symlink_to(npm.modules())
    assert npm.check_types(tmp_path) == 0
