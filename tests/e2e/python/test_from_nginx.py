"""docs/from-nginx.md: its configurations run side by side, nginx's and ours, and the same requests come to the same."""

import asyncio
import base64
import contextlib
import hashlib
import re
import socket
from dataclasses import dataclass

import pytest
import pytest_asyncio

from harness import REPOSITORY, within

pytestmark = pytest.mark.asyncio

KEY = base64.b64encode(bytes(16)).decode()
ACCEPT = base64.b64encode(hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
UPGRADE = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"
# What an endpoint is asked: the rest differs by design (X-Forwarded-Host and -Port are ours alone).
TOLD = ["host", "x-forwarded-for", "x-forwarded-proto", "x-served-by", "x-own", "x-user", "cookie", "upgrade", "content-length"]
# What a client is answered: the rest is a date, a name of the server, or about the connection.
ANSWERED = ["location", "content-type", "content-length", "set-cookie", "x-echo", "strict-transport-security", "upgrade"]
ANSWERED += ["sec-websocket-accept", "sec-websocket-protocol", "retry-after", "etag", "vary", "www-authenticate"]
# What of that an answer of the proxy's own has in its own way: HTML or text, and what is added to endpoints' answers.
OF_ENDPOINTS = ["content-type", "content-length", "strict-transport-security", "vary"]


@dataclass
class Message:
    """A head and the body that it announces."""

    first: str
    headers: dict
    body: bytes

    @classmethod
    async def read(cls, reader, *, bodiless=False):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            name = name.lower()
            headers[name] = headers[name] + ", " + value.strip() if name in headers else value.strip()
        body = b""
        if bodiless or " 101 " in first or " 204 " in first or " 304 " in first:
            pass
        elif "chunked" in headers.get("transfer-encoding", ""):
            while size := int((await reader.readline()).split(b";")[0], 16):
                body += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        return cls(first, headers, body)


async def answer(name, reader, writer):
    """An endpoint that says what it was asked."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            asked = await Message.read(reader)
            method, target, _ = asked.first.split(" ")
            if asked.headers.get("upgrade") == "websocket":
                writer.write(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    f"Sec-WebSocket-Accept: {ACCEPT}\r\nX-Echo: {target}\r\n\r\n".encode()
                )
                # A Close, and the end.
                writer.write(b"\x88\x02\x03\xe8")
                await reader.read()
                break
            told = "".join(f"{field}: {asked.headers.get(field)}\n" for field in TOLD)
            body = f"{name}: {method} {target}\n{told}{len(asked.body)} {hashlib.sha256(asked.body).hexdigest()}\n"
            status = re.match(r"/(\d\d\d)$", target)
            status = int(status[1]) if status else 200
            head = f'HTTP/1.1 {status} It Is\r\nContent-Type: text/plain\r\nX-Echo: {target}\r\nETag: "e"\r\n'
            if status == 302:
                head += "Location: https://example.com/elsewhere?a=b\r\n"
            head += "Set-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\n"
            if status in (204, 304):
                body = ""
            else:
                head += f"Content-Length: {len(body)}\r\n"
            writer.write((head + "\r\n" + ("" if method == "HEAD" else body)).encode())
            await writer.drain()
    writer.close()


async def authorize(reader, writer):
    """A server that says who may enter: Ann; Bob is known, and may not."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        asked = await Message.read(reader)
        cookies = asked.headers.get("cookie", "")
        if "session=ann" in cookies:
            head = "204 No Content\r\nX-User: ann\r\nSet-Cookie: session=fresh; Path=/\r\n"
        elif "session=bob" in cookies:
            head = "403 Forbidden\r\nContent-Length: 0\r\n"
        else:
            head = '401 Unauthorized\r\nWWW-Authenticate: Bearer realm="chat"\r\nContent-Length: 0\r\n'
        writer.write(f"HTTP/1.1 {head}Connection: close\r\n\r\n".encode())
        await writer.drain()
    writer.close()


def without_pin(cookies):
    """What is set, but for the cookie that keeps a client at its endpoint: Debian's nginx has no `sticky`."""
    return cookies and re.sub(r"(^|, )srv_id=[^,]*", "", cookies)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def example(number, language):
    """The block of a language under the heading of that number; the first of all is about the import."""
    page = (REPOSITORY / "docs/from-nginx.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)[number + 1]


@contextlib.asynccontextmanager
async def nginx(directory, config):
    """nginx with this configuration, until the end."""
    (directory / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {directory}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n"
        + "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
        + config
        + "}\n"
    )
    process = await asyncio.create_subprocess_exec("nginx", "-p", directory, "-e", "stderr", "-c", directory / "nginx.conf")
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


async def listens(port):
    while True:
        with contextlib.suppress(ConnectionError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.02)


class Site:
    """One configuration as nginx runs it, and as we do."""

    def __init__(self, theirs, ours, trusted):
        self.theirs, self.ours, self.trusted = theirs, ours, trusted

    async def ask(self, ports, listener, request):
        context = self.trusted if listener == "secure" else None
        opened = asyncio.open_connection("127.0.0.1", ports[listener], ssl=context, server_hostname="localhost" if context else None)
        reader, writer = await within(opened, "a connection")
        writer.write(request)
        got = await within(Message.read(reader, bodiless=request.startswith(b"HEAD")), f"an answer to {request!r}")
        if " 101 " in got.first:
            got.body = await within(reader.readexactly(4), "a Close")
        writer.close()
        return got

    async def is_same(self, listener, request, *, of_endpoint=True, but=()):
        """Both give the same answer, but for these headers; where it is no endpoint's, its text is each one's own."""
        if isinstance(request, str):
            request = request.encode()
        theirs = await self.ask(self.theirs, listener, request)
        ours = await self.ask(self.ours, listener, request)
        assert theirs.first.split()[1] == ours.first.split()[1], (request, theirs, ours)
        for name in ANSWERED:
            if name not in but and (of_endpoint or name not in OF_ENDPOINTS):
                said = [got.headers.get(name) for got in [theirs, ours]]
                if name == "set-cookie":
                    said[1] = without_pin(said[1])
                assert said[0] == said[1], (request, name, theirs, ours)
        if of_endpoint:
            assert theirs.body == ours.body, (request, theirs, ours)
        return ours


@pytest_asyncio.fixture
async def site(windlass, certificate, tmp_path):
    """`await site(number, listeners)`: both configurations of that number run."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(number, listeners):
            names = {"10.0.0.11:8080": "chat", "10.0.0.12:8080": "chat", "10.0.0.21:8080": "api", "10.0.0.31:8080": "pages"}
            names |= {"127.0.0.1:3001": "chat", "127.0.0.1:3002": "chat", "127.0.0.1:9000": "auth"}
            addresses = {}
            for address, name in names.items():

                async def serve(reader, writer, name=name):
                    await (authorize(reader, writer) if name == "auth" else answer(name, reader, writer))

                server = await stack.enter_async_context(await asyncio.start_server(serve, "127.0.0.1", 0))
                addresses[address] = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ports = {listener: free_port() for listener in listeners}
            theirs, ours = example(number, "nginx"), example(number, "toml")
            for address, real in addresses.items():
                theirs, ours = theirs.replace(address, real), ours.replace(address, real)
            for listener, port in ports.items():
                theirs = theirs.replace(f"listen {listeners[listener]}", f"listen 127.0.0.1:{port}")
                ours = ours.replace(f"0.0.0.0:{listeners[listener]}", "127.0.0.1:0")
            theirs = re.sub(r"\n *sticky cookie [^;]*;", "", theirs)
            theirs = theirs.replace("site.pem", str(certificate.chain)).replace("site.key", str(certificate.key))
            ours = ours.replace("site.pem", str(certificate.chain)).replace("site.key", str(certificate.key))
            await stack.enter_async_context(nginx(tmp_path, theirs))
            for port in ports.values():
                await within(listens(port), "nginx")
            program = await windlass(ours)
            own = {listener: (await program.address(listener))[1] for listener in listeners}
            trusted = certificate.trusted()
            trusted.set_alpn_protocols(["http/1.1"])
            return Site(ports, own, trusted)

        yield start


def get(target, *lines, method="GET", host="example.com"):
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n"


async def test_tls_everybody_to_https_and_upgrades(site):
    pair = await site(0, {"plain": 80, "secure": 443})
    for target in ["/", "/a", "/a?b=c", "/a/b/?c=d&e=%20f", "/%7Euser/%2F", "//a//b", "/a?b?c", "/socket.io/?EIO=4"]:
        for method in ["GET", "HEAD"]:
            await pair.is_same("plain", get(target, method=method), of_endpoint=False)
    await pair.is_same("plain", get("/ws", UPGRADE.rstrip()), of_endpoint=False)
    await pair.is_same("plain", get("/", "Content-Length: 3", method="POST") + "abc", of_endpoint=False)
    for target in ["/", "/a?b=c", "/a/b/?c=d&e=%20f", "/%7Euser/%2F", "//a//b", "/a;b=c/d", "/a?b=c?d", "/200", "/404"]:
        await pair.is_same("secure", get(target))
    for status in [201, 204, 302, 304, 401, 403, 410, 500, 503]:
        await pair.is_same("secure", get(f"/{status}"))
    for method in ["HEAD", "OPTIONS", "DELETE", "PROPFIND"]:
        await pair.is_same("secure", get("/a", method=method))
    for method in ["POST", "PUT", "PATCH"]:
        await pair.is_same("secure", get("/a", "Content-Length: 1024", method=method) + "x" * 1024)
    await pair.is_same("secure", get("/a", "Content-Length: 0", method="POST"))
    await pair.is_same("secure", get("/a", "Content-Length: 1025", method="POST") + "x" * 1025, of_endpoint=False)
    await pair.is_same("secure", get("/a", "X-Own: 1", "Cookie: a=b; c=d", "X-Forwarded-For: 192.0.2.1"))
    await pair.is_same("secure", get("/a", "X-Served-By: forged"))
    for target in ["/ws", "/ws?token=a", "/a/b"]:
        answered = await pair.is_same("secure", get(target, UPGRADE.rstrip()))
        assert answered.headers["x-echo"] == target and answered.body == b"\x88\x02\x03\xe8"


async def test_ip_hash_socket_io_and_a_prefix_that_is_taken_off(site):
    pair = await site(1, {"plain": 80})
    for target, name, read in [
        ("/", "pages", "/"),
        ("/index.html", "pages", "/index.html"),
        ("/a/b?c=/api/d", "pages", "/a/b?c=/api/d"),
        ("/apix", "pages", "/apix"),
        ("/api/", "api", "/"),
        ("/api/users", "api", "/users"),
        ("/api/users/7?a=b&c", "api", "/users/7?a=b&c"),
        ("/api/api/x", "api", "/api/x"),
        ("/api/a;b", "api", "/a;b"),
        ("/api/404", "api", "/404"),
        ("/old/17", "pages", "/new/17"),
        ("/old/17?x=y", "pages", "/new/17?x=y"),
        ("/old/x", "pages", "/old/x"),
        ("/old/17/", "pages", "/old/17/"),
        ("/socket.io/?EIO=4&transport=polling", "chat", "/socket.io/?EIO=4&transport=polling"),
        ("/socket.io/socket.io.js", "chat", "/socket.io/socket.io.js"),
        ("/socket.iox", "pages", "/socket.iox"),
    ]:
        answered = await pair.is_same("plain", get(target))
        assert answered.body.startswith(f"{name}: GET {read}\n".encode()), (target, answered)
        if target.startswith(("/api", "/old")):
            await pair.is_same("plain", get(target, "Content-Length: 3", method="POST") + "abc")
    for method in ["GET", "HEAD"]:
        await pair.is_same("plain", get("/robots.txt", method=method))
    answered = await pair.is_same("plain", get("/socket.io/?EIO=4&transport=websocket", UPGRADE.rstrip()))
    assert answered.headers["x-echo"] == "/socket.io/?EIO=4&transport=websocket"
    await pair.is_same("plain", get("/a", host="other.test"))


async def test_auth_request_and_a_sticky_cookie(site):
    pair = await site(2, {"public": 8080})
    ann = "Cookie: session=ann; theme=dark"
    for target in ["/", "/a", "/a?b=c", "/a/b/?c=d&e=%20f", "/%7Euser/%2F", "//a//b", "/a;b=c/d", "/auth/x", "/200", "/a?b=c?d"]:
        answered = await pair.is_same("public", get(target, ann))
        assert b"x-user: ann\n" in answered.body, answered
        assert "session=fresh" in answered.headers["set-cookie"] and "srv_id=" in answered.headers["set-cookie"]
    for lines in [[], ["Cookie: session=old"], ["X-User: ann"], ["Authorization: Bearer x"]]:
        for method in ["GET", "HEAD", "DELETE"]:
            refused = await pair.is_same("public", get("/a", *lines, method=method), of_endpoint=False)
            assert " 401 " in refused.first and refused.headers["www-authenticate"] == 'Bearer realm="chat"'
    await pair.is_same("public", get("/a", "Cookie: session=bob"), of_endpoint=False)
    await pair.is_same("public", get("/a", "Content-Length: 3", method="POST") + "abc", of_endpoint=False)
    await pair.is_same("public", get("/ws", UPGRADE.rstrip()), of_endpoint=False)
    await pair.is_same("public", get("/a", ann, "X-User: root", "X-Own: 1"))
    for method in ["HEAD", "OPTIONS", "DELETE", "PROPFIND"]:
        await pair.is_same("public", get("/a", ann, method=method))
    for status in [201, 204, 302, 304]:
        await pair.is_same("public", get(f"/{status}", ann))
    for method in ["POST", "PUT", "PATCH"]:
        await pair.is_same("public", get("/a", ann, "Content-Length: 1024", method=method) + "x" * 1024)
    for target in ["/ws", "/ws?token=a"]:
        # `add_header` is not for a 101.
        answered = await pair.is_same("public", get(target, ann, UPGRADE.rstrip()), but=["set-cookie"])
        assert answered.headers["x-echo"] == target and answered.body == b"\x88\x02\x03\xe8"


async def test_a_client_stays_where_its_cookie_says(site):
    pair = await site(2, {"public": 8080})
    ann = "Cookie: session=ann"
    first = await pair.ask(pair.ours, "public", get("/a", ann).encode())
    pin = re.search(r"srv_id=([^;]*)", first.headers["set-cookie"])[0]
    for _ in range(4):
        again = await pair.ask(pair.ours, "public", get("/a", f"{ann}; {pin}").encode())
        assert " 200 " in again.first and "srv_id=" not in again.headers["set-cookie"], again
