"""The admin API against its own document: whatever schemathesis asks is answered as docs/openapi.json says."""

import asyncio
import json
import subprocess

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from harness import REPOSITORY, binary, config
from ports import free_port

TOKEN = "0123456789abcdef0123456789abcdef"
DOCUMENT = json.loads((REPOSITORY / "docs/openapi.json").read_text())
# Asked for at random, a handoff would start a process each time; the feed goes on for ever, and the files of the dashboard are no API.
LEFT_OUT = {"/handoff", "/events", "/tap", "/", "/dashboard/{file}"}
OPERATIONS = [(path, verb) for path, verbs in DOCUMENT["paths"].items() for verb in verbs if path not in LEFT_OUT]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def operator_listener(tmp_path):
    """An admin listener with a token: its address, and the lines of the configuration."""
    (tmp_path / "admin.token").write_text(TOKEN)
    (tmp_path / "admin.token").chmod(0o600)
    address = f"127.0.0.1:{free_port()}"
    return address, f'[[admin.listen]]\naddress = "{address}"\ntoken = "{tmp_path}/admin.token"'


async def echo(connection):
    async for message in connection:
        await connection.send(message)


@pytest.mark.asyncio
async def test_every_operation_answers_as_the_document_says(windlass, websocket_endpoint, tmp_path):
    address, listener = operator_listener(tmp_path)
    program = await windlass(config({"a": await websocket_endpoint(echo)}, extra=listener))
    schema = schemathesis.openapi.from_dict(DOCUMENT)

    def ask(path, verb, mode):
        operation = schema[path][verb.upper()]
        bounds = settings(
            max_examples=20, deadline=None, phases=[Phase.generate], database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip

        @bounds
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case):
            checks = [*CHECKS, negative_data_rejection] if verb == "post" else CHECKS
            case.call_and_validate(base_url=f"http://{address}", headers={"authorization": f"Bearer {TOKEN}"}, checks=checks, timeout=30)

        holds()

    for path, verb in OPERATIONS:
        modes = [GenerationMode.POSITIVE]
        if verb == "post" and "requestBody" in DOCUMENT["paths"][path][verb]:
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:
            await asyncio.to_thread(ask, path, verb, mode)
    assert program.process.returncode is None, "it serves on"


@pytest.mark.asyncio
async def test_the_document_that_is_served_is_the_one_that_is_kept(windlass, websocket_endpoint, tmp_path):
    address, listener = operator_listener(tmp_path)
    await windlass(config([await websocket_endpoint(echo)], extra=listener))
    said = await asyncio.to_thread(subprocess.run, ["curl", "--silent", "--fail", f"http://{address}/openapi.json"], check=True, capture_output=True)
    assert json.loads(said.stdout) == DOCUMENT


def test_shells_take_their_completions_and_man_its_pages(tmp_path):
    def said(*arguments):
        return subprocess.run([binary(), *arguments], check=True, capture_output=True, text=True, timeout=30).stdout

    script = tmp_path / "windlass.bash"
    script.write_text(said("completions", "bash"))
    typed = f"source {script}; COMP_WORDS=(windlass tun); COMP_CWORD=1; _windlass windlass tun windlass; echo ${{COMPREPLY[@]}}"
    completed = subprocess.run(["bash", "-c", typed], check=True, capture_output=True, text=True, timeout=30)
    assert completed.stdout.split() == ["tunnels"]
    for shell in ["zsh", "fish"]:
        assert "tunnels" in said("completions", shell)
    said("man", str(tmp_path / "man"))
    pages = {page.name for page in (tmp_path / "man").iterdir()}
    assert {"windlass.1", "windlass-tunnels.1", "windlass-close.1"} <= pages, pages
    assert ".TH windlass-tunnels 1" in (tmp_path / "man/windlass-tunnels.1").read_text()
