"""HAProxy and nginx on both sides of the PROXY protocol: as endpoints that want it each says whom it takes the client to be, and as
load balancers in front each says who the client is."""

import asyncio
import contextlib
import socket

import pytest
import pytest_asyncio
from aiohttp import web
from websockets.asyncio.client import connect

from harness import config, within

pytestmark = pytest.mark.asyncio

# Who the client is, whom it has connected to, and what it has asked for, as far as the header tells.
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend in
    bind fd@{descriptor} accept-proxy
    http-request set-header X-Client %[src]:%[src_port]
    http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst]:%[dst_port] %[fc_pp_authority]" if {{ path /who }}
    default_backend app
backend app
    server app 127.0.0.1:{app}
"""

NGINX = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen unix:{directory}/nginx.sock proxy_protocol;
        location = /who {{
            default_type text/plain;
            return 200 "$proxy_protocol_addr:$proxy_protocol_port $proxy_protocol_server_addr:$proxy_protocol_server_port ";
        }}
        location / {{
            proxy_pass http://127.0.0.1:{app};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header X-Client $proxy_protocol_addr:$proxy_protocol_port;
        }}
    }}
}}
"""


async def says_client(websocket):
    """Says whom the endpoint in front of it takes the client to be, and then whatever it hears."""
    await websocket.send(websocket.request.headers["X-Client"])
    async for message in websocket:
        await websocket.send(message)


@contextlib.asynccontextmanager
async def running(*command, descriptors=()):
    """A process that ends with the block."""
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, pass_fds=descriptors)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listening(path, process):
    """Waits until somebody listens at a unix socket."""
    while process.returncode is None:
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            _, writer = await asyncio.open_unix_connection(path)
            writer.close()
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"exit code {process.returncode} before it listened")


@pytest_asyncio.fixture(params=["haproxy", "nginx"])
async def receiver(request, tmp_path, websocket_endpoint):
    """The address of a real receiver, as `endpoints` has it; behind it is a WebSocket server."""
    app = await websocket_endpoint(says_client)
    file = tmp_path / "receiver.conf"
    if request.param == "nginx":
        file.write_text(NGINX.format(directory=tmp_path, app=app))
        async with running("nginx", "-p", tmp_path, "-c", file) as process:
            await within(listening(tmp_path / "nginx.sock", process), "nginx")
            yield f"unix:{tmp_path}/nginx.sock"
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        file.write_text(HAPROXY.format(descriptor=listener.fileno(), app=app))
        # What comes before it is ready waits in the queue of the socket.
        async with running("haproxy", "-f", file, descriptors=[listener.fileno()]):
            yield f"127.0.0.1:{listener.getsockname()[1]}"


def proxying(receiver, version, **options):
    """A configuration with this one endpoint."""
    text = config([1], upstream=f'proxy_protocol = "{version}"', **options)
    return text.replace('{ name = "endpoint-0", address = "127.0.0.1:1" }', f'"{receiver}"')


async def who(address, *lines):
    """What the receiver says of a client, and that client's own address."""
    reader, writer = await within(asyncio.open_connection(*address), "connection")
    host, port = writer.get_extra_info("sockname")
    head = ["GET /who HTTP/1.1", "Host: chat.test:8443", "Connection: close", *lines, "", ""]
    writer.write("\r\n".join(head).encode())
    answer = (await within(reader.read(), "answer")).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 200 "), answer
    return answer.partition("\r\n\r\n")[2], f"{host}:{port}"


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_real_receiver_knows_the_client_of_an_exchange(windlass, receiver, version):
    program = await windlass(proxying(receiver, version))
    address = await program.address()
    said, client = await who(address)
    authority = "chat.test" if version == "v2" and not receiver.startswith("unix:") else ""
    assert said.rstrip("-") == f"{client} {address[0]}:{address[1]} {authority}"
    # Another client is not taken for the one before.
    said, other = await who(address)
    assert other != client and said.split()[0] == other


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_real_receiver_knows_who_is_behind_a_trusted_proxy(windlass, receiver, version):
    text = proxying(receiver, version).replace("[route.main]", 'trusted_proxies = ["127.0.0.1"]\n[route.main]')
    program = await windlass(text)
    for client in ["192.0.2.7", "192.0.2.8"]:
        said, _ = await who(await program.address(), f"X-Forwarded-For: {client}")
        # Its port is 0: nobody has told it, and the receivers leave that out.
        assert said.split()[0] == f"{client}:"


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_real_receiver_knows_the_client_of_a_tunnel(windlass, receiver, version, certificate):
    program = await windlass(proxying(receiver, version, tls=certificate))
    async with connect(await program.url("wss"), ssl=certificate.trusted(), proxy=None) as client:
        host, port = client.transport.get_extra_info("sockname")
        assert await within(client.recv(), "client's address") == f"{host}:{port}"
        await client.send("hello")
        assert await within(client.recv(), "echo") == "hello"


async def test_a_real_receiver_is_well_by_its_probes(windlass, receiver):
    health = 'health = { probe = "http", path = "/who", every = "100ms", fall = 1, rise = 1 }'
    program = await windlass(proxying(receiver, "v2").replace("[drain.stop]", f"{health}\n[drain.stop]"))
    address = await program.address()
    for _ in range(20):
        await asyncio.sleep(0.05)
        await who(address)
    assert not [line for line in program.log.facts if "is down" in str(line.get("message"))], program.log_text()


# As load balancers of TCP: who connects to them is the client of the listener behind them.
HAPROXY_IN_FRONT = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend in
    bind fd@{descriptor} {tls}
    default_backend out
backend out
    server out 127.0.0.1:{port} {send}
"""

NGINX_IN_FRONT = """
load_module modules/ngx_stream_module.so;
daemon off;
master_process off;
pid {directory}/front.pid;
error_log stderr;
events {{}}
stream {{
    server {{
        listen 127.0.0.1:{front};
        proxy_pass 127.0.0.1:{port};
        proxy_protocol on;
    }}
}}
"""


@contextlib.asynccontextmanager
async def balancer(how, port, tmp_path, certificate):
    """The address of a real load balancer that brings its clients to this port."""
    file = tmp_path / "front.conf"
    if how == "nginx":
        with socket.create_server(("127.0.0.1", 0)) as free:
            front = free.getsockname()[1]
        file.write_text(NGINX_IN_FRONT.format(directory=tmp_path, front=front, port=port))
        async with running("nginx", "-p", "/usr/lib/nginx", "-c", file):
            yield "127.0.0.1", front
        return
    pem = tmp_path / "front.pem"
    pem.write_text(certificate.chain.read_text() + certificate.key.read_text())
    tls = f"ssl crt {pem}" if "ssl" in how else ""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        file.write_text(HAPROXY_IN_FRONT.format(descriptor=listener.fileno(), tls=tls, port=port, send=how))
        async with running("haproxy", "-f", file, descriptors=[listener.fileno()]):
            yield listener.getsockname()


def behind(app, **options):
    """A configuration whose listener requires the header, in front of this endpoint."""
    lines = 'proxy_protocol = "required"\ntrusted_proxies = ["127.0.0.1"]\nforwarded_headers = "both"\n[route.main]'
    return config([app], **options).replace("[route.main]", lines)


async def connected(address, **options):
    """A connection with a balancer that may not listen yet, and its own address."""
    for _ in range(200):
        with contextlib.suppress(ConnectionRefusedError):
            reader, writer = await asyncio.open_connection(*address, **options)
            return reader, writer, writer.get_extra_info("sockname")
        await asyncio.sleep(0.05)
    raise AssertionError(f"nobody listens at {address}")


HOW = ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c", "send-proxy-v2-ssl", "nginx"]


@pytest.mark.parametrize("how", HOW)
async def test_a_real_balancer_says_who_the_client_of_an_exchange_is(windlass, http_endpoint, certificate, tmp_path, how):
    async def said(request):
        names = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "Forwarded"]
        return web.Response(text=" | ".join(request.headers[name] for name in names))

    program = await windlass(behind(await http_endpoint(web.get("/", said))))
    _, port = await program.address()
    async with balancer(how, port, tmp_path, certificate) as address:
        tls = {"ssl": certificate.trusted(), "server_hostname": "localhost"} if "ssl" in how else {}
        reader, writer, _ = await connected(address, local_addr=("127.0.0.77", 0), **tls)
        writer.write(b"GET / HTTP/1.1\r\nHost: chat.test\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n")
        answer = (await within(reader.read(), "answer")).decode()
        writer.close()
    scheme, of_scheme = ("https", "443") if tls else ("http", "80")
    expected = f"127.0.0.77 | {scheme} | {of_scheme} | for=127.0.0.77;proto={scheme};host=chat.test"
    assert answer.endswith(expected), answer


@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2", "nginx"])
async def test_a_real_balancer_says_who_the_client_of_a_tunnel_over_tls_is(windlass, websocket_endpoint, certificate, tmp_path, how):
    async def says_client(websocket):
        await websocket.send(websocket.request.headers["X-Forwarded-For"])

    program = await windlass(behind(await websocket_endpoint(says_client), tls=certificate))
    _, port = await program.address()
    async with balancer(how, port, tmp_path, certificate) as address:
        _, writer, _ = await connected(address)
        writer.close()
        url = f"wss://127.0.0.1:{address[1]}/"
        async with connect(url, ssl=certificate.trusted(), proxy=None, local_addr=("127.0.0.78", 0)) as client:
            assert await within(client.recv(), "client's address") == "127.0.0.78"
    line = await program.logged("the end of the tunnel", lambda line: line.get("message") == "tunnel ended")
    assert line["client"] == "127.0.0.78", line
