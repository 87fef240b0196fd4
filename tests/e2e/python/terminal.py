"""A real terminal for a program that draws: tmux, which shows what a person would see."""

import asyncio
import contextlib
import os
import shlex
from pathlib import Path

from harness import DEADLINE, binary, within

SIZE = (120, 40)


class Terminal:
    """A shell in a terminal of its own."""

    def __init__(self, directory):
        self._socket = directory / "tmux"

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, directory, *, size=SIZE):
        """With nothing of the settings of whoever runs the tests; it is gone at the end."""
        self = cls(directory)
        columns, lines = map(str, size)
        # Its prompt says that it is ready, and interactive shells know jobs.
        shell = ["env", "-u", "NO_COLOR", "PS1=ready> ", "ENV=/dev/null", "bash", "--norc", "--noprofile", "-i"]
        await self._tmux("new-session", "-d", "-x", columns, "-y", lines, f"exec {shlex.join(shell)}")
        try:
            await self.until("ready>")
            yield self
        finally:
            await self._tmux("kill-server")

    async def run(self, *arguments, variables=""):
        """Has the shell run windlass; it says how that ended."""
        command = shlex.join([str(binary()), *map(str, arguments)])
        await self.line(f'clear; stty -g >before; {variables} {command}; echo "it left with $?"')

    async def line(self, text):
        """Types a line."""
        await self._tmux("send-keys", "-l", text)
        await self._tmux("send-keys", "Enter")

    async def child(self) -> int:
        """The process that the shell waits for."""
        shell = (await self._tmux("display-message", "-p", "#{pane_pid}")).strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text())

    async def press(self, *keys):
        """Presses keys, by the names that tmux has for them, or as they are."""
        await self._tmux("send-keys", *keys)

    async def resize(self, columns, lines):
        await self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    async def hang_up(self):
        """Takes the terminal away from whoever is in it."""
        await self._tmux("new-window", "-d")
        await self._tmux("kill-window")

    async def shown(self, *options) -> str:
        """What there is to see."""
        return await self._tmux("capture-pane", "-p", *options)

    async def until(self, *words, gone=()):
        """Waits until all of the words are to be seen, and none of those that should be gone; returns the whole."""
        shown = ""

        async def seen():
            nonlocal shown
            while True:
                shown = await self.shown()
                if all(word in shown for word in words) and not any(word in shown for word in gone):
                    return shown
                await asyncio.sleep(0.05)

        try:
            return await asyncio.wait_for(seen(), DEADLINE)
        except TimeoutError:
            raise AssertionError(f"no {words} without {gone} within {DEADLINE} s:\n{shown}") from None

    async def _tmux(self, *arguments) -> str:
        process = await asyncio.create_subprocess_exec(
            *["tmux", "-u", "-f", "/dev/null", "-S", self._socket],
            *arguments,
            cwd=self._socket.parent,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "SHELL": "/bin/sh"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await within(process.communicate(), f"an end of tmux {arguments[0]}")
        assert process.returncode == 0, f"tmux {arguments}: {errors.decode()}"
        return output.decode()
