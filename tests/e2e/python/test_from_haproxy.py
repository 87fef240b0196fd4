"""docs/from-haproxy.md: its configurations run side by side, HAProxy's and ours, and the same requests come to the same."""

import asyncio
import contextlib
import re

import pytest
import pytest_asyncio

from ports import free_port
from side_by_side import UPGRADE, beside, endpoints, example, get

pytestmark = pytest.mark.asyncio
PAGE = "from-haproxy.md"
ENDPOINTS = {"10.0.0.11:8080": "chat-a", "10.0.0.12:8080": "chat-b", "10.0.0.21:8080": "api", "10.0.0.31:8080": "pages"}


@contextlib.asynccontextmanager
async def haproxy(directory, config):
    """HAProxy with this configuration, until the end."""
    file = directory / "haproxy.cfg"
    file.write_text(config)
    process = await asyncio.create_subprocess_exec("haproxy", "-db", "-f", file)
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


@pytest_asyncio.fixture
async def site(windlass, certificate, tmp_path):
    """`await site(number, listeners)`: both configurations of that number run."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(number, listeners):
            theirs, ours = example(PAGE, number, "haproxy"), example(PAGE, number, "toml")
            # By the hash of an address each proxy chooses its own; by turns, and where a cookie leads, it matters which.
            names = ENDPOINTS if number else dict.fromkeys(ENDPOINTS, "chat")
            theirs, ours = await endpoints(stack, names, theirs, ours)
            ports = {listener: free_port() for listener in listeners}
            for listener, port in ports.items():
                theirs = re.sub(rf"bind :{listeners[listener]}\b", f"bind 127.0.0.1:{port}", theirs)
            both = tmp_path / "both.pem"
            both.write_text(certificate.chain.read_text() + certificate.key.read_text())
            await stack.enter_async_context(haproxy(tmp_path, theirs.replace("site.pem", str(both))))
            return await beside(ports, listeners, windlass, certificate, ours)

        yield start


async def test_tls_everybody_to_https_and_upgrades(site):
    pair = await site(0, {"plain": 80, "secure": 443})
    for target in ["/", "/a", "/a?b=c", "/a/b/?c=d&e=%20f", "/%7Euser/%2F", "//a//b", "/socket.io/?EIO=4"]:
        for method in ["GET", "HEAD"]:
            await pair.is_same("plain", get(target, method=method), of_endpoint=False)
        await pair.is_same("secure", get(target))
    for status in [201, 204, 302, 304, 401, 403, 410, 500, 503]:
        await pair.is_same("secure", get(f"/{status}"))
    for method in ["HEAD", "OPTIONS", "DELETE", "PROPFIND"]:
        await pair.is_same("secure", get("/a", method=method))
    for method in ["POST", "PUT", "PATCH"]:
        await pair.is_same("secure", get("/a", "Content-Length: 1024", method=method) + "x" * 1024)
    await pair.is_same("secure", get("/a", "X-Own: 1", "Cookie: a=b; c=d", "X-Forwarded-For: 192.0.2.1"))
    await pair.is_same("secure", get("/a", "X-Served-By: forged", "X-Forwarded-Proto: http"))
    for target in ["/ws", "/ws?token=a", "/a/b"]:
        answered = await pair.is_same("secure", get(target, UPGRADE.rstrip()))
        assert answered.headers["x-echo"] == target and answered.body == b"\x88\x02\x03\xe8"


async def test_paths_a_cookie_and_an_answer_of_its_own(site):
    pair = await site(1, {"public": 8080})
    for target, name, read in [
        ("/", "pages", "/"),
        ("/a/b?c=/api/d", "pages", "/a/b?c=/api/d"),
        ("/apix", "pages", "/apix"),
        ("/api/", "api", "/"),
        ("/api/users/7?a=b&c", "api", "/users/7?a=b&c"),
        ("/api/api/x", "api", "/api/x"),
                ("/socket.iox", "pages", "/socket.iox"),
    ]:
        answered = await pair.is_same("public", get(target))
        assert answered.body.startswith(f"{name}: GET {read}\n".encode()), (target, answered)
    for method in ["GET", "HEAD"]:
        await pair.is_same("public", get("/robots.txt", method=method))
    for target in ["/a", "/robots.txt", "/socket.io/"]:
        await pair.is_same("public", get(target, host="other.test"))
    answered = await pair.is_same("public", get("/socket.io/?EIO=4&transport=websocket", UPGRADE.rstrip()))
    assert answered.headers["x-echo"] == "/socket.io/?EIO=4&transport=websocket"


async def test_a_client_stays_where_its_cookie_says(site):
    pair = await site(1, {"public": 8080})
    for ports in [pair.theirs, pair.ours]:
        pins = {}
        # By turns, so both have somebody soon.
        while len(pins) < 2:
            first = await pair.ask(ports, "public", get("/socket.io/?EIO=4").encode())
            pins[first.body.split(b":")[0]] = re.search(r"srv_id=([^;]*)", first.headers["set-cookie"])[0]
        for endpoint, pin in [*pins.items()] * 3:
            again = await pair.ask(ports, "public", get("/socket.io/?EIO=4", f"Cookie: {pin}; own=1").encode())
            assert again.body.startswith(endpoint + b":") and b"own=1\n" in again.body, again
            assert "srv_id=" not in again.headers["set-cookie"], again
