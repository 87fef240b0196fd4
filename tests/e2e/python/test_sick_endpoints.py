"""What the clients of an endpoint see that dies, hangs, says 503 or comes and goes: how soon they are elsewhere.

Endpoints are processes that a test kills and stops; clients come back at once, as a page without a back-off would. Bounds are the
configured timers with some room for a busy machine; what was measured stands in the summary.
"""

import asyncio
import contextlib
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from conftest import measured
from harness import config, within

pytestmark = pytest.mark.asyncio

NAMES = ["a", "b", "c", "d"]
CLIENTS = 60
ROOM = 2.0  # seconds that a busy machine may add
PROBED = 'health = { probe = "http", path = "/healthz", every = "500ms", timeout = "300ms", rise = 2, fall = 2 }'
NOTICED = 0.5 * 2 + 1.0  # every × fall + 1 s


class EndpointProcess:
    """One endpoint."""

    def __init__(self, name):
        self.name, self.port, self.process = name, 0, None

    async def start(self):
        script = Path(__file__).with_name("endpoint_process.py")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, script, self.name, str(self.port), stdout=asyncio.subprocess.PIPE
        )
        self.port = int(await within(self.process.stdout.readline(), f"the port of {self.name}"))

    def signal(self, number):
        self.process.send_signal(number)

    async def end(self):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@dataclass
class Resident:
    """A client that always wants to be connected; what befell it."""

    user: int
    at: str = ""
    lost_at: float = 0.0
    back_after: list = field(default_factory=list)
    handshakes: list = field(default_factory=list)
    failures_in_a_row: int = 0
    most_failures_in_a_row: int = 0

    async def live(self, url):
        while True:
            asked = time.monotonic()
            try:
                async with connect(
                    url, additional_headers={"x-user": str(self.user)}, proxy=None, open_timeout=30, close_timeout=1
                ) as connection:
                    self.at = await connection.recv()
                    self.note_back(asked)
                    async for _ in connection:
                        pass
            except (OSError, EOFError, InvalidHandshake):
                self.note_failed(asked)
            except WebSocketException:
                pass
            self.at, self.lost_at = "", self.lost_at or time.monotonic()
            await asyncio.sleep(0)

    def note_back(self, asked):
        now = time.monotonic()
        self.handshakes.append(now - asked)
        self.failures_in_a_row = 0
        if self.lost_at:
            self.back_after.append(now - self.lost_at)
            self.lost_at = 0.0

    def note_failed(self, asked):
        self.handshakes.append(time.monotonic() - asked)
        self.failures_in_a_row += 1
        self.most_failures_in_a_row = max(self.most_failures_in_a_row, self.failures_in_a_row)


class Town:
    """Four endpoints, a proxy before them, and clients that live there."""

    def __init__(self, program, endpoints, url):
        self.program, self.endpoints, self.url = program, endpoints, url
        self.residents, self.tasks = [], []

    async def settle(self, clients):
        newcomers = [Resident(user) for user in range(len(self.residents), len(self.residents) + clients)]
        self.residents += newcomers
        self.tasks += [asyncio.create_task(resident.live(self.url)) for resident in newcomers]
        await self.until("everybody is in", lambda: all(resident.at for resident in self.residents))
        return newcomers

    def of(self, name):
        return [resident for resident in self.residents if resident.at == name]

    async def until(self, what, holds, seconds=20.0):
        """Waits until something holds; how long that took."""
        begun = time.monotonic()
        while not holds():
            assert time.monotonic() < begun + seconds, f"not within {seconds} s: {what}\n{self.program.log_text()}"
            await asyncio.sleep(0.01)
        return time.monotonic() - begun

    def report(self, what, took):
        waits = sorted(wait for resident in self.residents for wait in resident.handshakes)
        slow = [wait for wait in waits if wait > 0.25]
        failures = max(resident.most_failures_in_a_row for resident in self.residents)
        measured(
            f"{what}: everybody elsewhere after {took:.2f} s; {len(waits)} handshakes, {len(slow)} above 0.25 s, "
            f"the longest {waits[-1]:.2f} s; failures in a row: {failures}"
        )


@pytest_asyncio.fixture
async def town(windlass):
    async with contextlib.AsyncExitStack() as stack:

        async def build(upstream):
            endpoints = {name: EndpointProcess(name) for name in NAMES}
            for endpoint in endpoints.values():
                await endpoint.start()
                stack.push_async_callback(endpoint.end)
            ports = {name: endpoint.port for name, endpoint in endpoints.items()}
            program = await windlass(config(ports, upstream=f'sticky_on = ["header:x-user"]\n{upstream}'))
            built = Town(program, endpoints, await program.url("ws"))

            async def move_out():
                for task in built.tasks:
                    task.cancel()
                await asyncio.gather(*built.tasks, return_exceptions=True)

            stack.push_async_callback(move_out)
            return built

        yield build


async def test_clients_of_a_killed_endpoint_are_elsewhere_at_once(town):
    """By defaults alone: their tunnels end with the process, and it refuses whoever comes."""
    here = await town("")
    await here.settle(CLIENTS)
    theirs = here.of("a")
    assert theirs
    here.endpoints["a"].signal(signal.SIGKILL)
    took = await here.until("its clients are elsewhere", lambda: all(it.at not in ("", "a") for it in theirs), 0.5 + ROOM)
    here.report("killed, health off", took)
    assert all(it.most_failures_in_a_row == 0 for it in here.residents)


async def test_clients_of_a_stopped_endpoint_are_elsewhere_when_its_probes_fail(town):
    here = await town(f'{PROBED}\non_down = "close"')
    await here.settle(CLIENTS)
    theirs = here.of("b")
    assert theirs
    here.endpoints["b"].signal(signal.SIGSTOP)
    took = await here.until("its clients are elsewhere", lambda: all(it.at not in ("", "b") for it in theirs), NOTICED + ROOM)
    here.report("stopped, probed each 0.5 s, two failures, on_down = close", took)
    newcomers = await here.settle(CLIENTS)
    assert all(it.at != "b" and max(it.handshakes) < 0.3 + ROOM for it in newcomers), "nobody waits for it any more"
    here.endpoints["b"].signal(signal.SIGCONT)
    await here.program.logged("that it is up again", lambda line: line.get("endpoint") == "b" and line.get("state") == "eligible")
    await here.settle(CLIENTS)
    assert here.of("b"), "it serves again"


async def test_nobody_reads_two_failures_in_a_row_of_a_stopped_endpoint_by_defaults_alone(town):
    here = await town('handshake_timeout = "1s"')
    await here.settle(CLIENTS)
    here.endpoints["c"].signal(signal.SIGSTOP)
    newcomers = await here.settle(CLIENTS)
    here.report("stopped, health off, handshake_timeout = 1s", max(max(it.handshakes) for it in newcomers))
    assert all(it.most_failures_in_a_row <= 1 for it in here.residents)
    later = await here.settle(CLIENTS)
    waited = [it for it in later if max(it.handshakes) > 0.9]
    assert len(waited) <= 1, "it is left alone by now, but for a trial"
    here.endpoints["c"].signal(signal.SIGCONT)


async def test_clients_of_an_endpoint_that_says_503_are_elsewhere_at_once_by_defaults_alone(town):
    here = await town("")
    await here.settle(CLIENTS)
    theirs = here.of("d")
    assert theirs
    here.endpoints["d"].signal(signal.SIGUSR1)
    here.endpoints["d"].signal(signal.SIGHUP)
    took = await here.until("its clients are elsewhere", lambda: all(it.at not in ("", "d") for it in theirs), 0.5 + ROOM)
    here.report("503 to every upgrade, health off", took)
    assert all(it.most_failures_in_a_row == 0 for it in here.residents)
    ejected = await here.program.logged("that it is left alone", lambda line: line.get("state") == "ejected")
    assert ejected["endpoint"] == "d" and "503" in ejected["cause"]


async def test_an_endpoint_that_comes_and_goes_each_second_harms_nobody_elsewhere(town):
    here = await town(f'{PROBED}\non_down = "close"\nhandshake_timeout = "1s"')
    await here.settle(CLIENTS)
    elsewhere = [it for it in here.residents if it.at != "a"]
    for _ in range(4):
        here.endpoints["a"].signal(signal.SIGSTOP)
        await asyncio.sleep(1)
        here.endpoints["a"].signal(signal.SIGCONT)
        await asyncio.sleep(1)
    took = await here.until("everybody is in", lambda: all(it.at for it in here.residents))
    here.report("stopped and woken each second for 8 s", took)
    assert all(len(it.handshakes) == 1 for it in elsewhere), "who is at another endpoint notices nothing"
    assert all(it.most_failures_in_a_row <= 1 for it in here.residents)


async def test_an_endpoint_that_is_started_anew_takes_its_clients_again(town):
    here = await town(PROBED)
    await here.settle(CLIENTS)
    theirs = here.of("a")
    await here.endpoints["a"].end()
    await here.until("its clients are elsewhere", lambda: all(it.at not in ("", "a") for it in theirs))
    await here.program.logged("that it is down", lambda line: line.get("endpoint") == "a" and line.get("state") == "down")
    await here.endpoints["a"].start()
    await here.program.logged("that it is up", lambda line: line.get("endpoint") == "a" and line.get("state") == "eligible")
    newcomers = await here.settle(CLIENTS)
    assert any(it.at == "a" for it in newcomers)
