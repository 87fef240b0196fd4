"""What Prometheus reads, held to what Prometheus asks of it: `promtool check metrics` over real scrapes, and none of them waits."""

import asyncio

import pytest
from websockets.asyncio.client import connect

from curl import curl
from harness import config, within

pytestmark = pytest.mark.asyncio

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


async def promtool(text):
    """What `promtool check metrics` says of a scrape: its exit code and its words."""
    process = await asyncio.create_subprocess_exec(
        "promtool",
        "check",
        "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await within(process.communicate(text.encode()), "an answer of promtool")
    return process.returncode, said.decode()


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def test_promtool_has_nothing_to_say_of_a_scrape(windlass, websocket_endpoint, tmp_path):
    admin = tmp_path / "admin.sock"
    port = await websocket_endpoint(echo)
    upstream = "handshakes_at_once = 50\nmax_tunnels = 100"
    program = await windlass(config([port], upstream=upstream, extra=f'[admin]\nlisten = "unix:{admin}"'))
    async with connect(await program.url("ws", "/chat")) as client:
        await client.send("hello")
        assert await client.recv() == "hello"
    scrape = (await curl("--unix-socket", admin, "http://admin/metrics")).text
    assert "windlass_tunnels_opened_total" in scrape
    assert await promtool(scrape) == (0, "")
    # It speaks the older text alone; of the other the end is what nobody may leave out.
    newer = (await curl("--unix-socket", admin, "--header", f"Accept: {OPEN_METRICS}", "http://admin/metrics")).text
    assert newer.endswith("# EOF\n")
