"""Spans for whoever collects traces, where `OTEL_EXPORTER_OTLP_ENDPOINT` says where that is.

The only module that knows OpenTelemetry; nothing of it is imported where no traces are wanted. Its own variables say
how much is kept and how it is sent (docs/environment.md); sending is a thread's work and holds nothing up.
"""

import importlib
import os
from threading import Thread
from typing import cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from taskora.domain.trace import Trace

KINDS = {kind.name.lower(): kind for kind in SpanKind}


class Begun:
    """One span that has not ended yet. `trace`: where it is."""

    def __init__(self, span: Span) -> None:
        there = span.get_span_context()
        self._span = span
        self.trace = Trace(f"{there.trace_id:032x}", f"{there.span_id:016x}", f"{there.trace_flags:02x}")

    def tell(self, name: str, **attributes: str | int) -> None:
        """What is known only at its end."""
        self._span.update_name(name)
        self._span.set_attributes({key.replace("__", "."): value for key, value in attributes.items()})

    def end(self, *, failed: str = "") -> None:
        """`failed`: what became of it, where that was no answer."""
        if failed:
            self._span.set_status(StatusCode.ERROR, failed)
        self._span.end()


class Tracing:
    """Begins spans; what ended is sent in batches."""

    def __init__(self, *, role: str, version: str, instance: str, namespace: str, pod: str) -> None:
        who = {
            "service.name": role,
            "service.namespace": instance,
            "service.version": version,
            "service.instance.id": pod,
            "k8s.namespace.name": namespace,
        }
        self._provider = TracerProvider(resource=Resource.create(who), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_exporter()))
        self._tracer = self._provider.get_tracer("taskora")

    def begin(self, name: str, *, kind: str, parent: Trace | None) -> Begun:
        """`kind`: server, client, producer, consumer or internal."""
        context = set_span_in_context(_remote(parent)) if parent else None
        return Begun(self._tracer.start_span(name, context=context, kind=KINDS[kind]))

    def close(self, *, within: float = 3) -> None:
        """Sends what is left, for so many seconds at most: the library would wait half a minute for a collector."""
        ending = Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(within)


def _remote(trace: Trace) -> Span:
    flags = TraceFlags(int(trace.flags, 16))
    return NonRecordingSpan(SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), True, flags))


def _exporter() -> SpanExporter:
    protocol = "grpc" if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc" else "http"
    exporter = importlib.import_module(f"opentelemetry.exporter.otlp.proto.{protocol}.trace_exporter")
    return cast("SpanExporter", exporter.OTLPSpanExporter())
