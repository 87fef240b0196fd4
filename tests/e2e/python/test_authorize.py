"""Another server says who may enter: one shaped as oauth2-proxy, one as Authelia, and what becomes of open tunnels.

Neither of the two is in Debian; what is played here is what their documentation promises: paths, statuses and headers.
"""

import asyncio
import socket
import sys
import time
import urllib.parse

import pytest
from aiohttp import web
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from conftest import measured
from curl import curl
from harness import REPOSITORY, config, within

pytestmark = pytest.mark.asyncio


class Oauth2Proxy:
    """`/oauth2/auth`: 202 with who it is, or 401; an old session is refreshed by a cookie with the answer."""

    def __init__(self):
        self.sessions = {"fresh": "ann", "old": "ann"}
        self.asked = []
        # Sessions that were asked about since somebody has cleared this; told of each.
        self.seen = set()
        self.told = asyncio.Condition()

    def routes(self):
        return [web.get("/oauth2/auth", self.auth), web.get("/oauth2/sign_in", self.sign_in)]

    async def auth(self, request):
        self.asked.append((time.monotonic(), {name.lower(): value for name, value in request.headers.items()}))
        session = request.cookies.get("_oauth2_proxy")
        async with self.told:
            self.seen.add(session)
            self.told.notify_all()
        user = self.sessions.get(session)
        if user is None:
            return web.Response(status=401, text="Unauthorized\n")
        headers = {"X-Auth-Request-User": user, "X-Auth-Request-Email": f"{user}@example.com"}
        answer = web.Response(status=202, headers=headers)
        if session == "old":
            answer.set_cookie("_oauth2_proxy", "fresh", httponly=True)
        return answer

    async def sign_in(self, request):
        return web.Response(text="sign in")


class Authelia:
    """`/api/authz/forward-auth`: 200 with Remote-*, a redirect to the portal for pages, 401 for scripts, 403 for what nobody may."""

    def __init__(self):
        self.asked = []

    def routes(self):
        return [web.route("*", "/api/authz/forward-auth", self.auth)]

    async def auth(self, request):
        headers = request.headers
        self.asked.append(dict(headers))
        # It refuses what does not say these.
        target = "{X-Forwarded-Proto}://{X-Forwarded-Host}{X-Forwarded-Uri}".format(**headers)
        method = headers["X-Forwarded-Method"]
        if request.cookies.get("authelia_session") != "ann":
            if "text/html" not in headers.get("Accept", ""):
                return web.Response(status=401, text="401 Unauthorized")
            query = urllib.parse.urlencode({"rd": target, "rm": method})
            return web.Response(status=302, headers={"Location": f"https://auth.example.com/?{query}"})
        if headers["X-Forwarded-Uri"].startswith("/admin"):
            return web.Response(status=403, text="403 Forbidden")
        return web.Response(headers={"Remote-User": "ann", "Remote-Groups": "staff,dev", "Remote-Email": "ann@example.com"})


async def say_who(websocket):
    """Says which headers it was opened with, then echoes."""
    headers = {name.lower(): value for name, value in websocket.request.headers.raw_items()}
    await websocket.send(",".join(f"{name}={value}" for name, value in headers.items() if name.startswith(("x-auth", "remote"))))
    async for message in websocket:
        await websocket.send(message)


def authorize(port, path, keys=""):
    return f'[route.main.authorize]\nurl = "http://127.0.0.1:{port}{path}"\n{keys}\n'


async def closed(websocket):
    """The code and the reason with which it is closed."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await within(websocket.recv(), "a Close")
    return closed.value.rcvd.code, closed.value.rcvd.reason


async def test_as_oauth2_proxy_wants_it(windlass, websocket_endpoint, http_endpoint):
    server = Oauth2Proxy()
    auth = authorize(await http_endpoint(*server.routes()), "/oauth2/auth", 'take = ["x-auth-request-*"]')
    program = await windlass(config([await websocket_endpoint(say_who)], extra=auth))
    url = await program.url("ws", "/chat")

    with pytest.raises(InvalidStatus) as refused:
        await connect(url)
    assert refused.value.response.status_code == 401

    forged = {"Cookie": "_oauth2_proxy=old", "X-Auth-Request-User": "root", "X-Auth-Request-Groups": "admin"}
    async with connect(url, additional_headers=forged) as websocket:
        assert websocket.response.headers["Set-Cookie"].startswith("_oauth2_proxy=fresh;")
        assert await websocket.recv() == "x-auth-request-user=ann,x-auth-request-email=ann@example.com"
        await websocket.send("hello")
        assert await websocket.recv() == "hello"
    _, asked = server.asked[-1]
    host = url.removeprefix("ws://").removesuffix("/chat")
    assert asked["x-forwarded-uri"] == "/chat" and asked["x-original-url"] == f"http://{host}/chat"


async def test_as_authelia_wants_it(windlass, http_endpoint):
    server = Authelia()
    keys = 'send = ["cookie", "authorization", "accept", "x-requested-with"]\ntake = ["remote-*"]'
    auth = authorize(await http_endpoint(*server.routes()), "/api/authz/forward-auth", keys)

    async def page(request):
        return web.json_response({name.lower(): value for name, value in request.headers.items()})

    program = await windlass(config([await http_endpoint(web.route("*", "/{tail:.*}", page))], extra=auth))
    url = await program.url("http", "/wiki?page=1")
    here = url.removeprefix("http://").partition("/")[0]

    got = await curl("-H", "Accept: text/html", url)
    where = urllib.parse.urlsplit(got.headers["location"])
    assert (got.status, where.netloc) == (302, "auth.example.com")
    assert urllib.parse.parse_qs(where.query) == {"rd": [f"http://{here}/wiki?page=1"], "rm": ["GET"]}
    assert (await curl("-H", "Accept: application/json", url)).status == 401
    got = await curl("-b", "authelia_session=ann", "-X", "POST", "-d", "body", "-H", "Remote-User: root", url)
    headers = got.json()
    assert (headers["remote-user"], headers["remote-groups"]) == ("ann", "staff,dev")
    assert server.asked[-1]["X-Forwarded-Method"] == "POST" and "Content-Length" not in server.asked[-1]
    got = await curl("-b", "authelia_session=ann", await program.url("http", "/admin"))
    assert (got.status, got.text) == (403, "403 Forbidden")


async def test_over_http2_too(windlass, http_endpoint, certificate):
    server = Oauth2Proxy()
    auth = authorize(await http_endpoint(*server.routes()), "/oauth2/auth", 'take = ["x-auth-request-user"]')

    async def page(request):
        return web.Response(text=request.headers.get("X-Auth-Request-User", "nobody"))

    port = await http_endpoint(web.get("/", page))
    program = await windlass(config([port], tls=certificate, extra=auth))
    ask = ["--http2", "--cacert", certificate.chain, await program.url("https")]
    got = await curl(*ask)
    assert (got.status, got.text) == (401, "Unauthorized\n")
    got = await curl("-b", "_oauth2_proxy=old", *ask)
    assert (got.status, got.text, got.headers["set-cookie"].partition(";")[0]) == (200, "ann", "_oauth2_proxy=fresh")


async def test_a_logout_closes_open_tunnels(windlass, websocket_endpoint, http_endpoint):
    server = Oauth2Proxy()
    server.sessions["other"] = "bob"
    keys = 'recheck_every = "1s"\nclose_code = 4401'
    auth = authorize(await http_endpoint(*server.routes()), "/oauth2/auth", keys)
    program = await windlass(config([await websocket_endpoint(say_who)], extra=auth))
    url = await program.url("ws")

    def session(name):
        return connect(url, additional_headers={"Cookie": f"_oauth2_proxy={name}"})

    async with session("fresh") as first, session("fresh") as second, session("other") as other:
        del server.sessions["fresh"]
        assert await closed(first) == (4401, "no longer permitted")
        assert await closed(second) == (4401, "no longer permitted")
        await other.recv()
        await other.send("still here")
        assert await within(other.recv(), "an echo") == "still here"
    line = await program.logged("the end of a tunnel", lambda line: line.get("message") == "tunnel ended" and line.get("code") == 4401)
    assert line["why"] == "recheck_refused" and line["ended_by"] == "windlass"


async def test_after_a_handoff_the_old_process_goes_on_asking_about_its_tunnels(windlass, websocket_endpoint, http_endpoint):
    server = Oauth2Proxy()
    server.sessions["other"] = "bob"
    auth = authorize(await http_endpoint(*server.routes()), "/oauth2/auth", 'recheck_every = "1s"')
    slow = '[drain.handoff]\nspread = "2h"\ndeadline = "3h"\n'
    program = await windlass(config([await websocket_endpoint(say_who)], extra=auth + slow))
    url = await program.url("ws")

    def session(name):
        return connect(url, additional_headers={"Cookie": f"_oauth2_proxy={name}"})

    async with session("fresh") as before, session("other") as other, program.handed_over():
        async with session("fresh") as after:
            del server.sessions["fresh"]
            assert await closed(before) == (4403, "no longer permitted")
            assert await closed(after) == (4403, "no longer permitted")
        await other.recv()
        await other.send("still here")
        assert await within(other.recv(), "an echo") == "still here"


async def test_a_dead_server_keeps_tunnels_for_the_grace_and_nobody_comes_in(windlass, websocket_endpoint, http_endpoint):
    alive = True

    async def auth(request):
        return web.Response(status=200 if alive else 500)

    keys = 'recheck_every = "1s"\nrecheck_grace = "4s"'
    extra = authorize(await http_endpoint(web.get("/", auth)), "/", keys)
    program = await windlass(config([await websocket_endpoint(say_who)], extra=extra))
    url = await program.url("ws")
    async with connect(url) as websocket:
        alive = False
        begun = time.monotonic()
        with pytest.raises(InvalidStatus) as refused:
            await connect(url)
        assert refused.value.response.status_code == 503
        assert await closed(websocket) == (4403, "no longer confirmed")
        assert time.monotonic() - begun > 2.5
    await program.logged("that it does not answer", lambda line: "does not answer; they stay" in line.get("message", ""))


@pytest.mark.timeout(240)
async def test_5000_tunnels_are_asked_about_within_the_budget(windlass, websocket_endpoint, http_endpoint):
    """Each has a credential of its own; a budget of 200 a second is what the server sees, in each second."""
    tunnels, per_second = 5000, 200
    server = Oauth2Proxy()
    server.sessions = {str(number): "ann" for number in range(tunnels)}
    keys = f'recheck_every = "10s"\nrecheck_per_second = {per_second}\nrecheck_grace = "5min"\ntimeout = "20s"'
    auth = authorize(await http_endpoint(*server.routes()), "/oauth2/auth", keys)

    async def hold(websocket):
        await websocket.wait_closed()

    program = await windlass(config([await websocket_endpoint(hold, ping_interval=None)], extra=auth))
    host, port = await program.address()
    request = (
        "GET / HTTP/1.1\r\nHost: chat.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: _oauth2_proxy={}\r\n\r\n"
    )
    at_once = asyncio.Semaphore(50)

    async def open_one(number):
        async with at_once:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(request.format(number).encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 101 " in head.splitlines()[0], head
            return reader, writer

    before = program.memory("VmRSS")
    opened = await asyncio.gather(*(open_one(number) for number in range(tunnels)))
    memory = (program.memory("VmRSS") - before) / tunnels
    begun, first = time.monotonic(), len(server.asked)
    server.seen.clear()
    async with server.told:
        await asyncio.wait_for(server.told.wait_for(lambda: len(server.seen) == tunnels), 120)
    took = time.monotonic() - begun
    times = [at - begun for at, _ in server.asked[first:]]
    in_seconds = [sum(second <= at < second + 1 for at in times) for second in range(int(took))]
    measured(
        f"{tunnels} tunnels asked about within {took:.1f} s, {max(in_seconds)} questions a second at the most, "
        f"{memory / 1024:.1f} KiB for each tunnel"
    )
    # What comes late, because this server stood still for a moment, comes with what is in time: at no moment were there more than were due.
    assert all(asked <= per_second * (at + 2) for asked, at in enumerate(times))
    assert len(times) / took <= per_second * 1.1
    for number in range(0, tunnels, 500):
        reader, _ = opened[number]
        assert not reader.at_eof(), "it is open still"
    for _, writer in opened:
        writer.close()


async def test_the_small_server_of_the_documentation(windlass, websocket_endpoint, tmp_path):
    page = (REPOSITORY / "docs/access.md").read_text()
    script = tmp_path / "auth.py"
    section = page.partition("### A small server of one's own\n")[2]
    script.write_text(section.partition("```python\n")[2].partition("```")[0])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = await asyncio.create_subprocess_exec(sys.executable, script, str(port), stderr=asyncio.subprocess.DEVNULL)
    try:
        keys = 'take = ["x-user"]\nexpires_header = "x-auth-expires"\nrecheck_every = "1min"'
        extra = authorize(port, "/auth", keys)

        async def say_user(websocket):
            await websocket.send(websocket.request.headers.get("X-User", "nobody"))

        program = await windlass(config([await websocket_endpoint(say_user)], extra=extra))
        url = await program.url("http")

        async def serves():
            while (await curl(url)).status != 401:
                pass

        await within(serves(), "an answer of the server")
        headers = {"Cookie": "session=s3cret", "X-User": "root"}
        async with connect(await program.url("ws"), additional_headers=headers) as websocket:
            assert await websocket.recv() == "ann"
    finally:
        server.terminate()
        await server.wait()
