"""Which system events somebody should hear of, and when that is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from taskora.domain.events import Event, Topic, event_type

# A role that starts so often within this time is not simply being rolled out.
RESTARTS_MOST = 5
RESTARTS_WITHIN = timedelta(minutes=10)
# Errors that do not come again for so long are over.
QUIET_AFTER = timedelta(hours=1)

STARTED = event_type(Topic.SYSTEM, "started")
STOPPED = event_type(Topic.SYSTEM, "stopped")
HEALTH = event_type(Topic.SYSTEM, "health_changed")
FAILED = event_type(Topic.SYSTEM, "failed")


class Rule(StrEnum):
    ERRORS = "errors"
    UNHEALTHY = "unhealthy"
    RESTARTS = "restarts"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Raise:
    """Something is wrong with `subject`; raised again, it is the same alert, once more."""

    rule: Rule
    subject: str
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Resolve:
    rule: Rule
    subject: str


def findings(event: Event, *, starts: int = 0) -> Sequence[Raise | Resolve]:
    """What a system event means. `starts`: how often its role has started within `RESTARTS_WITHIN`, this time too."""
    role, pod = _text(event, "role"), _text(event, "pod")
    if event.type == FAILED:
        where = _text(event, "where")
        message = f"{role}: {_text(event, 'error')}" + (f" in {where}" if where else "")
        return [Raise(Rule.ERRORS, role, Severity.WARNING, message)]
    if event.type == HEALTH:
        state = _text(event, "state")
        if state == "healthy":
            return [Resolve(Rule.UNHEALTHY, pod)]
        severity = Severity.WARNING if state == "degraded" else Severity.CRITICAL
        return [Raise(Rule.UNHEALTHY, pod, severity, f"{pod} is {state}: {_text(event, 'because')}")]
    if event.type == STOPPED:
        return [Resolve(Rule.UNHEALTHY, pod)]
    if event.type == STARTED and starts >= RESTARTS_MOST:
        minutes = int(RESTARTS_WITHIN.total_seconds() // 60)
        message = f"{role} has started {starts} times within {minutes} minutes."
        return [Raise(Rule.RESTARTS, role, Severity.CRITICAL, message)]
    return []


def _text(event: Event, name: str) -> str:
    value = event.data.get(name)
    return value if isinstance(value, str) else ""
