"""Two proxies side by side, another one's configuration and ours: the same requests come to the same."""

import asyncio
import base64
import contextlib
import hashlib
import re
from dataclasses import dataclass

from harness import REPOSITORY, within

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
    """What is set, but for the cookie that keeps a client at its endpoint: each has a value of its own, and Debian's nginx has none."""
    return cookies and (re.sub(r"(^|, )srv_id=[^,]*", "", cookies).removeprefix(", ") or None)


def example(page, number, language):
    """The block of a language on that page, counted from 0."""
    text = (REPOSITORY / "docs" / page).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[number]


async def listens(port):
    while True:
        with contextlib.suppress(ConnectionError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.02)


class Site:
    """One configuration as the other proxy runs it, and as we do."""

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
                    said = [without_pin(cookies) for cookies in said]
                assert said[0] == said[1], (request, name, theirs, ours)
        if of_endpoint:
            assert theirs.body == ours.body, (request, theirs, ours)
        return ours


async def endpoints(stack, names, theirs, ours):
    """Both configurations, with real endpoints of these names in the place of the addresses that they have."""
    for address, name in names.items():

        async def serve(reader, writer, name=name):
            await (authorize(reader, writer) if name == "auth" else answer(name, reader, writer))

        server = await stack.enter_async_context(await asyncio.start_server(serve, "127.0.0.1", 0))
        real = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        theirs, ours = theirs.replace(address, real), ours.replace(address, real)
    return theirs, ours


async def beside(ports, listeners, windlass, certificate, ours):
    """The other proxy, which listens at these ports by now, and ours."""
    for port in ports.values():
        await within(listens(port), "the other proxy")
    for number in listeners.values():
        ours = ours.replace(f"0.0.0.0:{number}", "127.0.0.1:0")
    ours = ours.replace("site.pem", str(certificate.chain)).replace("site.key", str(certificate.key))
    program = await windlass(ours)
    own = {listener: (await program.address(listener))[1] for listener in listeners}
    trusted = certificate.trusted()
    trusted.set_alpn_protocols(["http/1.1"])
    return Site(ports, own, trusted)


def get(target, *lines, method="GET", host="example.com"):
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n"
