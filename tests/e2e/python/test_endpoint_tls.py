"""TLS towards endpoints that Python's ssl and `openssl s_server` are: what they are believed for, and why they are not."""

import asyncio
import contextlib
import re
import subprocess

import aiohttp
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from harness import MIB, config, within
from issuer import EXPIRED, Issuer

pytestmark = pytest.mark.asyncio


@pytest.fixture
def issuer(tmp_path):
    """`issuer(name)` is another authority."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        return Issuer(folder)

    return make


@pytest_asyncio.fixture
async def s_server():
    """`await s_server(issued, option, …)` starts `openssl s_server -www`, and returns its port."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(issued, *options):
            command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", issued.chain, "-key", issued.key, "-www"]
            process = await asyncio.create_subprocess_exec(
                *command, *options, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )

            async def end():
                process.kill()
                await process.wait()

            stack.push_async_callback(end)
            while line := await within(process.stdout.readline(), "the port of s_server"):
                if port := re.match(rb"ACCEPT .*:(\d+)", line):
                    stack.enter_context(reading(process.stdout))
                    return int(port[1])
            raise AssertionError("s_server has ended")

        yield start


@contextlib.contextmanager
def reading(stream):
    """Reads what nobody wants, so that its writer never waits."""
    task = asyncio.create_task(stream.read())
    yield
    task.cancel()


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def get(program):
    """Status and body of an exchange over a new connection."""
    async with aiohttp.ClientSession() as session, session.get(await program.url("http")) as response:
        return response.status, await response.text()


def tls(issuer, keys=""):
    return f'tls = {{ ca = "{issuer.certificate}"{keys} }}'


def failure(program, said):
    """The line of the log about an endpoint that is refused for this."""
    return program.logged(said, lambda line: said in line.get("error", "") and "endpoint" in line)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
async def test_websockets_pass_over_tls_with_python(windlass, websocket_endpoint, issuer, version):
    import ssl

    ours = issuer("ours")
    context = ours.issue().server()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    port = await websocket_endpoint(echo, ssl=context)
    program = await windlass(config([port], upstream=tls(ours)))
    async with connect(await program.url("ws"), proxy=None, max_size=None) as connection:
        for message in ["", "hello", "x" * MIB, b"\0" * 70_000]:
            await connection.send(message)
            assert await within(connection.recv(), "the echo") == message


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_sessions_with_openssl_resume(windlass, s_server, issuer, version):
    ours = issuer("ours")
    port = await s_server(ours.issue(), version)
    program = await windlass(config([port], upstream=tls(ours)))
    pages = [await get(program) for _ in range(3)]
    assert [status for status, _ in pages] == [200] * 3
    assert ["Reused, TLS" in page for _, page in pages] == [False, True, True]


@pytest.mark.parametrize("peer", ["python", "openssl"])
async def test_who_is_not_believed_is_refused_and_only_the_log_says_why(windlass, websocket_endpoint, s_server, issuer, peer):
    ours, other = issuer("ours"), issuer("other")
    good = ours.issue()
    cases = [
        (ours.issue("DNS:elsewhere.test,IP:192.0.2.1"), tls(ours), "its certificate is for elsewhere.test, 192.0.2.1 and not for 127.0.0.1"),
        (ours.issue(valid=EXPIRED), tls(ours), "its certificate has expired"),
        (other.issue(), tls(ours), "its certificate was issued by nobody that is believed"),
        (good, f'tls = {{ fingerprints = ["{"00" * 32}"] }}', f"its certificate has the fingerprint {good.fingerprint()}"),
    ]
    for issued, upstream, said in cases:
        port = await (websocket_endpoint(echo, ssl=issued.server()) if peer == "python" else s_server(issued))
        program = await windlass(config([port], upstream=upstream))
        status, body = await get(program)
        assert status == 502 and "certificate" not in body
        await failure(program, said)


@pytest.mark.parametrize("peer", ["python", "openssl", "openssl-1.2"])
async def test_a_client_certificate_is_shown_and_said_to_be_missing(windlass, websocket_endpoint, s_server, issuer, peer):
    ours, clients, other = issuer("ours"), issuer("clients"), issuer("other")
    issued = ours.issue()
    if peer == "python":
        port = await websocket_endpoint(echo, ssl=issued.server(clients=clients))
    else:
        version = "-tls1_2" if peer == "openssl-1.2" else "-tls1_3"
        port = await s_server(issued, version, "-Verify", "1", "-verify_return_error", "-CAfile", clients.certificate)

    def shown(own):
        return tls(ours, f', certificate = {{ chain = "{own.chain}", key = "{own.key}" }}')

    good = await windlass(config([port], upstream=shown(clients.issue())))
    assert (await get(good))[0] in (200, 426)
    for upstream, said in [(tls(ours), "client certificate"), (shown(other.issue()), "it refuses us by the alert")]:
        program = await windlass(config([port], upstream=upstream))
        status, body = await get(program)
        assert status == 502 and "certificate" not in body
        # asyncio closes the connection and sends no alert.
        if peer != "python":
            line = await failure(program, "no TLS")
            assert said in line["error"] or "HandshakeFailure" in line["error"], line


async def test_an_endpoint_in_plain_is_told_from_one_with_tls(windlass, http_endpoint):
    port = await http_endpoint()
    program = await windlass(config([port], upstream="tls = { verify = false }"))
    assert (await get(program))[0] == 502
    await failure(program, "it answers in plain HTTP")


async def test_an_authority_that_is_exchanged_counts_from_the_next_handshake_on(windlass, websocket_endpoint, issuer):
    ours, other = issuer("ours"), issuer("other")
    port = await websocket_endpoint(echo, ssl=ours.issue().server())
    text = config([port], upstream=tls(ours))
    program = await windlass(text)
    async with connect(await program.url("ws"), proxy=None) as connection:
        ours.certificate.write_text(other.certificate.read_text())
        await program.reload(text)
        assert (await get(program))[0] == 502
        await failure(program, "its certificate was issued by nobody that is believed")
        await connection.send("still here")
        assert await within(connection.recv(), "the echo") == "still here"


async def test_verify_false_is_warned_of_at_the_start_and_at_each_reload(windlass, websocket_endpoint, issuer):
    port = await websocket_endpoint(echo, ssl=issuer("other").issue("DNS:elsewhere.test", EXPIRED).server())
    text = config([port], upstream="tls = { verify = false }")
    program = await windlass(text)
    assert (await get(program))[0] == 426

    def warns(line):
        return "endpoints are not verified" in line.get("message", "")

    first = await program.logged("a warning", warns)
    await program.reload(text)
    await program.logged("another warning", lambda line: warns(line) and line != first)
    assert len([line for line in program.log.facts if warns(line)]) == 2
