"""Runs curl and takes its answer apart."""

import asyncio
import contextlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness import within

# --noproxy: the environment of whoever runs the tests does not matter, loopback is always direct.
QUIET = ["--silent", "--show-error", "--noproxy", "*", "--max-time", "100"]


@dataclass
class Answer:
    """What one run of curl printed."""

    exit_code: int
    heads: str
    output: bytes
    errors: str

    @property
    def text(self) -> str:
        return self.output.decode()

    def json(self):
        return json.loads(self.output)

    @property
    def version(self) -> str:
        return self._final_head()[0].split()[0]

    @property
    def status(self) -> int:
        return int(self._final_head()[0].split()[1])

    @property
    def headers(self) -> dict:
        """The header fields of the final answer, names in lower case."""
        return dict(_field(line) for line in self._final_head()[1:])

    def trailers(self) -> dict:
        """What curl noted after the final head: it writes trailer fields below the empty line."""
        after = self.heads.replace("\r\n", "\n").split("\n\n")[-1]
        return dict(_field(line) for line in after.splitlines() if line and not line.startswith("HTTP/"))

    def _final_head(self) -> list:
        heads = self.heads.replace("\r\n", "\n").split("\n\n")
        return [head for head in heads if head.startswith("HTTP/")][-1].splitlines()


def _field(line):
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


@contextlib.asynccontextmanager
async def start_curl(*arguments, **streams):
    """A running curl whose output is read by the test; it does not outlive the block."""
    streams = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL, **streams}
    process = await asyncio.create_subprocess_exec(
        "curl", *QUIET, *map(str, arguments), stdin=asyncio.subprocess.DEVNULL, **streams
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def curl(*arguments, may_fail=False) -> Answer:
    """Runs curl to its end."""
    with tempfile.TemporaryDirectory() as directory:
        heads = Path(directory) / "heads"
        heads.touch()
        async with start_curl("--dump-header", heads, *arguments, stderr=asyncio.subprocess.PIPE) as process:
            output, errors = await within(process.communicate(), "end of curl", 110)
        answer = Answer(process.returncode, heads.read_text(), output, errors.decode())
    assert may_fail or answer.exit_code == 0, f"curl ended with {answer.exit_code}: {answer.errors}"
    return answer
