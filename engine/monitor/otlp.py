"""The journey of an order as OpenTelemetry spans, sent over OTLP/HTTP by the command that asks, never by a role.

trace     16 bytes, from the system and the intent: the same order sent twice is the same trace
order     the root span: from the first stage to the last one
a stage   a span from the stage before to this one, with its lane, sequence and text
a time at the venue is an event of the root: its clock is not ours
"""

import hashlib
from collections.abc import Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from engine.caller import Caller, place_of, split_url
from engine.monitor.journey import Point

PATH, LIMIT_S = "/v1/traces", 10.0
PROTOBUF = {"Content-Type": "application/x-protobuf"}


class SendError(Exception):
    """The collector did not accept the spans; the text says what it answered."""


def trace_id(system: str, intent_id: int) -> bytes:
    """The id of an order's trace."""
    return hashlib.blake2b(f"{system}/{intent_id}".encode(), digest_size=16).digest()


def request_of(system: str, intent_id: int, points: Sequence[Point]) -> ExportTraceServiceRequest:
    """The journey as one request. A stage without a time has no span."""
    trace = trace_id(system, intent_id)
    known = sorted((one for one in points if one.at_ns and not one.is_of_venue), key=lambda one: one.at_ns)
    if not known:
        raise SendError("no stage of this order has a time: nothing to send")
    root = Span(
        trace_id=trace, span_id=_span_id(trace, "order"), name="order", kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=known[0].at_ns, end_time_unix_nano=known[-1].at_ns,
        attributes=[_attribute("steelyard.intent_id", intent_id)],
        events=[
            Span.Event(time_unix_nano=one.at_ns, name=one.stage, attributes=[_attribute("text", one.text)])
            for one in points if one.at_ns and one.is_of_venue
        ],
    )  # fmt: skip
    stages = [
        Span(
            trace_id=trace, span_id=_span_id(trace, f"{place}/{one.stage}"), parent_span_id=root.span_id,
            name=one.stage, kind=Span.SPAN_KIND_INTERNAL, end_time_unix_nano=one.at_ns,
            start_time_unix_nano=known[max(0, place - 1)].at_ns,
            attributes=[
                _attribute("steelyard.lane", one.lane), _attribute("steelyard.sequence", one.sequence),
                _attribute("text", one.text),
            ],
        )
        for place, one in enumerate(known)
    ]  # fmt: skip
    resource = Resource(attributes=[_attribute("service.name", "steelyard"), _attribute("steelyard.system", system)])
    scope = ScopeSpans(scope=InstrumentationScope(name="steelyard"), spans=[root, *stages])
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])])


def send(url: str, request: ExportTraceServiceRequest) -> None:
    """Post to a collector; `url` is its address, or the whole path."""
    try:
        caller = Caller(LIMIT_S, LIMIT_S, split_url)
        answer = caller.request("POST", target_of(url, PATH), request.SerializeToString(), PROTOBUF)
    except (OSError, ValueError) as error:
        raise SendError(f"{error}: expected an OTLP/HTTP collector") from error
    if not answer.good:
        raise SendError(f"{place_of(split_url(url))} answered {answer.status}: {answer.text}")


def target_of(url: str, path: str) -> str:
    """The address of a collector with the path for one kind of data, which it may have already."""
    return url if url.rstrip("/").endswith(path) else url.rstrip("/") + path


def _span_id(trace: bytes, name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8, key=trace).digest()


def _attribute(name: str, value: str | int) -> KeyValue:
    found = AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value)
    return KeyValue(key=name, value=found)
