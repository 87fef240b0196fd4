"""The snippet for logrotate, by logrotate: under load no line of the log is lost, and none is torn."""

import asyncio
import json
import os
import pwd
import re
import shutil
from collections import Counter

import pytest

from harness import REPOSITORY, Windlass, config, within

pytestmark = pytest.mark.asyncio

SNIPPET = REPOSITORY / "systemd/windlass.logrotate"


def snippet_for(folder, pid):
    """The snippet for files in this folder and a process that no systemd runs, with no other change."""
    user = pwd.getpwuid(os.getuid()).pw_name
    text = SNIPPET.read_text()
    for old, new in [
        ("/var/log/windlass/*.log", f"{folder}/*.log"),
        ("su windlass windlass", f"su {user} {user}"),
        ("systemctl kill --kill-whom=main --signal=USR1 windlass.service", f"kill -USR1 {pid}"),
    ]:
        assert text.count(old) == 1 or old.startswith("/var"), old
        text = text.replace(old, new)
    return text


async def rotate(snippet, state):
    logrotate = shutil.which("logrotate") or "/usr/sbin/logrotate"
    process = await asyncio.create_subprocess_exec(
        logrotate, "--force", "--state", state, snippet, stderr=asyncio.subprocess.PIPE
    )
    _, said = await within(process.communicate(), "logrotate")
    assert process.returncode == 0, said.decode()


async def listening(log):
    """Where it listens, as soon as that is written."""
    while True:
        whole = log.read_text().rpartition("\n")[0]
        for line in map(json.loads, whole.splitlines()):
            if line["message"] == "listening":
                return line["address"]
        await asyncio.sleep(0)


async def test_logrotate_moves_the_log_away_and_no_line_is_lost(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o750)
    log = f'[log]\nto = "{logs}/windlass.log"\naccess = "{logs}/access.log"\n'
    own = '[route.own]\npath = "/own"\nrespond = { status = 200, body = "own" }\n'
    bind = "127.0.0.1:0"
    windlass = await Windlass.start(tmp_path, config([1], bind=bind, extra=log + own))
    try:
        host, _, port = (await within(listening(logs / "windlass.log"), "its address")).rpartition(":")
        snippet, state = tmp_path / "snippet", tmp_path / "state"
        snippet.write_text(snippet_for(logs, windlass.process.pid))
        snippet.chmod(0o600)
        asked = 0
        over = asyncio.Event()

        async def load():
            nonlocal asked
            reader, writer = await asyncio.open_connection(host, int(port))
            while not over.is_set():
                writer.write(b"GET /own HTTP/1.1\r\nHost: a\r\n\r\n")
                await writer.drain()
                head = await within(reader.readuntil(b"\r\n\r\n"), "an answer")
                length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
                await within(reader.readexactly(length), "its body")
                asked += 1
            writer.close()

        loading = asyncio.create_task(load())
        for turn in range(1, 4):
            before = asked
            await rotate(snippet, state)
            while asked < before + 200 or not (logs / "windlass.log").exists():
                assert not loading.done(), loading.exception()
                await asyncio.sleep(0)
            assert (logs / "windlass.log.1").exists(), turn
        over.set()
        await within(loading, "the end of the load")
    finally:
        await windlass.stop()

    names = Counter(path.name for path in logs.iterdir())
    assert {"windlass.log.1", "windlass.log.2.gz", "windlass.log.3.gz", "access.log.2.gz"} <= names.keys(), names
    written, accessed = 0, 0
    for path in logs.iterdir():
        text = await output("zcat", "-f", path)
        if path.name.startswith("windlass"):
            written += sum(json.loads(line)["message"] == "exchange" for line in text.splitlines())
        else:
            accessed += len(text.splitlines())
    assert (written, accessed) == (asked, asked)


async def output(*command):
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await within(process.communicate(), " ".join(map(str, command)))
    return said.decode()
