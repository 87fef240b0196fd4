"""docs/from-nginx.md: its configurations run side by side, nginx's and ours, and the same requests come to the same."""

import asyncio
import contextlib
import json
import re

import pytest
import pytest_asyncio

from harness import within
from ports import free_port
from side_by_side import ACCEPT, UPGRADE, Message, beside, endpoints, example, get, listens

pytestmark = pytest.mark.asyncio
PAGE = "from-nginx.md"

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


@pytest_asyncio.fixture
async def site(windlass, certificate, tmp_path):
    """`await site(number, listeners)`: both configurations of that number run."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(number, listeners):
            names = {"10.0.0.11:8080": "chat", "10.0.0.12:8080": "chat", "10.0.0.21:8080": "api", "10.0.0.31:8080": "pages"}
            names |= {"127.0.0.1:3001": "chat", "127.0.0.1:3002": "chat", "127.0.0.1:9000": "auth"}
            ports = {listener: free_port() for listener in listeners}
            # The first block of all is about the import.
            theirs, ours = example(PAGE, number + 1, "nginx"), example(PAGE, number + 1, "toml")
            theirs, ours = await endpoints(stack, names, theirs, ours)
            for listener, port in ports.items():
                theirs = theirs.replace(f"listen {listeners[listener]}", f"listen 127.0.0.1:{port}")
            theirs = re.sub(r"\n *sticky cookie [^;]*;", "", theirs)
            theirs = theirs.replace("site.pem", str(certificate.chain)).replace("site.key", str(certificate.key))
            await stack.enter_async_context(nginx(tmp_path, theirs))
            return await beside(ports, listeners, windlass, certificate, ours)

        yield start


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


@pytest_asyncio.fixture
async def in_front(windlass, tmp_path):
    """`await in_front(endpoint, more)`: nginx in front of windlass, as the page has it, with `more` in our file; its port and the program."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(endpoint, more=""):
            theirs, ours = example(PAGE, 4, "nginx"), example(PAGE, 4, "toml")
            ours = ours.replace("10.0.0.11:8080", endpoint).replace("10.0.0.1", "127.0.0.1").replace("0.0.0.0:8080", "127.0.0.1:0")
            program = await windlass(ours + more)
            port = free_port()
            theirs = theirs.replace("listen 80", f"listen 127.0.0.1:{port}")
            theirs = theirs.replace("10.0.0.2:8080", f"127.0.0.1:{(await program.address('inner'))[1]}").replace("60s", "1s")
            await stack.enter_async_context(nginx(tmp_path, theirs))
            await within(listens(port), "nginx")
            return port, program

        yield start


async def repeating(reader, writer):
    """An endpoint that answers with the headers that it has read."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        body = json.dumps((await Message.read(reader)).headers)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
    writer.close()


async def test_nginx_in_front_says_who_the_client_is_and_no_client_does(in_front):
    async with await asyncio.start_server(repeating, "127.0.0.1", 0) as server:
        port, program = await in_front(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.9", 0))
        forged = ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", "X-Forwarded-Port: 1"]
        forged += ["Forwarded: for=192.0.2.2;host=evil.test", "X-Real-IP: 192.0.2.3"]
        emptied = ["X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Forwarded-Scheme"]
        writer.write(get("/a", *forged, *(f"{header}: evil" for header in emptied)).encode())
        read = json.loads((await within(Message.read(reader), "an answer")).body)
        writer.close()
        said = [read[f"x-forwarded-{field}"] for field in ["for", "proto", "host", "port"]]
        assert said == ["127.0.0.9, 127.0.0.1", "http", "example.com", str(port)] and read["x-real-ip"] == "127.0.0.9", read
        assert not {header.lower() for header in ["Forwarded", *emptied]} & read.keys(), read
        await program.logged("an exchange of the client", lambda line: line.get("message") == "exchange" and line["client"] == "127.0.0.9")


async def quiet(reader, writer):
    """An endpoint that takes a WebSocket, and says nothing over it."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        await Message.read(reader)
        writer.write(f"HTTP/1.1 101 Ok\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n".encode())
        await reader.read()
    writer.close()


async def test_pings_keep_nginx_from_cutting_a_quiet_tunnel(in_front):
    async with await asyncio.start_server(quiet, "127.0.0.1", 0) as server:
        endpoint = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        pings = '[route.chat.websocket]\nping_every = { client = "300ms", upstream = "off" }\n'
        port, _ = await in_front(endpoint, pings)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get("/ws", UPGRADE.rstrip()).encode())
        assert " 101 " in (await within(Message.read(reader), "a 101")).first
        # Longer than nginx waits in silence: two seconds and more.
        for _ in range(8):
            head = await within(reader.readexactly(2), "a ping")
            assert head[0] == 0x89, head
            payload = await within(reader.readexactly(head[1]), "its payload")
            writer.write(bytes([0x8A, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
        writer.close()
