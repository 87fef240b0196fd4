"""Fixtures: a certificate, and factories for the program and for endpoints that end with the test."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from websockets.asyncio.server import serve

from harness import MIB, Windlass

MEASURED = []


def measured(line):
    """Says in the summary what a test has measured."""
    MEASURED.append(line)


def pytest_terminal_summary(terminalreporter):
    if MEASURED:
        terminalreporter.section("measured")
        for line in MEASURED:
            terminalreporter.write_line(line)


@dataclass
class Certificate:
    """A self-signed certificate for localhost and both loopback addresses."""

    chain: Path
    key: Path

    def trusted(self) -> ssl.SSLContext:
        """A client's context that trusts this certificate and no other."""
        return ssl.create_default_context(cafile=self.chain)


@pytest.fixture(scope="session")
def make_certificate(tmp_path_factory):
    """`make_certificate()` makes another one."""

    def make():
        directory = tmp_path_factory.mktemp("certificate")
        made = Certificate(directory / "chain.pem", directory / "key.pem")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"]
        command = ["openssl", "req", "-x509", "-nodes", "-days", "7", *curve, *names]
        subprocess.run([*command, "-keyout", made.key, "-out", made.chain], check=True, capture_output=True)
        return made

    return make


@pytest.fixture(scope="session")
def certificate(make_certificate):
    return make_certificate()


@pytest_asyncio.fixture
async def windlass(tmp_path):
    """`await windlass(config)` starts the program; what still runs at the end of the test is ended."""
    started = []

    async def start(config_text):
        directory = tmp_path / str(len(started))
        directory.mkdir()
        program = await Windlass.start(directory, config_text)
        started.append(program)
        return program

    yield start
    for program in started:
        await program.dispose()


@pytest_asyncio.fixture
async def websocket_endpoint():
    """`await websocket_endpoint(handler)` serves WebSockets with it and returns the port.

    With `receive_buffer` the kernel keeps about as many bytes for an endpoint that does not read; else it may be 32 MiB.
    """
    async with contextlib.AsyncExitStack() as stack:

        async def start(handler, *, receive_buffer=None, **options):
            options = {"max_size": 32 * MIB, **options}
            server = await stack.enter_async_context(serve(handler, "127.0.0.1", 0, **options))
            if receive_buffer:
                server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            return server.sockets[0].getsockname()[1]

        yield start


@pytest_asyncio.fixture
async def http_endpoint():
    """`await http_endpoint(route, …)` serves plain HTTP with aiohttp's routes and returns the port."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*routes):
            application = web.Application()
            application.add_routes(routes)
            runner = web.AppRunner(application, shutdown_timeout=1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            return site._server.sockets[0].getsockname()[1]

        yield start


@pytest_asyncio.fixture
async def raw_endpoint():
    """`await raw_endpoint(talk)` hands each connection's streams to `talk` and returns the port."""
    servers = []

    async def start(talk):
        async def once(reader, writer):
            try:
                await talk(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(once, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
