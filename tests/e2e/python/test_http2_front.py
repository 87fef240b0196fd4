"""Clients that speak HTTP/2: `h2` and `wsproto` as RFC 8441 has WebSockets, curl, and grpcio through to an endpoint of its own."""

import asyncio

import grpc
import pytest
import pytest_asyncio
from aiohttp import web

from curl import curl
from grpc_endpoint import GrpcEndpoint
from harness import KIB, MIB, config, within
from http2_client import Client

pytestmark = pytest.mark.asyncio

STREAMS = 100
ENABLE_CONNECT_PROTOCOL = 8
CANCEL = 8


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def size_of_body(request):
    return sum([len(piece) async for piece in request.content.iter_any()])


class Served:
    """A program, and how it is talked to."""

    def __init__(self, program, text, admin, certificate):
        self.program, self.text, self.admin, self.certificate = program, text, admin, certificate

    async def connect(self, **options):
        return await Client.connect(await self.program.address(), self.certificate, **options)

    async def counted(self, name, protocol="h2"):
        """What the program counts of those who speak this."""
        text = (await curl("--unix-socket", self.admin, "http://admin/metrics")).text
        series = f'windlass_client_{name}{{protocol="{protocol}"}} '
        return int(next(line.removeprefix(series) for line in text.splitlines() if line.startswith(series)))

    async def reload(self, text=None):
        await self.program.reload(text or self.text)


@pytest_asyncio.fixture(params=["h2", "h2c"])
async def serve(request, windlass, certificate, tmp_path):
    """`await serve(port, …)` starts the program with a TLS listener, and with one for prior knowledge."""

    async def start(*ports, listener="", **options):
        tls = certificate if request.param == "h2" else None
        listener += "" if tls else "\nh2c = true"
        admin = tmp_path / "admin.sock"
        extra = f'[admin]\nlisten = "unix:{admin}"'
        text = config(list(ports), tls=tls, listener=listener, extra=extra, **options)
        return Served(await windlass(text), text, admin, tls)

    return start


async def test_a_hundred_tunnels_share_one_connection(serve, websocket_endpoint):
    served = await serve(await websocket_endpoint(echo))
    async with await served.connect() as client:
        assert client.settings[ENABLE_CONNECT_PROTOCOL] == 1
        sockets = await asyncio.gather(*(client.websocket(f"/{number}") for number in range(STREAMS)))
        for number in range(3):
            await asyncio.gather(*(socket.echoes(f"{at} says {number}") for at, socket in enumerate(sockets)))
        assert await served.counted("tunnels_open") == STREAMS
        assert await served.counted("tunnels_opened_total", "http/1.1") == 0
        # Each ends by itself, and those that are left do not notice.
        for socket in sockets[1:]:
            await socket.close(1001)
        await sockets[0].echoes(b"alone")
        await sockets[0].close()
        assert client.goaway is None
        assert await served.counted("connections_total") == 1
        assert await served.counted("tunnels_opened_total") == STREAMS
    await served.program.stop()


async def test_the_endpoint_closes_first_and_the_stream_ends_without_a_reset(serve, websocket_endpoint):
    async def leave(socket):
        await socket.send("bye")
        await socket.close(4001, "enough")

    served = await serve(await websocket_endpoint(leave))
    async with await served.connect() as client:
        socket = await client.websocket()
        assert await socket.receive() == "bye"
        await socket.answer_close(4001)
        await socket.stream.end()
        assert (socket.stream.ended, socket.stream.reset, client.goaway) == (True, None, None)
    await served.program.stop()


async def test_subprotocols_and_lines_of_the_client_arrive(serve, websocket_endpoint):
    seen = {}

    async def note(socket):
        seen.update({name.lower(): value for name, value in socket.request.headers.raw_items()}, path=socket.request.path)
        await echo(socket)

    served = await serve(await websocket_endpoint(note, subprotocols=["chat.2", "chat.1"]))
    async with await served.connect() as client:
        lines = [("sec-websocket-protocol", "chat.1, chat.2"), ("origin", "https://app.example"), ("cookie", "a=1")]
        stream = await client.extended_connect("/room?id=7", lines)
        head = await stream.head()
        assert (head[":status"], head["sec-websocket-protocol"]) == ("200", "chat.2")
        assert not {"connection", "upgrade", "sec-websocket-accept", "transfer-encoding"} & head.keys()
        assert (seen["path"], seen["origin"], seen["cookie"]) == ("/room?id=7", "https://app.example", "a=1")
        assert seen["host"] == "localhost"
        assert len(seen["sec-websocket-key"]) == 24
    await served.program.stop()


async def test_a_client_that_does_not_read_holds_up_nobody_else(serve, websocket_endpoint):
    async def flood(socket):
        async for _ in socket:
            for _ in range(64):
                await socket.send(bytes(64 * KIB))
            await socket.send("done")

    served = await serve(await websocket_endpoint(flood, compression=None))
    async with await served.connect(window=64 * KIB) as client:
        stalled, lively = await client.websocket("/stalled"), await client.websocket("/lively")
        client.holds_back.add(stalled.stream.number)
        await stalled.send("go")
        await client.until(lambda: stalled.stream.held_back == 64 * KIB, "a full window")
        before = served.program.memory("VmRSS")
        await lively.send("go")
        for _ in range(64):
            assert await lively.receive() == bytes(64 * KIB)
        assert await lively.receive() == "done"
        assert len(stalled.stream.data) == 64 * KIB, "it was sent more than its window"
        assert served.program.memory("VmRSS") - before < 4 * MIB
        client.holds_back.clear()
        stalled.stream.take()
        for _ in range(64):
            assert await stalled.receive() == bytes(64 * KIB)
        assert await stalled.receive() == "done"
    await served.program.stop()


async def test_an_endpoint_that_does_not_read_holds_up_its_client(serve, websocket_endpoint):
    may_read = asyncio.Event()

    async def late(socket):
        if socket.request.path == "/late":
            await may_read.wait()
        await echo(socket)

    served = await serve(await websocket_endpoint(late, compression=None, max_queue=1, receive_buffer=64 * KIB))
    async with await served.connect() as client:
        late, lively = await client.websocket("/late"), await client.websocket("/lively")
        message = bytes(64 * KIB)

        async def send_all():
            # One that were longer would be read to its end, whoever waits for it.
            for _ in range(128):
                await late.send(message)

        sending = asyncio.create_task(send_all())
        try:
            await client.until(lambda: client.h2.local_flow_control_window(late.stream.number) <= 300, "a full window")
            for number in range(20):
                await lively.echoes(f"still here {number}")
            assert not sending.done()
        finally:
            may_read.set()
        await within(sending, "the rest to be sent", 60)
        for _ in range(128):
            assert await late.receive() == message
    await served.program.stop()


async def test_a_reset_ends_one_tunnel_and_none_of_its_siblings(serve, websocket_endpoint):
    ended = asyncio.Queue()

    async def tell(socket):
        try:
            await echo(socket)
        finally:
            await ended.put(socket.request.path)

    served = await serve(await websocket_endpoint(tell))
    async with await served.connect() as client:
        sockets = [await client.websocket(f"/{number}") for number in range(10)]
        for socket in sockets[:9]:
            await socket.echoes("hello")
            socket.stream.cancel()
        assert {await within(ended.get(), "the end of a tunnel") for _ in range(9)} == {f"/{number}" for number in range(9)}
        await sockets[9].echoes("still here")
        again = await client.websocket("/again")
        await again.close()
        assert client.goaway is None
    await served.program.stop()


async def test_padded_data_is_read_without_its_padding(serve, websocket_endpoint):
    served = await serve(await websocket_endpoint(echo))
    async with await served.connect() as client:
        socket = await client.websocket()
        # Padding counts in the windows: so much of it only passes if it is given back.
        for number in range(2_000):
            await socket.echoes(f"{number}", padding=255)
        await socket.close()
    await served.program.stop()


async def test_a_reload_says_no_goaway_and_moves_nobody(serve, websocket_endpoint):
    served = await serve(await websocket_endpoint(echo))
    async with await served.connect() as client:
        socket = await client.websocket()
        for _ in range(3):
            await served.reload()
            await socket.echoes("the same")
        await served.reload(served.text + "\n# another text\n")
        newcomer = await client.websocket("/new")
        await newcomer.echoes("on the connection that was there before")
        assert client.goaway is None
        assert await served.counted("connections_total") == 1
        await socket.close()
    await served.program.stop()


async def test_a_stop_asks_tunnels_to_leave_and_says_goaway(serve, websocket_endpoint):
    served = await serve(await websocket_endpoint(echo))
    async with await served.connect() as client:
        sockets = [await client.websocket(f"/{number}") for number in range(20)]
        stopping = asyncio.create_task(served.program.stop())
        for socket in sockets:
            await socket.answer_close(1012)
            await socket.stream.end()
            assert socket.stream.reset is None
        await within(stopping, "the end of the program")
        assert client.goaway == 0


async def test_another_protocol_and_a_plain_connect_open_nothing(serve, websocket_endpoint):
    served = await serve(await websocket_endpoint(echo))
    async with await served.connect() as client:
        other = await client.extended_connect(protocol="connect-udp")
        assert (await other.head())[":status"] == "501"
        socket = await client.websocket()
        await socket.echoes("beside it")
        await socket.close()
    await served.program.stop()


async def test_who_does_not_upgrade_is_no_tunnel(serve, http_endpoint):
    async def refuse(request):
        return web.Response(status=200 if request.path == "/ok" else 403, text="no")

    served = await serve(await http_endpoint(web.get("/{tail:.*}", refuse)))
    async with await served.connect() as client:
        refused = await client.extended_connect("/no")
        assert ((await refused.head())[":status"], await refused.body()) == ("403", b"no")
        # A 200 would look like an open tunnel.
        assert (await (await client.extended_connect("/ok")).head())[":status"] == "502"
        assert await served.counted("tunnels_opened_total") == 0
    await served.program.stop()


async def test_exchanges_share_a_connection(serve, http_endpoint):
    async def answer(request):
        size = await size_of_body(request)
        return web.json_response({"method": request.method, "host": request.host, "size": size, "path": request.path_qs})

    served = await serve(await http_endpoint(web.route("*", "/{tail:.*}", answer)))
    async with await served.connect() as client:
        asked = [client.request("GET", f"/{number}?q=1") for number in range(STREAMS)]
        for number, stream in enumerate(await asyncio.gather(*asked)):
            assert (await stream.head())[":status"] == "200"
            assert f'"path": "/{number}?q=1"'.encode() in await stream.body()
        posted = await client.request("POST", "/up", body=bytes(3 * MIB))
        assert f'"size": {3 * MIB}'.encode() in await posted.body()
        assert await served.counted("exchanges_total") == STREAMS + 1
        assert await served.counted("connections_total") == 1
    await served.program.stop()


async def test_curl_exchanges(serve, http_endpoint, tmp_path):
    async def answer(request):
        if request.path == "/down":
            return web.Response(body=bytes(8 * MIB))
        if request.path == "/status":
            return web.Response(status=418, text="tea", headers={"X-Odd": "yes"})
        return web.Response(text=str(await size_of_body(request)))

    served = await serve(await http_endpoint(web.route("*", "/{tail:.*}", answer)))
    secure = served.certificate is not None
    how = ["--http2", "--cacert", served.certificate.chain] if secure else ["--http2-prior-knowledge"]
    url = await served.program.url("https" if secure else "http")
    got = await curl(*how, f"{url}status")
    assert (got.version, got.status, got.headers["x-odd"], got.text) == ("HTTP/2", 418, "yes", "tea")
    down = await curl(*how, f"{url}down")
    assert (down.version, len(down.output)) == ("HTTP/2", 8 * MIB)
    body = tmp_path / "body"
    body.write_bytes(bytes(8 * MIB))
    assert (await curl(*how, "--data-binary", f"@{body}", f"{url}up")).text == str(8 * MIB)
    head = await curl(*how, "--head", f"{url}status")
    assert (head.status, head.output.decode().count("HTTP/2")) == (418, 1)
    await served.program.stop()


async def test_http2_that_is_turned_off_is_not_agreed_on(windlass, certificate, http_endpoint):
    async def answer(_request):
        return web.Response(text="here")

    program = await windlass(
        config([await http_endpoint(web.get("/", answer))], tls=certificate, listener="http2 = false")
    )
    got = await curl("--http2", "--cacert", certificate.chain, await program.url("https"))
    assert (got.version, got.text) == ("HTTP/1.1", "here")
    await program.stop()


@pytest.mark.parametrize("secure", [True, False])
async def test_grpc_goes_through_from_end_to_end(windlass, certificate, secure):
    endpoint = GrpcEndpoint()
    tls, listener = (certificate, "") if secure else (None, "h2c = true")
    program = await windlass(config([endpoint.port], tls=tls, listener=listener, upstream='protocol = "h2"'))
    _, port = await program.address()
    await asyncio.to_thread(_call_everything, port, certificate if secure else None)
    await asyncio.to_thread(endpoint.stop().wait, 10)
    await program.stop()


def _call_everything(port, certificate):
    """Each shape of a call, with a deadline, errors in trailers, and many at once, over one channel."""
    address = f"localhost:{port}"
    channel = (
        grpc.secure_channel(address, grpc.ssl_channel_credentials(certificate.chain.read_bytes()))
        if certificate
        else grpc.insecure_channel(address)
    )
    with channel:
        unary = channel.unary_unary("/test.Calls/Unary")
        answer, call = unary.with_call(b"one", timeout=20, metadata=[("x-binary-bin", b"\x00\xff")])
        assert (answer, call.trailing_metadata()[0]) == (b"one", ("x-unannounced", "1"))
        assert unary(bytes(3 * MIB), timeout=20) == bytes(3 * MIB)
        with pytest.raises(grpc.RpcError) as failed:
            channel.unary_unary("/test.Calls/Fails")(b"", timeout=20)
        assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.NOT_FOUND, "no such thing: ä")
        turns = channel.unary_stream("/test.Calls/ServerStreaming")(b"turn ", timeout=20)
        assert list(turns) == [b"turn %d" % turn for turn in range(5)]
        assert channel.stream_unary("/test.Calls/ClientStreaming")(iter([b"a", b"b", b"c"]), timeout=20) == b"abc"
        both = channel.stream_stream("/test.Calls/BothStreaming")(iter([b"a", b"b", b"c"]), timeout=20)
        assert list(both) == [b"a", b"b", b"c"]
        calls = [channel.unary_unary("/test.Calls/Slow").future(b"%d" % number, timeout=20) for number in range(50)]
        assert [call.result() for call in calls] == [b"%d" % number for number in range(50)]
        with pytest.raises(grpc.RpcError) as late:
            channel.unary_unary("/test.Calls/Slow")(b"", timeout=0.05)
        assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
