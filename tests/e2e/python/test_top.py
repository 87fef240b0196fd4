"""`windlass top` in a real terminal: what it shows of a real proxy, and what it does to it."""

import asyncio
import contextlib
import os
import re
import signal
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from harness import binary, config, within
from ports import free_port
from terminal import Terminal

pytestmark = pytest.mark.asyncio


async def echo(connection):
    async for message in connection:
        await connection.send(message)


@contextlib.asynccontextmanager
async def talking(url, count):
    """So many clients, each of which has said something."""
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connect(url)) for _ in range(count)]
        for client in clients:
            await client.send("hello")
            await client.recv()
        yield clients


async def code_of(client):
    """The close code that a client reads."""
    with contextlib.suppress(ConnectionClosed):
        await within(client.recv(), "a Close")
    return client.close_code


async def sane(terminal):
    """The shell has its terminal back as it was: what is typed is shown, line by line."""
    await terminal.line('[ "$(stty -g)" = "$(cat before)" ] && echo "as it ""was"')
    await terminal.until("as it was")


async def test_a_dozen_tunnels_are_seen_an_endpoint_is_drained_and_a_tunnel_closed(
    windlass, websocket_endpoint, tmp_path
):
    admin = tmp_path / "admin.sock"
    ports = {"a": await websocket_endpoint(echo), "b": await websocket_endpoint(echo)}
    upstream = 'policy = "round_robin"'
    program = await windlass(config(ports, upstream=upstream, extra=f'[admin]\nlisten = "unix:{admin}"'))
    async with (
        talking(await program.url("ws", "/chat"), 12) as clients,
        Terminal.opened(tmp_path) as terminal,
    ):
        await terminal.run("top", "--admin", f"unix:{admin}")
        shown = await terminal.until("12 open tunnels", "12 of 12", "main/b", "messages/s")
        assert len(re.findall(r"^ *\d+  127\.0\.0\.1 +main +main/[ab] ", shown, re.MULTILINE)) == 12, shown
        of_b = int(re.search(r"main/b +(\d+)", shown)[1])
        assert 0 < of_b < 12, "both have some"

        # What is not confirmed does not happen.
        await terminal.press("1", "Down", "d")
        await terminal.until("Drain main/b?", f"({of_b} tunnel")
        await terminal.press("n")
        await terminal.until("drain main/b was not confirmed", "12 open tunnels", gone=["Sure?"])
        await terminal.press("d")
        await terminal.until("Drain main/b?", "y does it")
        await terminal.press("y")
        await terminal.until("endpoint/main/b", "drained")
        shown = await terminal.until(f"{12 - of_b} open tunnels", "1012", gone=["Sure?"])
        assert re.search(r"main/b +0 ", shown), shown
        left = [client for client in clients if client.close_code is None]
        gone = [client for client in clients if client.close_code is not None]
        assert len(gone) == of_b and {client.close_code for client in gone} == {1012}
        await terminal.press("u")
        await terminal.until("Take main/b back?", "y does it")
        await terminal.press("y")
        await terminal.until("eligible", gone=["drained   ", "Sure?"])

        await terminal.press("2", "Home", "Enter")
        shown = await terminal.until("user agent", "limits")
        tunnel = re.search(r"Tunnel (\d+):", shown)[1]
        await terminal.press("x")
        await terminal.until(f"Close tunnel {tunnel}?", "4403", "y does it")
        await terminal.press("y")
        await terminal.until(f"{len(left) - 1} open tunnels", gone=["Sure?"])
        codes = await asyncio.gather(*[code_of(client) for client in left if client.state.name != "OPEN"])
        assert codes == [4403]

        await terminal.press("/")
        await terminal.press("-l", "main/b")
        await terminal.press("Enter")
        await terminal.until("none is like that", "/main/b")
        await terminal.press("/", "C-u", "Enter")
        await terminal.until(f"{len(left) - 1} of {len(left) - 1} by rate")

        for size in [(20, 5), (1, 1), (80, 24)]:
            await terminal.resize(*size)
        await terminal.until("2 Tunnels", "q quit")
        async with program.handed_over():
            await terminal.until("answers now, where process")
            await terminal.press("q")
            await terminal.until("it left with 0", gone=["2 Tunnels"])
            await sane(terminal)
    assert await program.exited() == 0


async def test_it_waits_for_a_process_that_is_gone_and_suspends_like_any_other_program(windlass, tmp_path):
    admin = tmp_path / "admin.sock"
    text = config([9], extra=f'[admin]\nlisten = "unix:{admin}"')
    program = await windlass(text)
    async with Terminal.opened(tmp_path) as terminal:
        await terminal.run("top", "--admin", f"unix:{admin}", variables="NO_COLOR=1")
        await terminal.until("0 open tunnels", "no tunnel is open")
        assert not re.search(r"\x1b\[[0-9;]*\b[39][0-7]\b", await terminal.shown("-e")), "there are no colours"
        await terminal.press("C-z")
        await terminal.until("Stopped", "ready>", gone=["2 Tunnels"])
        await sane(terminal)
        await terminal.line("clear; fg")
        await terminal.until("0 open tunnels", "no tunnel is open")
        await program.stop()
        await terminal.until("no news for", "trying again: no windlass answers")
        successor = await windlass(text)
        await terminal.until("0 open tunnels", f"process {successor.process.pid} answers now", gone=["no news for"])
        await terminal.press("C-c")
        await terminal.until("ready>", gone=["2 Tunnels"])
        await sane(terminal)
        # Whatever ends it, the terminal is given back.
        for number in [signal.SIGTERM, signal.SIGHUP]:
            await terminal.run("top", "--admin", f"unix:{admin}")
            await terminal.until("no tunnel is open")
            os.kill(await terminal.child(), number)
            await terminal.until("it left with 0", gone=["2 Tunnels"])
            await sane(terminal)


async def test_where_nobody_answers_it_says_so_and_draws_nothing(tmp_path):
    async with Terminal.opened(tmp_path) as terminal:
        await terminal.run("top", "--admin", f"unix:{tmp_path / 'nobody.sock'}")
        shown = await terminal.until("it left with 1", "no windlass answers at", "is it running", gone=["2 Tunnels"])
        assert "nobody.sock" in shown
        await sane(terminal)


async def test_who_starts_it_in_a_terminal_reads_where_a_browser_finds_it(tmp_path):
    async with Terminal.opened(tmp_path) as terminal:
        port = free_port()
        await terminal.run("run", "--endpoint", "127.0.0.1:9", "--listen", f"127.0.0.1:{port}")
        await terminal.until(f"serving http://127.0.0.1:{port};", "windlass status", "Ctrl-C stops it")
        await terminal.press("C-c")
        await terminal.until("it left with 0")


async def test_it_ends_with_its_terminal(windlass, tmp_path):
    admin = tmp_path / "admin.sock"
    await windlass(config([9], extra=f'[admin]\nlisten = "unix:{admin}"'))
    async with Terminal.opened(tmp_path) as terminal:
        await terminal.run("top", "--admin", f"unix:{admin}")
        await terminal.until("no tunnel is open")
        program = Path(f"/proc/{await terminal.child()}/stat")
        await terminal.hang_up()

        async def is_gone():
            # Whoever inherits it may not have asked yet how it ended.
            while program.exists() and program.read_text().rsplit(")", 1)[1].split()[0] != "Z":
                await asyncio.sleep(0.05)

        await within(is_gone(), "the end of a view that nobody can see")


async def test_where_one_only_looks_it_steers_nothing_and_says_so(windlass, tmp_path):
    address = f"127.0.0.1:{free_port()}"
    await windlass(config([9], extra=f'[admin]\nlisten = ["{address}"]'))
    async with Terminal.opened(tmp_path) as terminal:
        await terminal.run("top", "--admin", address)
        await terminal.until("only looking", "endpoint-0")
        await terminal.press("1", "d")
        await terminal.until("only looks, so it cannot drain main/endpoint-0", "ask at a unix socket")
        await terminal.press("Escape")
        await terminal.until("it left with 0")


async def test_without_a_terminal_it_says_what_to_use_instead(tmp_path):
    process = await asyncio.create_subprocess_exec(
        binary(), "top", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await within(process.communicate(), "an end of top")
    assert process.returncode == 2
    assert "top needs a terminal" in errors.decode() and "windlass tunnels" in errors.decode()
