"""docs/applications.md: real applications behind the configurations that stand there, and what goes wrong without a key of them.

Socket.IO, SignalR, Vite and GraphQL are tried by Node (`node/applications.test.mjs`).
"""

import asyncio
import base64
import contextlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import uuid

import aiohttp
import kubernetes.client
import kubernetes.stream
import ocpp.v16
import paho.mqtt.client as mqtt
import pytest
import pytest_asyncio
from ocpp.routing import on
from ocpp.v16 import call, call_result
from websockets.asyncio.client import connect
from websockets.asyncio.server import basic_auth, serve
from websockets.exceptions import InvalidStatus

from applications import PAGE, block_of, config_of, configs
from harness import KIB, MIB, REPOSITORY, binary, within
from issuer import Issuer
from ports import free_port
from side_by_side import listens

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def application(tmp_path):
    """`await application(port, command, …)` starts a program that listens there and ends with the test."""
    started = []

    async def start(port, *command):
        said = tmp_path / f"application-{len(started)}.log"
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        with said.open("wb") as output:
            process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output, env=environment, cwd=tmp_path)
        started.append(process)
        up, gone = asyncio.ensure_future(listens(port)), asyncio.ensure_future(process.wait())
        await asyncio.wait([up, gone], timeout=60, return_when=asyncio.FIRST_COMPLETED)
        assert up.done(), f"{command} does not listen:\n{said.read_text()}"
        gone.cancel()
        return port

    yield start
    for process in started:
        if process.returncode is None:
            process.terminate()
        await within(process.wait(), "the end of an application")


@pytest_asyncio.fixture
async def behind(windlass, certificate):
    """`await behind(title, addresses)` is the port of windlass with the configuration below that title."""

    async def start(title, addresses, changed=lambda text: text):
        text = changed(config_of(title, certificate, addresses))
        program = await windlass(text + '\n[admin]\nlisten = "off"\n')
        return (await program.address())[1]

    return start


@pytest.fixture
def site(certificate):
    """`site(port)`: what a client passes to `connect` of websockets to whom every host leads to that port."""
    return lambda port: {"host": "127.0.0.1", "port": port, "ssl": certificate.trusted(), "server_hostname": "localhost", "proxy": None}


async def test_every_configuration_passes_check(certificate, tmp_path):
    applications = configs()
    assert len(applications) == 12, applications
    for name in ["site.pem", "cluster-ca.pem"]:
        (tmp_path / name).write_bytes(certificate.chain.read_bytes())
    (tmp_path / "site.key").write_bytes(certificate.key.read_bytes())
    file = tmp_path / "windlass.toml"
    for title, text in applications.items():
        file.write_text(text)
        checked = await asyncio.to_thread(subprocess.run, [binary(), "check", "-c", file], capture_output=True, text=True)
        assert checked.returncode == 0 and "warn" not in checked.stdout + checked.stderr, (title, checked)


async def test_the_page_says_which_versions_are_tried():
    said = PAGE.read_text()
    npm = json.loads((REPOSITORY / "tests/e2e/package.json").read_text())["dependencies"]
    pypi = dict(line.split("==") for line in (REPOSITORY / "tests/e2e/python/requirements.txt").read_text().split())
    for source, names in [
        (npm, ["@microsoft/signalr", "graphql", "graphql-ws", "socket.io", "socket.io-client", "vite"]),
        (pypi, ["ipykernel", "jupyter-server", "kubernetes", "ocpp", "paho-mqtt", "websockify"]),
    ]:
        for name in names:
            assert f"{name} {source[name]}" in said, name


async def test_jupyter_serves_the_host_that_it_knows(application, behind, site, certificate, tmp_path):
    """A kernel's channel, by the name that local_hostnames has; other names and other sites are refused by Jupyter itself."""
    token = "a-token-of-the-test"
    port = free_port()
    (tmp_path / "config.py").write_text(block_of("Jupyter", "python"))
    options = ["ip=127.0.0.1", f"port={port}", "port_retries=0", f"root_dir={tmp_path}", "open_browser=False", "allow_root=True"]
    command = [f"--config={tmp_path}/config.py", *(f"--ServerApp.{option}" for option in options), f"--IdentityProvider.token={token}"]
    jupyter = await application(port, sys.executable, "-m", "jupyter_server", *command)
    public = await behind("Jupyter", {"127.0.0.1:8888": jupyter})
    url, home = f"https://localhost:{public}", "https://notebook.example.com"

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def ask(method, path, host):
            headers = {"Host": host, "Authorization": f"token {token}"}
            async with session.request(method, url + path, ssl=certificate.trusted(), headers=headers, allow_redirects=False) as answer:
                return answer, await answer.text()

        answer, said = await within(ask("GET", "/api/status", "other.example.com"), "an answer")
        assert answer.status == 403, said
        answer, said = await within(ask("POST", "/api/kernels", "notebook.example.com"), "a kernel", 60)
        assert answer.status == 201, said
        # What a browser keeps that has opened the address with the token in it.
        entered, _ = await within(ask("GET", f"/login?token={token}", "notebook.example.com"), "a cookie")
    channels = f"wss://notebook.example.com/api/kernels/{json.loads(said)['id']}/channels"
    login = {"Cookie": "; ".join(f"{name}={cookie.value}" for name, cookie in entered.cookies.items())}

    with pytest.raises(InvalidStatus, match="403"):
        async with connect(channels, origin="https://elsewhere.example.com", additional_headers=login, **site(public)):
            pass

    # The Host that Jupyter would take as it is: then the pages are there, and their WebSockets are of another site for it.
    other = await behind("Jupyter", {"127.0.0.1:8888": jupyter}, lambda text: text + 'host = "localhost"\n')
    with pytest.raises(InvalidStatus, match="403"):
        async with connect(channels, origin=home, additional_headers=login, **site(other)):
            pass

    framed = "v1.kernel.websocket.jupyter.org"
    async with connect(channels, origin=home, additional_headers=login, subprotocols=[framed], **site(public)) as socket:
        assert socket.subprotocol == framed
    async with connect(channels, origin=home, additional_headers=login, **site(public)) as socket:
        asked = {"code": "print(6 * 7)", "silent": False, "store_history": False, "allow_stdin": False}
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": "test", "username": "", "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": asked, "channel": "shell", "buffers": []}
        await socket.send(json.dumps(message))

        async def printed():
            async for said in socket:
                said = json.loads(said)
                if said["msg_type"] == "stream":
                    return said["content"]["text"]

        assert await within(printed(), "the output of the kernel", 60) == "42\n"


async def test_mqtt_through_mosquitto(application, behind, site, certificate, tmp_path):
    port = free_port()
    # Of a listener for WebSockets alone Mosquitto 2.0.11 says that it has none; without the family it listens on every address.
    web = f"listener {port} 127.0.0.1\nsocket_domain ipv4\nprotocol websockets\n"
    (tmp_path / "mosquitto.conf").write_text(f"listener 0 {tmp_path}/plain.sock\n{web}allow_anonymous true\nuser root\n")
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    broker = await application(port, program, "-c", str(tmp_path / "mosquitto.conf"))
    endpoint = {"127.0.0.1:9001": broker}
    public = await behind("MQTT over WebSocket", endpoint)
    payload = os.urandom(16 * KIB)
    received = queue.Queue()

    def talk():
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="test", transport="websockets")
        client.ws_set_options(path="/mqtt")
        client.tls_set_context(certificate.trusted())
        client.on_connect = lambda *_: client.subscribe("windlass/+", qos=1)
        client.on_subscribe = lambda *_: client.publish("windlass/test", payload, qos=1)
        client.on_message = lambda _client, _data, message: received.put((message.topic, message.payload))
        client.connect("localhost", public)
        client.loop_start()
        try:
            return received.get(timeout=20)
        finally:
            client.disconnect()
            client.loop_stop()

    topic, got = await asyncio.to_thread(talk)
    assert topic == "windlass/test" and got == payload

    # What a browser has of other applications at the same host: a head that is longer than the broker has room for.
    cookie = {"Cookie": "other=" + "x" * 4 * KIB}
    opening = {"subprotocols": ["mqtt"], "additional_headers": cookie}
    async with connect("wss://mqtt.example.com/mqtt", **opening, **site(public)) as socket:
        assert socket.subprotocol == "mqtt"
    bare = await behind("MQTT over WebSocket", endpoint, lambda text: re.sub(r"request_headers.*", "", text))
    with pytest.raises(InvalidStatus, match="502"):
        async with connect("wss://mqtt.example.com/mqtt", **opening, **site(bare)):
            pass


async def test_websockify_carries_a_screen(application, behind, raw_endpoint, site):
    """websockify in front of what begins as a VNC server does, and then repeats what it reads."""

    async def screen(reader, writer):
        writer.write(b"RFB 003.008\n")
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    port = free_port()
    server = await raw_endpoint(screen)
    bridge = await application(port, sys.executable, "-m", "websockify", f"127.0.0.1:{port}", f"127.0.0.1:{server}")
    public = await behind("noVNC", {"127.0.0.1:6080": bridge})
    keys = os.urandom(MIB)
    page = {"origin": "https://screen.example.com", "subprotocols": ["binary"]}
    async with connect("wss://screen.example.com/websockify", **page, **site(public)) as socket:
        assert socket.subprotocol == "binary"
        assert await within(socket.recv(), "the first word of the server") == b"RFB 003.008\n"
        await socket.send(keys)
        got = b""
        while len(got) < len(keys):
            got += await within(socket.recv(), "what it repeats")
        assert got == keys
    with pytest.raises(InvalidStatus, match="403"):
        async with connect("wss://screen.example.com/websockify", origin="https://elsewhere.example.com", **site(public)):
            pass


async def test_ocpp_chargers_find_the_same_endpoint_again(behind, site):
    """Each by the identity in its path, whatever its address is; password and subprotocol are the endpoint's to look at."""
    seen = {}

    class Station(ocpp.v16.ChargePoint):
        @on("BootNotification")
        def on_boot(self, **_):
            return call_result.BootNotification(current_time="2026-01-01T00:00:00Z", interval=300, status="Accepted")

    def central(name):
        async def talk(socket):
            identity = socket.request.path.rpartition("/")[2]
            assert socket.subprotocol == "ocpp1.6"
            assert socket.username == identity
            seen.setdefault(identity, []).append(name)
            with contextlib.suppress(Exception):
                await Station(identity, socket).start()

        return serve(talk, "127.0.0.1", 0, subprotocols=["ocpp1.6"], process_request=basic_auth(check_credentials=is_known))

    async def is_known(username, password):
        return password == f"key of {username}"

    async with central("a") as first, central("b") as second:
        ports = [server.sockets[0].getsockname()[1] for server in [first, second]]
        public = await behind("OCPP chargers", dict(zip(["10.0.0.11:9000", "10.0.0.12:9000"], ports, strict=True)))

        def dial(identity, password):
            basic = base64.b64encode(f"{identity}:{password}".encode()).decode()
            headers = {"Authorization": f"Basic {basic}"}
            return connect(f"wss://csms.example.com/ocpp/{identity}", subprotocols=["ocpp1.6"], additional_headers=headers, **site(public))

        for _ in range(2):
            for number in range(8):
                identity = f"CP{number:03}"
                async with dial(identity, f"key of {identity}") as socket:
                    assert socket.subprotocol == "ocpp1.6"
                    station = Station(identity, socket)
                    running = asyncio.create_task(station.start())
                    booted = await within(station.call(call.BootNotification(charge_point_model="m", charge_point_vendor="v")), "a boot")
                    assert booted.status == "Accepted"
                    running.cancel()
        assert all(len(names) == 2 and len(set(names)) == 1 for names in seen.values()), seen
        assert {names[0] for names in seen.values()} == {"a", "b"}, seen

        with pytest.raises(InvalidStatus, match="401"):
            async with dial("CP000", "wrong"):
                pass


async def test_kubernetes_exec(behind, certificate, tmp_path):
    """The client of Kubernetes for Python, at a server that plays the API server's part: its subprotocol, over TLS."""

    async def execute(socket):
        assert socket.request.headers["Authorization"] == "Bearer of-the-test"
        if socket.request.path.partition("?")[0] != "/api/v1/namespaces/default/pods/web/exec":
            await socket.close(1008)
            return
        assert "command=cat" in socket.request.path and "stdin=true" in socket.request.path
        while (message := await socket.recv(decode=False)) != b"\xff\x00":
            assert message[0] == 0
            await socket.send(b"\x01" + message[1:])
        await socket.send(b"\x02warned\n")
        await socket.send(b"\x03" + json.dumps({"metadata": {}, "status": "Success"}).encode())

    cluster = Issuer(tmp_path)
    spoken = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
    async with serve(execute, "127.0.0.1", 0, subprotocols=spoken, ssl=cluster.issue().server()) as server:
        port = server.sockets[0].getsockname()[1]
        public = await behind(
            "Kubernetes exec", {"10.96.0.1:443": port}, lambda text: text.replace("cluster-ca.pem", str(cluster.certificate))
        )

        def talk():
            configuration = kubernetes.client.Configuration(host=f"https://localhost:{public}")
            configuration.ssl_ca_cert = str(certificate.chain)
            configuration.api_key = {"authorization": "Bearer of-the-test"}
            pods = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))
            shell = kubernetes.stream.stream(
                pods.connect_get_namespaced_pod_exec, "web", "default", command=["cat"], stdin=True, stdout=True, stderr=True, _preload_content=False
            )
            shell.write_stdin("hello\n")
            # The end of what it reads, which only the fifth version of the subprotocol can say.
            shell.close_channel(0)
            shell.run_forever(timeout=20)
            return shell.read_stdout(), shell.read_stderr(), shell.returncode

        assert await asyncio.to_thread(talk) == ("hello\n", "warned\n", 0)


async def test_kubernetes_exec_of_an_older_kubectl(behind, certificate, tmp_path):
    """It asks by POST for an upgrade to SPDY/3.1; where that is not in `upgrade`, the server reads a plain request."""

    async def serve_one(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if "upgrade: spdy/3.1" in head and "x-stream-protocol-version: v4.channel.k8s.io" in head:
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n")
            writer.write(await reader.read(4))
        else:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    cluster = Issuer(tmp_path)
    server = await asyncio.start_server(serve_one, "127.0.0.1", 0, ssl=cluster.issue().server())
    endpoint = {"10.96.0.1:443": server.sockets[0].getsockname()[1]}

    async def execute(changed):
        public = await behind("Kubernetes exec", endpoint, lambda text: changed(text).replace("cluster-ca.pem", str(cluster.certificate)))
        reader, writer = await asyncio.open_connection("localhost", public, ssl=certificate.trusted())
        path = "/api/v1/namespaces/default/pods/web/exec?command=ls"
        asked = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n"
        writer.write(f"POST {path} HTTP/1.1\r\nHost: kubernetes.example.com\r\n{asked}\r\n".encode())
        head = await within(reader.readuntil(b"\r\n\r\n"), "an answer")
        said = b""
        if b" 101 " in head:
            writer.write(b"\x80\x03\x00\x01")
            said = await within(reader.readexactly(4), "a frame of SPDY")
        writer.close()
        return int(head.split()[1]), said

    async with server:
        assert await execute(lambda text: text) == (101, b"\x80\x03\x00\x01")
        assert await execute(lambda text: text.replace(', "SPDY/3.1"', "")) == (400, b"")
