"""The program under test as an object: start it, reload it, stop it, read its log.

Readiness is what systemd would see: the harness plays the notify socket and waits for READY=1 on it, at the start and
after each SIGHUP. Nothing here sleeps; every wait has a deadline and names what it waited for.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
DEADLINE = 20.0
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def binary() -> Path:
    """The program under test: $WINDLASS, or what `cargo build --profile e2e` made."""
    path = Path(os.environ.get("WINDLASS") or REPOSITORY / "target/e2e/windlass").resolve()
    assert path.is_file(), f"no program at {path}: run `cargo build --profile e2e`, or set WINDLASS"
    return path


def config(endpoints, *, bind="127.0.0.1:0", tls=None, listener="", path="/", route="", upstream="", extra="") -> str:
    """A configuration with one listener, one route and one upstream; `endpoints` are ports, or `name: port`."""
    named = endpoints if isinstance(endpoints, dict) else {f"endpoint-{i}": port for i, port in enumerate(endpoints)}
    addresses = ", ".join(f'{{ name = "{name}", address = "127.0.0.1:{port}" }}' for name, port in named.items())
    return "\n".join(
        [
            "[listener.public]",
            f'bind = "{bind}"',
            f'tls = {{ chain = "{tls.chain}", key = "{tls.key}" }}' if tls else "",
            listener,
            "[route.main]",
            f'path = "{path}"',
            'upstream = "main"',
            route,
            "[upstream.main]",
            f"endpoints = [{addresses}]",
            upstream,
            "[drain.stop]",
            'deadline = "10s"',
            'spread = "100ms"',
            "[drain.reload]",
            'deadline = "10s"',
            'spread = "100ms"',
            extra,
        ]
    )


class Waiting:
    """Facts that arrive one by one, and those who wait for one of them."""

    def __init__(self):
        self.facts = []
        self._arrived = asyncio.Condition()

    async def add(self, fact):
        async with self._arrived:
            self.facts.append(fact)
            self._arrived.notify_all()

    async def first(self, matches, *, since=0):
        """The first fact from number `since` on that matches."""
        async with self._arrived:
            while True:
                for fact in self.facts[since:]:
                    if matches(fact):
                        return fact
                await self._arrived.wait()


class Windlass:
    """One running `windlass run`."""

    def __init__(self, directory: Path):
        self.config_file = directory / "windlass.toml"
        self.process = None
        self.log = Waiting()
        self.notifications = Waiting()
        self._notify_path = directory / "notify"
        self._tasks = []

    @classmethod
    async def start(cls, directory: Path, config_text: str) -> "Windlass":
        """Starts the program and returns when it says that it is ready."""
        self = cls(directory)
        self.config_file.write_text(config_text)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        notify.bind(str(self._notify_path))
        self.process = await asyncio.create_subprocess_exec(
            binary(),
            "run",
            "-c",
            self.config_file,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": str(self._notify_path), "RUST_BACKTRACE": "1"},
        )
        self._tasks = [
            asyncio.create_task(self._read_notifications(notify)),
            asyncio.create_task(self._read_log(self.process.stderr)),
        ]
        await self.notified("READY=1", since=0)
        return self

    async def address(self, listener="public"):
        """Where a listener is bound, as it says in the log."""
        line = await self._within(
            self.log.first(lambda line: line.get("message") == "listening" and line.get("listener") == listener),
            f"the address of listener {listener}",
        )
        host, _, port = line["address"].rpartition(":")
        return host, int(port)

    async def url(self, scheme, path="/", listener="public") -> str:
        host, port = await self.address(listener)
        return f"{scheme}://{host}:{port}{path}"

    async def logged(self, what, matches):
        """The first log line, from the start on, that matches."""
        return await self._within(self.log.first(matches), what)

    async def notified(self, field, *, since):
        """The first datagram with this field from number `since` on."""
        return await self._within(
            self.notifications.first(lambda datagram: field in datagram.splitlines(), since=since), field
        )

    async def reload(self, config_text: str):
        """Writes the file, sends SIGHUP and waits until the reload is over."""
        self.config_file.write_text(config_text)
        since = len(self.notifications.facts)
        self.signal(signal.SIGHUP)
        reloading = await self.notified("RELOADING=1", since=since)
        assert "MONOTONIC_USEC=" in reloading, f"RELOADING=1 came without its time: {reloading!r}"
        await self.notified("READY=1", since=since)

    @contextlib.asynccontextmanager
    async def handed_over(self):
        """Has another process take over and waits for it; it is ended at the end."""
        since = len(self.notifications.facts)
        self.signal(signal.SIGUSR2)
        told = self.notifications.first(lambda datagram: "MAINPID=" in datagram, since=since)
        fields = dict(line.partition("=")[::2] for line in (await within(told, "a new process")).splitlines())
        try:
            yield
        finally:
            os.kill(int(fields["MAINPID"]), signal.SIGTERM)

    def signal(self, number):
        self.process.send_signal(number)

    async def exited(self) -> int:
        """Waits for the end, and returns the exit code; a signal's number is negative."""
        return await self._within(self.process.wait(), "the exit of the program")

    async def stop(self):
        """Asks it to stop, and holds it to a clean exit."""
        self.signal(signal.SIGTERM)
        code = await self.exited()
        assert code == 0, f"exit code {code} after SIGTERM; log:\n{self.log_text()}"

    async def dispose(self):
        """Ends what is left of it, and holds it to never having panicked."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        panics = [line for line in self.log.facts if "panicked at" in json.dumps(line)]
        assert not panics, f"the program panicked:\n{self.log_text()}"

    def log_text(self) -> str:
        return "\n".join(json.dumps(line) for line in self.log.facts[-50:])

    def memory(self, field) -> int:
        """A field of /proc/PID/status in bytes: VmRSS is the memory held now, VmHWM the most ever held."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) * KIB
        raise AssertionError(f"/proc/{self.process.pid}/status has no {field}")

    async def _within(self, waiting, what):
        """Awaits something, but not longer than the deadline, and not longer than the program lives."""
        waiting = asyncio.ensure_future(waiting)
        exited = asyncio.ensure_future(self.process.wait())
        try:
            done, _ = await asyncio.wait([waiting, exited], timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise AssertionError(f"no {what} within {DEADLINE} s; log:\n{self.log_text()}")
            if waiting not in done:
                await asyncio.wait([waiting], timeout=1)  # its last words may still be on their way
            if not waiting.done():
                raise AssertionError(
                    f"exit code {self.process.returncode} while waiting for {what}; log:\n{self.log_text()}"
                )
            return waiting.result()
        finally:
            waiting.cancel()
            exited.cancel()

    async def _read_notifications(self, notify):
        with notify:
            while True:
                datagram = await asyncio.get_running_loop().sock_recv(notify, 4 * KIB)
                await self.notifications.add(datagram.decode())

    async def _read_log(self, stderr):
        while line := await stderr.readline():
            try:
                event = json.loads(line)
                await self.log.add({**event, **event.pop("fields", {})})
            except ValueError:
                await self.log.add({"message": line.decode(errors="replace").rstrip()})


async def within(waiting, what, seconds=DEADLINE):
    """Awaits something of the test's own, with a deadline that says what was missing."""
    try:
        return await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        raise AssertionError(f"no {what} within {seconds} s") from None
