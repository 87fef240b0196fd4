"""gRPC endpoints of grpcio, asked over HTTP/1.1: messages stand in the chunks, and the status in the trailers behind them."""

import asyncio
import hashlib
import ssl
import struct

import grpc
import pytest
import pytest_asyncio

from grpc_endpoint import GrpcEndpoint
from harness import config, within

pytestmark = pytest.mark.asyncio

HEAD = (
    "POST /test.Calls/{method} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/grpc\r\nTE: trailers\r\n"
    "Connection: TE\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def framed(message):
    return struct.pack(">BI", 0, len(message)) + message


class Call:
    """One call over a connection of its own."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.body = b""
        self.status, self.headers, self.trailers = 0, {}, None

    @classmethod
    async def begin(cls, address, method):
        call = cls(*await asyncio.open_connection(*address))
        call.writer.write(HEAD.format(method=method, host="app.example").encode())
        return call

    def send(self, message):
        data = framed(message)
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end(self):
        self.writer.write(b"0\r\n\r\n")

    async def head(self):
        self.status = int((await self.line()).split()[1])
        self.headers = await self.fields()

    async def message(self):
        """The next message; None behind the last one."""
        while len(self.body) < 5 or len(self.body) < 5 + struct.unpack(">I", self.body[1:5])[0]:
            if self.trailers is not None or not await self.chunk():
                return None
        length = struct.unpack(">I", self.body[1:5])[0]
        message, self.body = self.body[5 : 5 + length], self.body[5 + length :]
        return message

    async def chunk(self):
        if "grpc-status" in self.headers:
            self.trailers = self.headers
            return False
        size = int(await self.line(), 16)
        if size == 0:
            self.trailers = await self.fields()
            return False
        self.body += await within(self.reader.readexactly(size), "a chunk")
        assert await self.line() == ""
        return True

    async def rest(self):
        """The other messages, and the trailers behind them."""
        messages = []
        while (message := await self.message()) is not None:
            messages.append(message)
        assert self.body == b"", "a message is cut"
        self.writer.close()
        return messages, self.trailers

    async def fields(self):
        fields = {}
        while line := await self.line():
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return fields

    async def line(self):
        return (await within(self.reader.readline(), "a line")).decode().rstrip("\r\n")


@pytest.fixture
def endpoint():
    served = GrpcEndpoint()
    yield served
    served.stop()


@pytest_asyncio.fixture
async def address(windlass, endpoint):
    program = await windlass(config([endpoint.port], upstream='protocol = "h2"'))
    return await program.address()


async def called(address, method, *messages):
    call = await Call.begin(address, method)
    for message in messages:
        call.send(message)
    call.end()
    await call.head()
    assert call.status == 200
    return await call.rest()


async def test_calls_of_every_shape_have_their_answers_and_their_status(address):
    messages, trailers = await called(address, "Unary", b"one")
    assert (messages, trailers["grpc-status"]) == ([b"one"], "0")
    assert "x-unannounced" not in trailers, "over HTTP/1.1 only what is announced may follow a body"
    messages, trailers = await called(address, "ServerStreaming", b"one")
    assert (messages, trailers["grpc-status"]) == ([b"one%d" % turn for turn in range(5)], "0")
    messages, trailers = await called(address, "ClientStreaming", b"one", b"two", b"three")
    assert (messages, trailers["grpc-status"]) == ([b"onetwothree"], "0")
    large = bytes(3_000_000)
    messages, trailers = await called(address, "Unary", large)
    assert (messages == [large], trailers["grpc-status"]) == (True, "0")


async def test_both_directions_take_turns(address):
    call = await Call.begin(address, "BothStreaming")
    call.send(b"turn 0")
    await call.head()
    assert await call.message() == b"turn 0"
    for turn in range(1, 20):
        call.send(b"turn %d" % turn)
        assert await call.message() == b"turn %d" % turn
    call.end()
    assert (await call.rest())[1]["grpc-status"] == "0"


async def test_errors_are_read_in_the_trailers(address):
    messages, trailers = await called(address, "Fails", b"one")
    assert (messages, trailers["grpc-status"]) == ([], str(grpc.StatusCode.NOT_FOUND.value[0]))
    assert trailers["grpc-message"] == "no such thing: %C3%A4"
    messages, trailers = await called(address, "FailsLater", b"one")
    assert (messages, trailers["grpc-status"]) == ([b"one"], str(grpc.StatusCode.DATA_LOSS.value[0]))
    messages, trailers = await called(address, "Unknown", b"one")
    assert (messages, trailers["grpc-status"]) == ([], str(grpc.StatusCode.UNIMPLEMENTED.value[0]))


async def test_many_calls_share_connections_and_a_server_that_stops_says_so(windlass, endpoint):
    other = GrpcEndpoint()
    program = await windlass(config([endpoint.port, other.port], upstream='protocol = "h2"\npolicy = "round_robin"'))
    address = await program.address()

    async def caller():
        for _ in range(20):
            messages, trailers = await called(address, "Slow", b"one")
            assert (messages, trailers["grpc-status"]) == ([b"one"], "0"), "nobody notices that a server stops"

    calling = [asyncio.create_task(caller()) for _ in range(8)]
    await asyncio.sleep(1)
    stopped = other.stop(grace=10)
    await asyncio.gather(*calling)
    assert await asyncio.to_thread(stopped.wait, 10)


async def test_over_tls_h2_is_agreed_on_by_alpn(windlass, certificate):
    credentials = grpc.ssl_server_credentials([(certificate.key.read_bytes(), certificate.chain.read_bytes())])
    endpoint = GrpcEndpoint(credentials)
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.chain.read_text())).hexdigest()
    tls = f'protocol = "h2"\ntls = {{ fingerprints = ["{fingerprint}"] }}'
    program = await windlass(config([endpoint.port], upstream=tls))
    messages, trailers = await called(await program.address(), "Unary", b"one")
    assert (messages, trailers["grpc-status"]) == ([b"one"], "0")
    endpoint.stop()
