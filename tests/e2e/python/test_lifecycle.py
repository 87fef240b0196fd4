"""What a client sees when endpoints are missing, when the configuration changes and when the program stops."""

import asyncio
import shutil
import signal
import socket
import ssl

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from harness import config, within

pytestmark = pytest.mark.asyncio


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def refusal(url):
    with pytest.raises(InvalidStatus) as refused:
        await within(connect(url, proxy=None), "answer")
    return refused.value.response


async def talks(client, message):
    await client.send(message)
    return await within(client.recv(), f"echo of {message}") == message


async def end_of(client):
    with pytest.raises(ConnectionClosed) as closed:
        await within(client.recv(), "the end of the connection")
    return closed.value


async def test_says_502_when_the_endpoint_is_down(windlass):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: it refuses, and nobody else gets the port
        program = await windlass(config([reserved.getsockname()[1]]))
        response = await refusal(await program.url("ws"))
    assert response.status_code == 502
    assert b"127.0.0.1" not in response.body, "no address leaks"


async def test_takes_the_next_endpoint_when_one_is_down(windlass, websocket_endpoint):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        endpoints = {"down": reserved.getsockname()[1], "living": await websocket_endpoint(echo)}
        program = await windlass(config(endpoints, upstream='sticky_on = ["query:user"]'))
        for user in range(20):  # about half of these keys belong to the endpoint that is down
            async with connect(await program.url("ws", f"/?user={user}"), proxy=None) as client:
                assert await talks(client, f"user {user}")


async def test_says_404_when_there_is_no_route(windlass, websocket_endpoint):
    program = await windlass(config([await websocket_endpoint(echo)], path="/ws"))
    assert (await refusal(await program.url("ws", "/other"))).status_code == 404
    assert (await refusal(await program.url("ws", "/wsx"))).status_code == 404, "a prefix ends at a segment's border"
    async with connect(await program.url("ws", "/ws/room"), proxy=None) as client:
        assert await talks(client, "found")


async def test_a_reload_keeps_tunnels_whose_endpoint_stays(windlass, websocket_endpoint):
    first, second = await websocket_endpoint(echo), await websocket_endpoint(echo)
    program = await windlass(config({"a": first}))
    async with connect(await program.url("ws"), proxy=None) as client:
        assert await talks(client, "before")
        unrelated = '[route.new]\npath = "/new"\nupstream = "main"'
        for text in [config({"a": first}), config({"a": first, "b": second}), config({"a": first}, extra=unrelated)]:
            await program.reload(text)
            assert await talks(client, "after")
    await program.stop()


async def test_a_reload_drains_tunnels_whose_endpoint_is_gone(windlass, websocket_endpoint):
    first, second = await websocket_endpoint(echo), await websocket_endpoint(echo)
    program = await windlass(config({"a": first}))
    async with connect(await program.url("ws"), proxy=None) as client:
        assert await talks(client, "before")
        await program.reload(config({"b": second}))
        assert (await end_of(client)).rcvd.code == 1012
    async with connect(await program.url("ws"), proxy=None) as client:
        assert await talks(client, "at the new endpoint")
    await program.stop()


async def test_a_bad_file_changes_nothing(windlass, websocket_endpoint):
    good = config([await websocket_endpoint(echo)])
    program = await windlass(good)
    async with connect(await program.url("ws"), proxy=None) as client:
        await program.reload(good.replace("upstream =", "upstraem ="))
        assert await talks(client, "still open")
        async with connect(await program.url("ws"), proxy=None) as another:
            assert await talks(another, "still served")
    await program.stop()


async def test_a_changed_certificate_is_used_by_the_next_handshake(windlass, websocket_endpoint, make_certificate):
    used, renewed = make_certificate(), make_certificate()
    before = used.trusted()
    text = config([await websocket_endpoint(echo)], tls=used)
    program = await windlass(text)
    url = await program.url("wss")
    async with connect(url, proxy=None, ssl=before) as client:
        shutil.copy(renewed.chain, used.chain)
        shutil.copy(renewed.key, used.key)
        await program.reload(text)
        async with connect(url, proxy=None, ssl=renewed.trusted()) as another:
            assert await talks(another, "the new certificate")
        with pytest.raises(ssl.SSLCertVerificationError):
            await within(connect(url, proxy=None, ssl=before), "handshake")
        assert await talks(client, "still open")
    await program.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_closes_politely_and_exits_0(windlass, websocket_endpoint, number):
    at_endpoint = asyncio.Queue()

    async def note_close(connection):
        await connection.wait_closed()
        close = connection.protocol.close_rcvd
        await at_endpoint.put(close and close.code)

    program = await windlass(config([await websocket_endpoint(note_close)]))
    clients = [await connect(await program.url("ws"), proxy=None) for _ in range(10)]
    program.signal(number)
    for client in clients:
        assert (await end_of(client)).rcvd.code == 1012
        assert await within(at_endpoint.get(), "Close at the endpoint") is not None
    assert await program.exited() == 0
    assert any("STOPPING=1" in datagram for datagram in program.notifications.facts)


async def test_a_stop_refuses_new_tunnels_and_a_second_signal_ends_it(windlass, websocket_endpoint):
    patient = config([await websocket_endpoint(echo)]).replace('"10s"', '"10min"').replace('"100ms"', '"10min"')
    program = await windlass(patient)
    clients = [await connect(await program.url("ws"), proxy=None) for _ in range(20)]
    program.signal(signal.SIGTERM)
    await program.notified("STOPPING=1", since=0)

    response = await refusal(await program.url("ws"))
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0

    program.signal(signal.SIGTERM)
    await program.exited()
    for client in clients:
        await end_of(client)
