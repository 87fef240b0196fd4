"""Traces, read by the messages that OpenTelemetry itself has made of OTLP: `opentelemetry-proto` decodes what a collector was sent."""

import asyncio
import base64
import json

import pytest
import pytest_asyncio
from aiohttp import web
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from harness import Waiting, config, within

pytestmark = pytest.mark.asyncio

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
IDS = {"traceId", "spanId", "parentSpanId"}


def decoded(body):
    """A request in OTLP's JSON: that of protobuf, but for ids, which are hexadecimal there. What it does not know is an error."""

    def in_base64(value):
        if isinstance(value, list):
            return [in_base64(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {key: base64.b64encode(bytes.fromhex(item)).decode() if key in IDS else in_base64(item) for key, item in value.items()}

    return json_format.ParseDict(in_base64(json.loads(body)), ExportTraceServiceRequest())


def said(span):
    """The attributes of a span."""
    values = {attribute.key: attribute.value for attribute in span.attributes}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in values.items()}


class Collector:
    """What takes spans; `answers` are said to the next requests, in place of taking them."""

    def __init__(self):
        self.spans = Waiting()
        self.resources = []
        self.answers = []
        self.asked = 0
        self.hangs = asyncio.Event()
        self.port = None

    async def take(self, request):
        self.asked += 1
        if self.answers:
            answer = self.answers.pop(0)
            if answer is None:
                await self.hangs.wait()
            return answer or web.Response()
        assert request.content_type == "application/json"
        for resource in decoded(await request.read()).resource_spans:
            self.resources.append({it.key: it.value.string_value for it in resource.resource.attributes})
            for scope in resource.scope_spans:
                for span in scope.spans:
                    await self.spans.add(span)
        return web.json_response({})

    async def span(self, name, **attributes):
        def is_it(span):
            return span.name == name and attributes.items() <= said(span).items()

        return await within(self.spans.first(is_it), f"a span {name} with {attributes}")

    def table(self, more=""):
        return f'[traces]\nendpoint = "http://127.0.0.1:{self.port}/v1/traces"\nsample = 1\n{more}'


@pytest_asyncio.fixture
async def collector(http_endpoint):
    collector = Collector()
    collector.port = await http_endpoint(web.post("/v1/traces", collector.take))
    yield collector
    collector.hangs.set()


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def test_a_websocket_of_a_trace_has_its_spans_and_its_endpoint_goes_on_with_it(windlass, websocket_endpoint, collector):
    read = []

    async def handler(connection):
        read.append(connection.request.headers["traceparent"])
        await echo(connection)

    port = await websocket_endpoint(handler)
    more = 'parent = "follow"\nservice_name = "edge"'
    program = await windlass(config([port], extra=collector.table(more)))
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
    async with connect(await program.url("ws", "/chat?token=hush"), additional_headers=headers) as client:
        await client.send("hello")
        assert await client.recv() == "hello"
    handshake = await collector.span("GET main")
    assert (handshake.trace_id.hex(), handshake.parent_span_id.hex()) == (TRACE, PARENT)
    call = await collector.span("GET")
    assert (call.kind, call.parent_span_id, call.status.code) == (Span.SPAN_KIND_CLIENT, handshake.span_id, Status.STATUS_CODE_UNSET)
    assert (said(call)["server.address"], said(call)["server.port"]) == ("127.0.0.1", port)
    assert read == [f"00-{TRACE}-{call.span_id.hex()}-01"]
    assert (handshake.kind, handshake.status.code) == (Span.SPAN_KIND_SERVER, Status.STATUS_CODE_UNSET)
    attributes = said(handshake)
    assert attributes["http.response.status_code"] == 101
    assert (attributes["url.path"], attributes["windlass.endpoint"]) == ("/chat", "endpoint-0")
    for part in ["connect", "answer"]:
        span = await collector.span(part)
        assert (span.trace_id, span.parent_span_id, span.kind) == (call.trace_id, call.span_id, Span.SPAN_KIND_INTERNAL)
        assert handshake.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
    end = await collector.span("tunnel ended main")
    assert [(link.trace_id, link.span_id) for link in end.links] == [(handshake.trace_id, handshake.span_id)]
    assert end.trace_id != handshake.trace_id
    attributes |= said(end)
    assert attributes["windlass.code"] == 1000
    assert attributes["windlass.messages_from_client"] == attributes["windlass.messages_from_upstream"] == 1
    assert attributes["windlass.duration"] > 0
    assert {resource["service.name"] for resource in collector.resources} == {"edge"}
    assert "hush" not in str(collector.spans.facts)


async def test_a_refusal_has_a_span_with_its_cause(windlass, websocket_endpoint, collector):
    port = await websocket_endpoint(echo)
    route = 'allowed_origins = ["https://chat.example.com"]'
    program = await windlass(config([port], route=route, extra=collector.table()))
    with pytest.raises(InvalidStatus):
        await connect(await program.url("ws", "/"), origin="https://elsewhere.example.com")
    span = await collector.span("GET main")
    assert (said(span)["windlass.refusal"], said(span)["http.response.status_code"]) == ("foreign_origin", 403)
    assert said(span)["windlass.detail"]
    assert (span.status.code, "error.type" in said(span)) == (Status.STATUS_CODE_UNSET, False)


async def test_a_busy_collector_has_every_span_later(windlass, websocket_endpoint, collector):
    port = await websocket_endpoint(echo)
    collector.answers = [web.Response(status=503, headers={"Retry-After": "1"})]
    program = await windlass(config([port], extra=collector.table()))
    async with connect(await program.url("ws", "/")):
        pass
    await collector.span("GET main")
    await collector.span("tunnel ended main")
    assert collector.asked >= 2


async def test_clients_talk_on_while_a_collector_hangs(windlass, websocket_endpoint, collector):
    port = await websocket_endpoint(echo)
    collector.answers = [None]
    program = await windlass(config([port], extra=collector.table()))
    async with connect(await program.url("ws", "/")) as client:
        for number in range(200):
            await within(client.send(str(number)), "room for a message")
            assert await within(client.recv(), "an echo") == str(number)
            if number % 20 == 0:
                async with connect(await program.url("ws", "/")) as other:
                    await other.send("hello")
                    assert await within(other.recv(), "an echo") == "hello"
