"""W3C trace context: one trace spans browser, backend, event and effect."""

import re
from dataclasses import dataclass

# No id is all zeros.
TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True)
class Trace:
    """One span's place in a trace; ids in lower-case hex."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def parse(traceparent: str | None) -> Trace | None:
    """The trace a header names, or None when it is absent or malformed (a new trace begins then)."""
    match = TRACEPARENT.fullmatch(traceparent or "")
    return Trace(*match.groups()) if match else None


def follow(parent: Trace | None, *, entropy: bytes) -> Trace:
    """The next span: in `parent`'s trace, or the first of a new one. `entropy`: 24 bytes."""
    span_id = entropy[16:24].hex()
    return Trace(parent.trace_id, span_id, parent.flags) if parent else Trace(entropy[:16].hex(), span_id)
