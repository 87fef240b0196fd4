"""curl as the client of plain exchanges: REST, Server-Sent Events, TLS versions, and what must be refused."""

import asyncio

import pytest
from aiohttp import web

from curl import curl, start_curl
from harness import config, within

pytestmark = pytest.mark.asyncio


async def describe(request):
    """Answers with what arrived."""
    body = await request.text()
    headers = {name.lower(): value for name, value in request.headers.items()}
    return web.json_response({"method": request.method, "path": request.path_qs, "body": body, "headers": headers})


async def test_rest(windlass, http_endpoint):
    program = await windlass(config([await http_endpoint(web.route("*", "/{tail:.*}", describe))]))
    url = await program.url("http", "/items/7?full=1")

    for method in ["GET", "DELETE", "OPTIONS", "PATCH"]:
        answer = (await curl("-X", method, url)).json()
        assert (answer["method"], answer["path"], answer["body"]) == (method, "/items/7?full=1", "")
    for method in ["POST", "PUT"]:
        answer = (await curl("-X", method, "-H", "Content-Type: text/plain", "-d", "a body", url)).json()
        assert (answer["method"], answer["body"], answer["headers"]["content-type"]) == (method, "a body", "text/plain")

    head = await curl("--head", url)
    assert head.status == 200
    assert int(head.headers["content-length"]) > 0


async def test_passes_every_status_and_body_on(windlass, http_endpoint):
    async def answer(request):
        status = int(request.match_info["status"])
        return web.Response(status=status, text="" if status in (204, 304) else f"this is {status}", headers={"X-From": "app"})

    program = await windlass(config([await http_endpoint(web.get("/{status}", answer))]))
    for status in [200, 204, 302, 304, 404, 418, 500, 503]:
        got = await curl(await program.url("http", f"/{status}"))
        assert (got.status, got.headers["x-from"]) == (status, "app")
        assert got.text == ("" if status in (204, 304) else f"this is {status}")


async def test_writes_the_forwarding_headers_and_keeps_the_host(windlass, http_endpoint, certificate):
    port = await http_endpoint(web.get("/", describe))
    for scheme, tls in [("http", None), ("https", certificate)]:
        program = await windlass(config([port], tls=tls))
        forged = ["-H", "X-Forwarded-For: 203.0.113.9", "-H", "Host: chat.example.com"]
        got = await curl("--cacert", certificate.chain, *forged, await program.url(scheme))
        headers = got.json()["headers"]
        assert headers["host"] == "chat.example.com"
        assert headers["x-forwarded-for"].split(",")[-1].strip() == "127.0.0.1"
        assert headers["x-forwarded-proto"] == scheme
        assert headers["x-forwarded-host"] == "chat.example.com"


async def test_keeps_connections_alive_on_both_legs(windlass, http_endpoint):
    async def who(request):
        return web.Response(text="{}:{}".format(*request.transport.get_extra_info("peername")))

    program = await windlass(config([await http_endpoint(web.get("/", who))]))
    url = await program.url("http")
    got = await curl("-w", " %{num_connects}\n", url, url, url)
    lines = [line.split() for line in got.output.decode().splitlines()]
    assert [connects for _, connects in lines] == ["1", "0", "0"], "the client's connection is used again"
    assert len({peer for peer, _ in lines}) == 1, "and the endpoint's too"


async def test_server_sent_events_arrive_one_by_one(windlass, http_endpoint, certificate):
    """The endpoint sends an event only after curl has printed the one before it: nothing may be held back."""
    next_event = asyncio.Semaphore(1)

    async def events(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        for number in range(5):
            await within(next_event.acquire(), "the client's receipt")
            await response.write(f"data: {number}\n\n".encode())
        return response

    port = await http_endpoint(web.get("/events", events))
    for scheme, tls in [("http", None), ("https", certificate)]:
        program = await windlass(config([port], tls=tls))
        url = await program.url(scheme, "/events")
        async with start_curl("-N", "--cacert", certificate.chain, url) as process:
            for number in range(5):
                assert await within(process.stdout.readline(), f"event {number}") == f"data: {number}\n".encode()
                assert await within(process.stdout.readline(), "empty line") == b"\n"
                next_event.release()
            assert await within(process.wait(), "end of curl") == 0


async def test_long_poll_is_answered_late(windlass, http_endpoint):
    polled, answer = asyncio.Event(), asyncio.Event()

    async def poll(_request):
        polled.set()
        await within(answer.wait(), "permission to answer")
        return web.Response(text="late")

    program = await windlass(config([await http_endpoint(web.get("/", poll))]))
    async with start_curl(await program.url("http")) as process:
        await within(polled.wait(), "poll at the endpoint")
        assert process.returncode is None
        answer.set()
        assert await within(process.stdout.read(), "late answer") == b"late"


async def test_an_offer_of_h2c_is_ignored(windlass, http_endpoint):
    program = await windlass(config([await http_endpoint(web.get("/", describe))]))
    got = await curl("--http2", await program.url("http"))
    assert (got.version, got.status) == ("HTTP/1.1", 200)
    headers = got.json()["headers"]
    assert "upgrade" not in headers and "http2-settings" not in headers


async def test_connect_is_refused(windlass, http_endpoint):
    port = await http_endpoint(web.get("/", describe))
    program = await windlass(config([port]))
    through = ["--proxytunnel", "--noproxy", "", "--proxy", await program.url("http")]
    got = await curl(*through, f"http://127.0.0.1:{port}/", may_fail=True)
    assert got.exit_code == 56, got.errors
    assert 400 <= got.status < 500


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_speaks_tls(windlass, http_endpoint, certificate, version, protocol):
    program = await windlass(config([await http_endpoint(web.get("/", describe))], tls=certificate))
    only = ["--tlsv" + version, "--tls-max", version, "--http1.1" if protocol == "http/1.1" else "--http2"]
    got = await curl("-v", *only, "--cacert", certificate.chain, await program.url("https"))
    assert got.status == 200
    assert f"SSL connection using TLSv{version} " in got.errors
    assert f"ALPN: server accepted {protocol}" in got.errors


async def test_listens_on_ipv6(windlass, http_endpoint, certificate):
    port = await http_endpoint(web.get("/", describe))
    program = await windlass(config([port], bind="[::1]:0", tls=certificate))
    got = await curl("--cacert", certificate.chain, await program.url("https"))
    assert got.status == 200
    assert got.json()["headers"]["x-forwarded-for"] == "::1"


async def test_one_program_has_several_listeners(windlass, http_endpoint, certificate):
    port = await http_endpoint(web.get("/", describe))
    second = f'[listener.secure]\nbind = "127.0.0.1:0"\ntls = {{ chain = "{certificate.chain}", key = "{certificate.key}" }}'
    program = await windlass(config([port], extra=second))
    assert (await curl(await program.url("http"))).status == 200
    secure = await program.url("https", listener="secure")
    assert (await curl("--cacert", certificate.chain, secure)).status == 200


async def test_says_502_and_404_itself(windlass, raw_endpoint):
    async def nonsense(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"this is not HTTP\r\n\r\n")
        await writer.drain()

    program = await windlass(config([await raw_endpoint(nonsense)], path="/app"))
    assert (await curl(await program.url("http", "/app"))).status == 502
    assert (await curl(await program.url("http", "/elsewhere"))).status == 404
