"""Open tunnels of clients that others have written, when the program is replaced under them."""

import asyncio
import contextlib
import re

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from harness import DEADLINE, MIB, config, within

pytestmark = pytest.mark.asyncio

# Nobody is told to go: who has not moved would be drained over hours.
SLOW = '[drain.handoff]\nspread = "19h"\ndeadline = "20h"'
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def echo(connection):
    async for message in connection:
        if message == "leave":
            await connection.close(4321, "as you wish")
            return
        await connection.send(message)


async def talks(client, message):
    await client.send(message)
    return await within(client.recv(), "an echo") == message


async def moved(program, tunnels):
    """The process that had them says so, and that it has nothing left."""
    told = await program.logged("what became of them", lambda line: line.get("message") == "what became of the open tunnels")
    assert (told["moved"], told["stayed"]) == (tunnels, 0), told
    await program.logged("its end", lambda line: line.get("message") == "everything that was here has ended")


async def test_python_websockets_chat_on_over_wss_and_read_the_close_codes(windlass, websocket_endpoint, certificate):
    program = await windlass(config([await websocket_endpoint(echo)], tls=certificate, extra=SLOW))
    url = await program.url("wss")
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connect(url, ssl=certificate.trusted(), proxy=None)) for _ in range(8)]
        assert all([await talks(client, "before") for client in clients])
        # One is in the middle of something large, both ways.
        large = "x".join(str(number) for number in range(MIB // 8))
        await clients[0].send(large)
        async with program.handed_over():
            await moved(program, 8)
            assert await within(clients[0].recv(), "the large one") == large
            assert all([await talks(client, f"after, from {number}") for number, client in enumerate(clients)])
            await clients[1].send("leave")
            with pytest.raises(ConnectionClosed) as closed:
                await within(clients[1].recv(), "its Close")
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "as you wish")
            await clients[2].close(4400, "enough")
            for code in (4321, 4400):
                ended = await program.logged("its end", lambda line, code=code: line.get("code") == code)
                assert ended["moved"] == 1, ended


async def test_openssl_updates_its_keys_both_ways_after_it_has_moved(windlass, websocket_endpoint, certificate):
    program = await windlass(config([await websocket_endpoint(echo)], tls=certificate, extra=SLOW))
    _, port = await program.address()
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-tls1_3", "-msg"]
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    openssl = await asyncio.create_subprocess_exec(*command, **pipes)
    said = b""

    async def hears(pattern):
        nonlocal said
        while not (found := re.search(pattern, said)):
            more = await asyncio.wait_for(openssl.stdout.read(65536), DEADLINE)
            assert more, f"openssl has ended, without {pattern!r}: {said!r}"
            said += more
        said = said[found.end() :]

    async def says(text, before=b""):
        # A frame of a client, masked with nothing; a line of its own, and no letter that s_client takes for a command.
        payload = text + b"\n"
        openssl.stdin.write(b"\x81" + bytes([0x80 | len(payload)]) + bytes(4) + payload)
        await openssl.stdin.drain()
        await hears(before)
        await hears(b"\x81" + re.escape(bytes([len(payload)]) + payload))

    try:
        await hears(rb"read R BLOCK|Verify return code")
        openssl.stdin.write(UPGRADE)
        await hears(rb"101 Switching Protocols[\s\S]*?\r\n\r\n")
        await says(b"before")
        async with program.handed_over():
            await moved(program, 1)
            await says(b"after")
            # Its own keys, and then ours too: those are new from our next word on.
            for command, ours in [(b"k\n", b""), (b"K\n", rb"<<< TLS 1.3, Handshake \[length 0005\], KeyUpdate")]:
                openssl.stdin.write(command)
                await hears(rb">>> TLS 1.3, Handshake \[length 0005\], KeyUpdate")
                await says(b"with new keys", before=ours)
            openssl.kill()
    finally:
        with contextlib.suppress(ProcessLookupError):
            openssl.kill()
        await openssl.wait()
