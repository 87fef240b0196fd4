"""Python's `websockets` at both ends: what one end sends is what the other end sees."""

import asyncio
import os

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import PerMessageDeflate

from harness import KIB, MIB, config, within

pytestmark = pytest.mark.asyncio


async def echo(socket):
    async for message in socket:
        await socket.send(message)


@pytest_asyncio.fixture(params=["ws", "wss"])
async def dial(request, certificate, windlass, websocket_endpoint):
    """`dial(handler)` is a client's connection to an endpoint that runs `handler`, over a plain and a TLS listener."""
    secure = request.param == "wss"

    async def start(handler, path="/", serving=None, **options):
        port = await websocket_endpoint(handler, **(serving or {}))
        program = await windlass(config([port], tls=certificate if secure else None))
        trust = {"ssl": certificate.trusted()} if secure else {}
        return connect(await program.url(request.param, path), proxy=None, max_size=32 * MIB, **trust, **options)

    return start


async def test_carries_text_and_binary(dial):
    async with await dial(echo) as client:
        for message in ["", "hello", "Grüße, 世界 🛶", b"", b"\x00\xff\x80", "x" * 126, b"y" * (64 * KIB)]:
            await client.send(message)
            assert await within(client.recv(), "echo") == message


async def test_carries_16_mib_both_ways(dial):
    incompressible = os.urandom(16 * MIB)
    text = "0123456789abcdef" * MIB
    async with await dial(echo, serving={"compression": None}) as client:
        for message in [incompressible, text]:
            await client.send(message)
            assert await within(client.recv(), "16 MiB echo", 60) == message


async def test_keeps_fragments_as_they_were_cut(dial):
    async def repeat_fragments(socket):
        received = [fragment async for fragment in socket.recv_streaming()]
        await socket.send(received)
        await socket.wait_closed()

    sent = [b"one", b"", b"three" * 10_000, b"\x00"]
    async with await dial(repeat_fragments, compression=None) as client:
        await client.send(sent)
        received = await within(collect(client), "fragments")
    # The library ends a message that it was given in pieces with an empty frame: one more per end.
    assert [fragment for fragment in received if fragment] == [fragment for fragment in sent if fragment]
    assert len(received) == len(sent) + 2


async def collect(socket):
    return [fragment async for fragment in socket.recv_streaming()]


async def test_lets_the_ends_negotiate_permessage_deflate(dial):
    at_endpoint = asyncio.get_running_loop().create_future()

    async def negotiated(socket):
        at_endpoint.set_result(socket.protocol.extensions)
        await echo(socket)

    async with await dial(negotiated, compression="deflate") as client:
        for message in ["compressible " * 100_000, os.urandom(100_000), ""]:
            await client.send(message)
            assert await within(client.recv(), "echo") == message
        [ours], [theirs] = client.protocol.extensions, await at_endpoint
        assert isinstance(ours, PerMessageDeflate)
        assert ours.remote_max_window_bits == theirs.local_max_window_bits
        assert ours.local_max_window_bits == theirs.remote_max_window_bits
        assert ours.remote_no_context_takeover == theirs.local_no_context_takeover


async def test_goes_without_compression_when_one_end_has_none(dial):
    async with await dial(echo, serving={"compression": None}, compression="deflate") as client:
        await client.send("plain")
        assert await within(client.recv(), "echo") == "plain"
        assert client.protocol.extensions == []


async def test_carries_pings_of_both_ends(dial):
    answered = asyncio.get_running_loop().create_future()

    async def ping_too(socket):
        pong = await socket.ping(b"from the endpoint")
        answered.set_result(await pong)
        await echo(socket)

    async with await dial(ping_too, ping_interval=None, serving={"ping_interval": None}) as client:
        assert await within(answered, "pong at the endpoint") >= 0
        for payload in [b"", b"from the client", b"x" * 125]:
            assert await within(await client.ping(payload), "pong at the client") >= 0


@pytest.mark.parametrize("code, reason", [(1000, "bye"), (1001, ""), (3001, "library"), (4000, "grüße " * 15), (4999, "")])
async def test_carries_the_clients_close(dial, code, reason):
    seen = asyncio.get_running_loop().create_future()

    async def note_close(socket):
        await socket.wait_closed()
        seen.set_result((socket.protocol.close_rcvd.code, socket.protocol.close_rcvd.reason))

    async with await dial(note_close) as client:
        await client.close(code, reason)
    assert await within(seen, "Close at the endpoint") == (code, reason)
    assert client.protocol.close_rcvd.code == code, "the endpoint's answer came back"


@pytest.mark.parametrize("code, reason", [(1000, "bye"), (1001, "restart"), (1011, ""), (3001, "library"), (4000, "grüße " * 15)])
async def test_carries_the_endpoints_close(dial, code, reason):
    answered = asyncio.get_running_loop().create_future()

    async def close(socket):
        await socket.send("last words")
        await socket.close(code, reason)
        answered.set_result(socket.protocol.close_rcvd.code)

    async with await dial(close) as client:
        assert await within(client.recv(), "last words") == "last words"
        with pytest.raises(ConnectionClosed) as closed:
            await within(client.recv(), "Close at the client")
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)
    assert await within(answered, "the client's answer") == code


async def test_lets_the_endpoint_choose_the_subprotocol(dial):
    serving = {"subprotocols": ["v1.chat", "v2.chat"]}
    async with await dial(echo, serving=serving, subprotocols=["v3.chat", "v2.chat"]) as client:
        assert client.subprotocol == "v2.chat"


async def test_carries_the_path_the_query_and_the_clients_headers(dial):
    async def tell(socket):
        request = socket.request
        await socket.send(f"{request.path} {request.headers['X-Custom']} {request.headers.get_all('Upgrade')}")

    headers = {"X-Custom": "kept"}
    async with await dial(tell, path="/a%20b/c?q=1&q=%2F", additional_headers=headers) as client:
        assert await within(client.recv(), "the request") == "/a%20b/c?q=1&q=%2F kept ['websocket']"


async def test_serves_many_clients_at_once(windlass, websocket_endpoint):
    ports = [await websocket_endpoint(echo) for _ in range(2)]
    program = await windlass(config(ports, upstream='sticky_on = ["query:user"]'))

    async def talk(user):
        async with connect(await program.url("ws", f"/?user={user}"), proxy=None) as client:
            await within(gate.wait(), "everybody's arrival", 60)
            for number in range(20):
                await client.send(f"{user}: {number}")
                assert await within(client.recv(), "echo") == f"{user}: {number}"

    gate = asyncio.Barrier(300)
    await asyncio.gather(*(talk(user) for user in range(300)))
    await program.stop()


async def test_the_same_key_finds_the_same_endpoint(windlass, websocket_endpoint):
    def named(name):
        async def tell(socket):
            await socket.send(name)

        return tell

    endpoints = {name: await websocket_endpoint(named(name)) for name in "abc"}
    program = await windlass(config(endpoints, upstream='sticky_on = ["header:x-user"]'))

    async def endpoint_of(user):
        async with connect(await program.url("ws"), proxy=None, additional_headers={"X-User": user}) as client:
            return await within(client.recv(), "the endpoint's name")

    first = {user: await endpoint_of(user) for user in map(str, range(60))}
    again = {user: await endpoint_of(user) for user in first}
    assert again == first
    assert all(list(first.values()).count(name) >= 5 for name in "abc"), first


async def test_a_refusal_of_the_endpoint_reaches_the_client(dial):
    def refuse(connection, _request):
        response = connection.respond(403, "not you\n")
        response.headers["X-Why"] = "a test"
        return response

    with pytest.raises(InvalidStatus) as refused:
        await (await dial(echo, serving={"process_request": refuse}))
    assert refused.value.response.status_code == 403
    assert refused.value.response.headers["X-Why"] == "a test"
    assert refused.value.response.body == b"not you\n"
