"""Endpoints that are learned from a real DNS server whose zone changes while tunnels talk, and from one that fails in every way."""

import asyncio
import collections
import contextlib
import time

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from conftest import measured
from knot import Knot

pytestmark = pytest.mark.asyncio

HOSTS = [f"127.0.0.{last}" for last in (11, 12, 13, 14)]
ROOM = 3.0  # seconds that a busy machine may add
NOTICED = 1.0 + ROOM  # the TTL of the zone


@pytest_asyncio.fixture
async def knot(tmp_path):
    server = Knot(tmp_path)
    await server.start()
    yield server
    await server.end()


@pytest_asyncio.fixture
async def endpoints():
    """`await endpoints(hosts)` serves WebSockets at each: it says its host to whoever comes, and echoes. All have one port."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(hosts):
            port = 0
            for host in hosts:

                async def talk(connection, host=host):
                    with contextlib.suppress(ConnectionClosed):
                        await connection.send(host)
                        async for message in connection:
                            await connection.send(message)

                server = await stack.enter_async_context(serve(talk, host, port))
                port = server.sockets[0].getsockname()[1]
            return port

        yield start


def config(source, *, upstream="", extra=""):
    return "\n".join(
        [
            '[listener.public]\nbind = "127.0.0.1:0"',
            '[route.main]\nupstream = "main"',
            f'[upstream.main]\nendpoints = {source}\nsticky_on = ["header:x-user"]\nslow_start = "off"\n{upstream}',
            '[drain.discovery]\ndeadline = "6s"\nspread = "3s"',
            '[drain.stop]\ndeadline = "2s"\nspread = "100ms"',
            extra,
        ]
    )


class Client:
    """A client that stays where it is; what befell it."""

    def __init__(self, user):
        self.user, self.at, self.closed, self.connection = user, "", None, None

    async def come(self, url):
        headers = {"x-user": str(self.user)}
        self.connection = await connect(url, additional_headers=headers, proxy=None, open_timeout=30, ping_interval=None)
        self.at = await self.connection.recv()
        return self

    async def live(self):
        """Talks until it is told to go: with which code, and when."""
        try:
            while True:
                await self.connection.send("hello")
                assert await self.connection.recv() == "hello"
                await asyncio.sleep(0.5)
        except ConnectionClosed as closed:
            self.closed = (closed.rcvd.code if closed.rcvd else None, time.monotonic())


@pytest_asyncio.fixture
async def crowd():
    """`await crowd(url, count)`: so many clients who talk."""
    clients, tasks = [], []

    async def come(url, count):
        newcomers = []
        for first in range(0, count, 50):
            users = range(len(clients) + first, len(clients) + min(first + 50, count))
            newcomers += await asyncio.gather(*(Client(user).come(url) for user in users))
        clients.extend(newcomers)
        tasks.extend(asyncio.create_task(client.live()) for client in newcomers)
        return newcomers

    yield come
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(client.connection.close() for client in clients), return_exceptions=True)


async def until(program, what, holds, seconds):
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() < begun + seconds, f"not within {seconds} s: {what}\n{program.log_text()}"
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def test_a_thousand_tunnels_notice_only_that_their_own_endpoint_leaves(windlass, knot, endpoints, crowd):
    port = await endpoints(HOSTS)
    await knot.update(*(f"add ws A {host}" for host in HOSTS))
    source = f'{{ dns = "ws.app.test:{port}", servers = ["127.0.0.1:{knot.port}"] }}'
    program = await windlass(config(source))
    clients = await crowd(await program.url("ws"), 1000)
    assert {client.at for client in clients} == set(HOSTS)

    leaver = HOSTS[1]
    theirs = [client for client in clients if client.at == leaver]
    others = [client for client in clients if client.at != leaver]
    await knot.update(f"delete ws A {leaver}")
    left = time.monotonic()
    await until(program, "some are told to leave", lambda: any(client.closed for client in theirs), NOTICED)
    assert all(client.closed is None for client in others)

    await knot.update(f"add ws A {leaver}")
    await program.logged("that it is back", lambda line: leaver in line.get("change", "") and "is back" in line.get("change", ""))
    stayed = [client for client in theirs if client.closed is None]
    assert stayed, "the drain has come to an end before it was taken back"
    await asyncio.sleep(2)
    still = [client for client in stayed if client.closed is None]
    assert len(still) > len(stayed) / 2, "who was not told yet stays"

    await knot.update(f"delete ws A {leaver}")
    await until(program, "everybody has left", lambda: all(client.closed for client in theirs), NOTICED + 6 + ROOM)
    assert {client.closed[0] for client in theirs} == {1012}
    assert all(client.closed is None for client in others), "nobody else is touched"
    newcomers = await crowd(await program.url("ws"), 100)
    assert leaver not in {client.at for client in newcomers}
    measured(f"DNS: {len(theirs)} tunnels of {leaver} told within {max(c.closed[1] for c in theirs) - left:.1f} s, {len(others)} untouched")


async def test_services_have_weights_and_backups(windlass, knot, endpoints, crowd):
    hosts = HOSTS[:3]
    port = await endpoints(hosts)
    await knot.update(
        *(f"add h{index} A {host}" for index, host in enumerate(hosts)),
        f"add _ws._tcp SRV 10 3 {port} h0.app.test.",
        f"add _ws._tcp SRV 10 1 {port} h1.app.test.",
        f"add _ws._tcp SRV 20 0 {port} h2.app.test.",
    )
    source = f'{{ srv = "_ws._tcp.app.test", servers = ["127.0.0.1:{knot.port}"] }}'
    program = await windlass(config(source))
    url = await program.url("ws")
    clients = await crowd(url, 200)
    at = collections.Counter(client.at for client in clients)
    assert set(at) == set(hosts[:2]), "a backup takes nobody while others serve"
    assert 110 < at[hosts[0]] < 185, f"three of four: {at}"

    await knot.update(f"delete _ws._tcp SRV 10 3 {port} h0.app.test.", f"delete _ws._tcp SRV 10 1 {port} h1.app.test.")
    await until(program, "all have left", lambda: all(client.closed for client in clients), NOTICED + 6 + ROOM)
    assert {client.closed[0] for client in clients} == {1012}
    assert {client.at for client in await crowd(url, 20)} == {hosts[2]}, "the lowest priority that is left serves"


class Liar(asyncio.DatagramProtocol):
    """A DNS server that answers with what it is told to: these addresses, a code, or nothing at all."""

    def __init__(self, addresses):
        self.addresses, self.code, self.is_silent = addresses, 0, False

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, query, sender):
        if self.is_silent:
            return
        end = query.index(b"\0", 12) + 5
        question, is_a = query[12:end], query[end - 4 : end - 2] == b"\0\1"
        addresses = self.addresses if is_a and not self.code else []
        record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4"
        answers = b"".join(record + bytes(map(int, address.split("."))) for address in addresses)
        head = query[:2] + bytes([0x85, 0x80 | self.code]) + b"\0\1" + len(addresses).to_bytes(2, "big") + b"\0\0\0\0"
        self.transport.sendto(head + question + answers, sender)


@pytest_asyncio.fixture
async def liar():
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Liar(HOSTS[:2]), local_addr=("127.0.0.1", 0)
    )
    server.port = transport.get_extra_info("sockname")[1]
    yield server
    transport.close()


async def test_a_server_that_fails_in_whichever_way_takes_no_endpoint_away(windlass, liar, endpoints, crowd):
    port = await endpoints(HOSTS[:3])
    source = f'{{ dns = "ws.app.test:{port}", servers = ["127.0.0.1:{liar.port}"] }}'
    program = await windlass(config(source, extra='[resolver]\ntimeout = "1s"'))
    url = await program.url("ws")
    clients = await crowd(url, 40)
    assert {client.at for client in clients} == set(HOSTS[:2])

    def lines(since, part):
        return [line for line in program.log.facts[since:] if part in str(line)]

    for name, trouble, cure in [
        ("SERVFAIL", {"code": 2}, {"code": 0}),
        ("REFUSED", {"code": 5}, {"code": 0}),
        ("NXDOMAIN", {"code": 3}, {"code": 0}),
        ("an empty answer", {"addresses": []}, {"addresses": HOSTS[:2]}),
        ("nonsense", {"addresses": ["0.0.0.0", HOSTS[0]]}, {"addresses": HOSTS[:2]}),
        ("the same twice", {"addresses": [HOSTS[0], HOSTS[0]]}, {"addresses": HOSTS[:2]}),
        ("silence", {"is_silent": True}, {"is_silent": False}),
    ]:
        since = len(program.log.facts)
        vars(liar).update(trouble)
        await until(program, f"{name} is said", lambda since=since: lines(since, "WARN") or lines(since, "ERROR"), NOTICED + 5)
        await asyncio.sleep(6 if name == "SERVFAIL" else 1)
        said = [line for line in program.log.facts[since:] if line.get("level") in ("WARN", "ERROR")]
        assert len(said) == 1, f"{name} is said once: {said}"
        newcomers = await crowd(url, 10)
        assert {client.at for client in newcomers} <= set(HOSTS[:2]), name
        since = len(program.log.facts)
        vars(liar).update(cure)
        await until(program, f"{name} is over", lambda since=since: program.log.facts[since:], NOTICED + 6)
    assert all(client.closed is None for client in clients), "nobody notices any of it"
    liar.addresses = HOSTS[:3]
    arrived = False
    deadline = time.monotonic() + NOTICED + 5
    while not arrived and time.monotonic() < deadline:
        arrived = HOSTS[2] in {client.at for client in await crowd(url, 10)}
    assert arrived, "what it says is believed again"


async def test_a_name_keeps_its_addresses_while_its_server_is_stopped_and_nobody_waits_for_it(windlass, knot, endpoints, crowd):
    port = await endpoints(HOSTS[:1])
    await knot.update(f"add one A {HOSTS[0]}")
    names = f'[resolver]\nservers = ["127.0.0.1:{knot.port}"]\nmin_ttl = "1s"\ntimeout = "1s"'
    program = await windlass(config(f'["one.app.test:{port}"]', extra=names))
    url = await program.url("ws")
    await crowd(url, 10)
    knot.stop()
    said = await program.logged("that it fails", lambda line: "cannot be resolved" in line.get("message", ""))
    assert "last addresses are kept" in said["message"] and HOSTS[0] in str(said), said
    begun = time.monotonic()
    slowest = 0.0
    while time.monotonic() < begun + 10:
        asked = time.monotonic()
        await crowd(url, 1)
        slowest = max(slowest, time.monotonic() - asked)
        await asyncio.sleep(0.1)
    assert slowest < 0.5 + ROOM / 2, f"{slowest:.2f} s"
    assert len([line for line in program.log.facts if "cannot be resolved" in line.get("message", "")]) == 1
    knot.wake()
    await program.logged("that it is well", lambda line: "can be resolved again" in line.get("message", ""))
    measured(f"DNS stopped for 10 s: the slowest of new tunnels to a known name took {slowest * 1000:.0f} ms")
