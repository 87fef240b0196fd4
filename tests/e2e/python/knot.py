"""Knot DNS as a process of its own: a zone that is changed by knsupdate while it is asked."""

import asyncio
import os
import shutil
import signal

from harness import within
from ports import free_port

ZONE = "app.test"
TTL = 1


def find(program):
    """Where Debian puts what daemons are, is not on everybody's path."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, f"there is no {program}: install knot and knot-dnsutils"
    return found


class Knot:
    """One server with one zone."""

    def __init__(self, directory):
        self.directory, self.port, self.process = directory, free_port(), None

    async def start(self):
        zone = [f"$ORIGIN {ZONE}.", f"$TTL {TTL}", "@ SOA ns admin 1 3600 600 86400 1", "@ NS ns", "ns A 127.0.0.1"]
        (self.directory / "zone").write_text("\n".join([*zone, ""]))
        configuration = f"""
server:
    listen: 127.0.0.1@{self.port}
    rundir: "{self.directory}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: "{self.directory}"
acl:
  - id: update
    address: 127.0.0.1
    action: update
zone:
  - domain: {ZONE}
    file: "{self.directory}/zone"
    acl: update
"""
        (self.directory / "knot.conf").write_text(configuration)
        self.process = await asyncio.create_subprocess_exec(
            find("knotd"), "-c", self.directory / "knot.conf", stderr=asyncio.subprocess.DEVNULL
        )
        await within(self._answers(), "an answer of knot")

    async def update(self, *changes):
        """Changes the zone, all at once: `add app A 127.0.0.1`, `delete app A 127.0.0.1`."""
        lines = [f"server 127.0.0.1 {self.port}", f"zone {ZONE}.", f"ttl {TTL}"]
        for change in changes:
            verb, name, *record = change.split()
            lines.append(f"update {verb} {name}.{ZONE}. {' '.join(record)}")
        process = await asyncio.create_subprocess_exec(
            find("knsupdate"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await within(process.communicate("\n".join([*lines, "send", "quit", ""]).encode()), "knsupdate's end")
        assert process.returncode == 0 and b"error" not in said.lower(), f"{changes}: {said.decode()}"

    def stop(self):
        """It answers nobody any more, and is there."""
        self.process.send_signal(signal.SIGSTOP)

    def wake(self):
        self.process.send_signal(signal.SIGCONT)

    async def end(self):
        if self.process and self.process.returncode is None:
            self.wake()
            self.process.kill()
            await self.process.wait()

    async def _answers(self):
        command = [find("kdig"), f"@127.0.0.1#{self.port}", "+short", "+retry=0", "+time=1", f"ns.{ZONE}"]
        while True:
            asked = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            said, _ = await asked.communicate()
            if said.strip() == b"127.0.0.1":
                return
            assert self.process.returncode is None, "knot has ended"
            await asyncio.sleep(0.05)
