"""The operator as it runs in its pod, but that no broker is asked and that it looks at all instances more often."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from taskora_operator import logs
from taskora_operator.__main__ import Settings, run
from taskora_operator.desired import desired
from taskora_operator.desired.model import Desired, Facts
from taskora_operator.engine import Pace
from taskora_operator.profiles import Instance


def without_broker(instance: Instance, facts: Facts) -> Desired:
    return replace(desired(instance, facts), bootstrap="")


def main(*, resync: float) -> None:
    settings = Settings()
    logs.configure(settings.log_level)
    sys.exit(asyncio.run(run(settings, desired=without_broker, pace=Pace(resync=resync))))
