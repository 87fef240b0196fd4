"""What an operator sees of messages that foreign clients and servers compress."""

import asyncio
import json

import pytest
from websockets.asyncio.client import connect

from curl import curl
from harness import binary, config, within

pytestmark = pytest.mark.asyncio

WORDS = "the same words again, and again the same words"


async def echo(connection):
    async for message in connection:
        await connection.send(message)


class Tap:
    """A tap of the one tunnel that is open."""

    def __init__(self, process):
        self.process = process

    @classmethod
    async def of(cls, admin):
        """Begins one."""
        tunnels = json.loads((await curl("--unix-socket", admin, "http://admin/tunnels")).text)["tunnels"]
        process = await asyncio.create_subprocess_exec(
            binary(),
            "tap",
            str(tunnels[0]["id"]),
            "--json",
            "--for",
            "1min",
            "--admin",
            f"unix:{admin}",
            stdout=asyncio.subprocess.PIPE,
        )
        tap = cls(process)
        assert (await tap.next())["what"] == "began"
        return tap

    async def next(self):
        """The next that it tells."""
        return json.loads(await within(self.process.stdout.readline(), "a line of the tap"))


async def test_compressed_messages_are_shown_as_they_were_meant(windlass, websocket_endpoint, tmp_path):
    admin = tmp_path / "admin.sock"
    port = await websocket_endpoint(echo)
    program = await windlass(config([port], extra=f'[admin]\nlisten = "unix:{admin}"\ntap = "messages"'))
    async with connect(await program.url("ws", "/chat"), compression="deflate") as client:
        assert client.protocol.extensions, "they agreed on permessage-deflate"
        early = await Tap.of(admin)
        for _ in range(3):
            await client.send(WORDS)
            assert await client.recv() == WORDS
            for direction in ["from_client", "from_upstream"]:
                line = await early.next()
                assert (line["direction"], line["text"], line["compressed"]) == (direction, WORDS, True), line
                assert line["bytes"] < len(WORDS)
        # Who comes late does not know what these refer to, and is told so.
        late = await Tap.of(admin)
        await client.send(WORDS)
        assert await client.recv() == WORDS
        line = await late.next()
        assert "before the tap" in line["hidden"] and "text" not in line, line
        await client.ping(b"there?")
        for tap in (early, late):
            lines = [await tap.next()]
            while lines[-1]["kind"] != "ping":
                lines.append(await tap.next())
            assert lines[-1]["hex"] == b"there?".hex()
    for tap in (early, late):
        lines = [await tap.next()]
        while lines[-1]["what"] != "end":
            lines.append(await tap.next())
        assert lines[-1]["why"] == "ended"
        assert [line["code"] for line in lines if line.get("kind") == "close"] == [1000, 1000]
        assert await within(tap.process.wait(), "the end of the tap") == 0
