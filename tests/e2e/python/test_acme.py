"""Certificates from an ACME directory, which Let's Encrypt's own test server is: ordered, proved, kept and renewed."""

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import ssl
import stat
import subprocess
from datetime import datetime

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from curl import curl
from directory import EAB_KEY, Directory, Front
from harness import DEADLINE, binary, within

pytestmark = pytest.mark.asyncio

NAME = "chat.test"
ORDERED = "a certificate is ordered"
ISSUED = "a certificate was issued"


@pytest_asyncio.fixture
async def directory(tmp_path):
    """`await directory(key=value, …)` starts a directory with these settings."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**settings):
            made = Directory(tmp_path / "directory", **settings)
            stack.push_async_callback(made.stop)
            await made.start()
            return made

        yield start


async def echo(connection):
    async for message in connection:
        await connection.send(message)


def config(directory, storage, endpoint, *, hosts=(NAME,), keys="", more=""):
    """A listener with TLS that has its certificates from `directory`, and a plain one."""
    ports = directory.ports
    named = ", ".join(f'"{host}"' for host in hosts)
    return f"""
        [listener.public]
        bind = "127.0.0.1:{ports.tls}"
        [listener.public.tls.acme]
        contact = "mailto:ops@example.com"
        directory = "{directory.url}"
        storage = "{storage}"
        ca = "{directory.issuer.certificate}"
        {keys}
        [listener.plain]
        bind = "127.0.0.1:{ports.http}"
        [route.main]
        hosts = [{named}]
        upstream = "main"
        [upstream.main]
        endpoints = ["127.0.0.1:{endpoint}"]
        [admin]
        listen = "off"
        {more}
    """


async def shown(directory, name=NAME, context=None):
    """The certificate that a client is shown who asks for `name`."""
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = ("127.0.0.1", directory.ports.tls)
    _, writer = await within(asyncio.open_connection(*address, ssl=context, server_hostname=name), "a handshake")
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return certificate


async def over_websocket(directory, context, message="hello"):
    """What an endpoint sends back to a client that trusts the directory."""
    ports = directory.ports
    async with connect(f"wss://{NAME}:{ports.tls}/", ssl=context, host="127.0.0.1", port=ports.tls) as client:
        await client.send(message)
        return await within(client.recv(), "an echo")


def renewal_id(certificate, path):
    """By what a directory knows a certificate (RFC 9773 §4.1)."""
    path.write_text(ssl.DER_cert_to_PEM_cert(certificate))
    command = ["openssl", "x509", "-in", path, "-noout", "-serial", "-ext", "authorityKeyIdentifier"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    serial = bytes.fromhex(re.search(r"serial=(\w+)", text)[1])
    serial = b"\0" * (serial[0] >> 7) + serial
    key = bytes.fromhex(re.search(r"((?:[0-9A-F]{2}:){19}[0-9A-F]{2})", text)[1].replace(":", ""))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (key, serial))


async def is_there(path):
    while not path.exists():
        await asyncio.sleep(0.02)


def said(program, message, name=NAME, *, times=1):
    """The line of the log with this message about a name, or the second such line, and so on."""
    seen = []

    def matches(line):
        if message in line.get("message", "") and line.get("name", name) == name and line not in seen:
            seen.append(line)
        return len(seen) >= times

    return program.logged(f"{message!r} ({times}.)", matches)


@pytest.mark.parametrize("challenge", ["tls-alpn-01", "http-01"])
async def test_from_nothing_to_a_public_wss(windlass, directory, websocket_endpoint, tmp_path, challenge):
    acme, storage = await directory(), tmp_path / "acme"
    program = await windlass(config(acme, storage, await websocket_endpoint(echo), keys=f'challenge = "{challenge}"'))
    line = await said(program, ISSUED)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["ends"]) and line["renewal"] < line["ends"], line
    assert await over_websocket(acme, await acme.trusted()) == "hello"
    (own,) = storage.iterdir()
    for path, mode in [(storage, 0o700), (own, 0o700), (own / f"{NAME}.pem", 0o600), (own / "account.json", 0o600)]:
        assert stat.S_IMODE(path.stat().st_mode) == mode, path
    await program.stop()


async def test_a_restart_uses_what_is_kept(windlass, directory, websocket_endpoint, tmp_path):
    acme, endpoint = await directory(), await websocket_endpoint(echo)
    text = config(acme, tmp_path / "acme", endpoint)
    program = await windlass(text)
    await said(program, ISSUED)
    trusted, before = await acme.trusted(), await shown(acme)
    await program.stop()
    await acme.stop()
    program = await windlass(text)
    assert await shown(acme) == before
    assert await over_websocket(acme, trusted) == "hello"
    assert not [line for line in program.log.facts if line.get("message") == ORDERED], program.log_text()


async def test_a_handoff_begins_with_what_is_kept(windlass, directory, websocket_endpoint, tmp_path):
    acme = await directory()
    program = await windlass(config(acme, tmp_path / "acme", await websocket_endpoint(echo)))
    await said(program, ISSUED)
    before = await shown(acme)
    program.signal(signal.SIGUSR2)
    await said(program, "everything that was here has ended")
    await said(program, "the certificate that was kept is served")
    assert await shown(acme) == before
    assert len([line for line in program.log.facts if line.get("message") == ORDERED]) == 1
    successor = await program.logged("the line of the successor", lambda line: line.get("message") == "handed over")
    os.kill(successor["successor"], signal.SIGTERM)


async def test_processes_that_share_a_storage_order_a_name_once(windlass, directory, websocket_endpoint, tmp_path):
    acme, endpoint = await directory(), await websocket_endpoint(echo)
    text = config(acme, tmp_path / "acme", endpoint)
    elsewhere = text.replace(f":{acme.ports.tls}\"", ":0\"").replace(f":{acme.ports.http}\"", ":0\"")
    first, second = await windlass(text), await windlass(elsewhere)
    lines = [await said(program, ISSUED) for program in (first, second)]
    assert lines[0]["ends"] == lines[1]["ends"]
    ordered = [line for program in (first, second) for line in program.log.facts if line.get("message") == ORDERED]
    assert len(ordered) == 1, ordered


async def test_operators_see_how_it_stands(windlass, directory, websocket_endpoint, tmp_path):
    acme = await directory(domainBlocklist=["blocked.test"])
    admin, hosts = f"unix:{tmp_path}/admin", (NAME, "blocked.test")
    text = config(acme, tmp_path / "acme", await websocket_endpoint(echo), hosts=hosts).replace('"off"', f'"{admin}"')
    program = await windlass(text)
    await asyncio.gather(said(program, ISSUED), said(program, "no certificate", "blocked.test"))

    def windlass_says(*words):
        command = [binary(), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE).stdout

    status = json.loads(await asyncio.to_thread(windlass_says, "status", "--admin", admin, "--json"))
    blocked, good = status["certificates"]
    assert (blocked["name"], blocked["ends"], blocked["failures"]) == ("blocked.test", None, 1), blocked
    assert "rejectedIdentifier" in blocked["problem"] and 0 < blocked["order_in_seconds"] <= 600, blocked
    assert (good["name"], good["problem"], good["failures"]) == (NAME, None, 0), good
    assert 0 < good["order_in_seconds"] < good["ends_in_seconds"], good
    people = await asyncio.to_thread(windlass_says, "status", "--admin", admin)
    assert re.search(r"^blocked\.test +none yet +in .* \(rejectedIdentifier\)$", people, re.MULTILINE), people
    scrape = (await curl("--unix-socket", tmp_path / "admin", "http://admin/metrics")).text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in scrape if line.startswith("windlass_acme_"))
    ends = datetime.fromisoformat((await said(program, ISSUED))["ends"]).timestamp()
    assert {series: float(value) for series, value in values.items()} == {
        'windlass_acme_failures_total{name="blocked.test"}': 1,
        f'windlass_acme_failures_total{{name="{NAME}"}}': 0,
        'windlass_acme_not_after_seconds{name="blocked.test"}': 0,
        f'windlass_acme_not_after_seconds{{name="{NAME}"}}': ends,
    }
    # Without a look at the directory.
    await acme.stop()
    checked = await asyncio.to_thread(windlass_says, "check", "-c", program.config_file)
    assert ": good: 2 listeners" in checked, checked


async def test_a_reload_keeps_the_certificate_and_orders_what_is_new(windlass, directory, websocket_endpoint, tmp_path):
    acme, endpoint = await directory(), await websocket_endpoint(echo)
    storage = tmp_path / "acme"
    program = await windlass(config(acme, storage, endpoint))
    await said(program, ISSUED)
    before = await shown(acme)
    await program.reload(config(acme, storage, endpoint, hosts=(NAME, "blog.test")))
    assert await shown(acme) == before
    await said(program, ISSUED, "blog.test")
    assert await shown(acme) == before
    assert await shown(acme, "blog.test", await acme.trusted())
    assert len([line for line in program.log.facts if line.get("message") == ORDERED]) == 2


async def test_it_is_renewed_and_the_old_one_is_kept_while_that_fails(windlass, directory, websocket_endpoint, tmp_path):
    acme = await directory(certificateValidityPeriod=18)
    program = await windlass(config(acme, tmp_path / "acme", await websocket_endpoint(echo)))
    await said(program, ISSUED)
    trusted, first = await acme.trusted(), await shown(acme)
    await said(program, ISSUED, times=2)
    second = await shown(acme)
    assert second != first
    assert await over_websocket(acme, trusted) == "hello"
    await acme.stop()
    line = await said(program, "the old one is served on")
    assert line["next"] > line["ends"] and "Connection refused" in line["message"], line
    assert await shown(acme) == second


async def test_a_directory_that_is_away_is_asked_again_after_a_reload(windlass, directory, websocket_endpoint, tmp_path):
    acme, endpoint = await directory(), await websocket_endpoint(echo)
    await acme.stop()
    text = config(acme, tmp_path / "acme", endpoint)
    program = await windlass(text)
    line = await said(program, "no certificate, and none that is valid")
    assert "Connection refused" in line["message"] and line["level"] == "ERROR", line
    with pytest.raises(ssl.SSLError):
        await shown(acme)
    await acme.start()
    await program.reload(text)
    await said(program, ISSUED)
    assert await over_websocket(acme, await acme.trusted()) == "hello"


async def test_it_is_renewed_when_the_directory_says_so(windlass, directory, websocket_endpoint, tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        acme = Front(await directory())
        await acme.start(stack)
        program = await windlass(config(acme, tmp_path / "acme", await websocket_endpoint(echo)))
        first = await said(program, ISSUED)
        second = await said(program, ISSUED, times=2)
        assert first["renewal"] > second["timestamp"], "it was planned for later"
        line = await said(program, "the directory says when", times=2)
        assert line["renewal"] < second["ends"], "it is renewed before it ends, whatever the window says"
        assert acme.asked[-1] == renewal_id(await shown(acme), tmp_path / "certificate.pem")


async def test_what_the_directory_says_of_when_to_come_again_is_kept_to(windlass, directory, websocket_endpoint, tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        acme = Front(await directory(), is_limited=True)
        await acme.start(stack)
        text = config(acme, tmp_path / "acme", await websocket_endpoint(echo))
        program = await windlass(text)
        line = await said(program, "no certificate")
        assert "too many orders (rateLimited)" in line["message"], line
        told, at = (datetime.fromisoformat(line[field]) for field in ("next", "timestamp"))
        assert 7190 <= (told - at).total_seconds() <= 7210, line
        # A reload is no reason to come earlier.
        await program.reload(text.replace(NAME, "other.test"))
        await said(program, "no certificate", "other.test")
        await program.reload(text.replace(NAME, "other.test") + "# again\n")
        await program.reload(text.replace(f'"{NAME}"', f'"other.test", "{NAME}", "third.test"'))
        line = await said(program, "nothing is ordered yet")
        assert "too many orders (rateLimited)" in line["message"] and datetime.fromisoformat(line["next"]) == told, line
        await said(program, "no certificate", "third.test")
        assert acme.orders == 3
        await program.stop()
        # Neither is a restart.
        hosts = ("other.test", NAME, "third.test", "fourth.test")
        program = await windlass(text.replace(f'"{NAME}"', ", ".join(f'"{host}"' for host in hosts)))
        for name in hosts[:3]:
            await said(program, "nothing is ordered yet", name)
        await said(program, "no certificate", "fourth.test")
        assert acme.orders == 4


async def test_a_directory_that_always_says_now_is_not_ordered_of_without_end(windlass, directory, websocket_endpoint, tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        acme = Front(await directory(), is_hasty=True)
        await acme.start(stack)
        text = config(acme, tmp_path / "acme", await websocket_endpoint(echo))
        program = await windlass(text)
        await said(program, ISSUED, times=2)
        last = renewal_id(await shown(acme), tmp_path / "certificate.pem")

        async def is_asked():
            while last not in acme.asked:
                await asyncio.sleep(0.02)

        await within(is_asked(), "the window of the second certificate")
        # Whoever comes behind it has a certificate, and there is still no third for the first.
        await program.reload(text.replace(f'"{NAME}"', f'"{NAME}", "blog.test"'))
        await said(program, ISSUED, "blog.test")
        assert renewal_id(await shown(acme), tmp_path / "certificate.pem") == last
        ordered = [line["name"] for line in program.log.facts if line.get("message") == ORDERED]
        assert ordered.count(NAME) == 2, ordered


async def test_another_directory_issues_anew_and_a_plan_shows_nothing_of_it(windlass, directory, websocket_endpoint, tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        acme, storage = await directory(), tmp_path / "acme"
        other = Front(acme)
        await other.start(stack)
        endpoint, admin = await websocket_endpoint(echo), f"unix:{tmp_path}/admin"
        text, changed = (config(it, storage, endpoint).replace('"off"', f'"{admin}"') for it in (acme, other))
        program = await windlass(text)
        await said(program, ISSUED)
        first = await shown(acme)
        planned = tmp_path / "planned.toml"
        planned.write_text(changed)
        command = [binary(), "plan", "-c", planned, "--admin", admin]
        await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=DEADLINE)
        assert await shown(acme) == first
        await program.reload(changed)
        await said(program, ISSUED, times=2)
        assert await shown(acme) != first
        own = sorted(folder for folder in storage.iterdir() if (folder / f"{NAME}.pem").exists())
        assert len(own) == 2, own
        # And back: what was kept of the first is served, and nothing is ordered.
        await program.reload(text)
        await said(program, "the certificate that was kept is served")
        assert await shown(acme) == first


async def test_two_reloads_while_a_name_fails_are_one_order_more(windlass, directory, websocket_endpoint, tmp_path):
    acme = await directory(domainBlocklist=["blocked.test", "other.test", "third.test"])
    text = config(acme, tmp_path / "acme", await websocket_endpoint(echo), hosts=("blocked.test",))
    program = await windlass(text)
    await said(program, "no certificate", "blocked.test")
    await program.reload(text + "# once\n")
    await said(program, "no certificate", "blocked.test", times=2)
    for name in ("other.test", "third.test"):
        await program.reload(text.replace('"blocked.test"', f'"blocked.test", "{name}"'))
        await said(program, "no certificate", name)
    ordered = [line["name"] for line in program.log.facts if line.get("message") == ORDERED]
    assert ordered.count("blocked.test") == 2, ordered


async def test_an_account_that_the_directory_has_forgotten_is_made_anew(windlass, directory, websocket_endpoint, tmp_path):
    acme, endpoint = await directory(), await websocket_endpoint(echo)
    storage = tmp_path / "acme"
    program = await windlass(config(acme, storage, endpoint))
    await said(program, ISSUED)
    await acme.stop()
    await acme.start()
    await program.reload(config(acme, storage, endpoint, hosts=(NAME, "blog.test")))
    await said(program, ISSUED, "blog.test")
    assert await shown(acme, "blog.test", await acme.trusted())


async def test_an_account_is_bound_where_the_directory_asks_for_that(windlass, directory, websocket_endpoint, tmp_path):
    acme = await directory(externalAccountBindingRequired=True, externalAccountMACKeys={"kid-1": EAB_KEY})
    endpoint, storage, key = await websocket_endpoint(echo), tmp_path / "acme", tmp_path / "eab.key"
    program = await windlass(config(acme, storage, endpoint))
    line = await said(program, "no certificate")
    assert "externalAccountRequired" in line["message"], line
    key.write_text(EAB_KEY[::-1] + "\n")
    bound = config(acme, storage, endpoint, keys=f'eab = {{ kid = "kid-1", hmac_key = "{key}" }}')
    await program.reload(bound)
    assert "no account" in (await said(program, "no certificate", times=2))["message"]
    key.write_text(EAB_KEY + "\n")
    await program.reload(bound)
    await said(program, ISSUED)
    assert await over_websocket(acme, await acme.trusted()) == "hello"


async def test_what_the_directory_refuses_is_told_in_its_words(windlass, directory, websocket_endpoint, tmp_path):
    acme = await directory(domainBlocklist=["blocked.test"])
    hosts = ("blocked.test", NAME)
    program = await windlass(config(acme, tmp_path / "acme", await websocket_endpoint(echo), hosts=hosts))
    line = await said(program, "no certificate", "blocked.test")
    assert "rejectedIdentifier" in line["message"], line
    await said(program, ISSUED)
    assert await over_websocket(acme, await acme.trusted()) == "hello"
    with pytest.raises(ssl.SSLError):
        await shown(acme, "blocked.test")
    with pytest.raises(ssl.SSLError):
        await shown(acme, "unknown.test")


@pytest.mark.parametrize("state_directory", [None, "state"])
async def test_the_state_folder_is_where_it_is_kept_by_default(directory, tmp_path, state_directory):
    acme = await directory()
    file, folder = tmp_path / "windlass.toml", tmp_path / "state"
    file.write_text(config(acme, "", 1).replace('storage = ""', ""))
    environment = {"STATE_DIRECTORY": str(folder)} if state_directory else {}
    program = await asyncio.create_subprocess_exec(binary(), "run", "-c", file, env=environment, stderr=subprocess.PIPE)
    try:
        if state_directory:
            await within(is_there(folder / "acme"), "a folder for certificates")
        else:
            said = (await within(program.communicate(), "an exit"))[1].decode()
            assert program.returncode == 2 and "listener.public.tls.acme: has nowhere to keep its certificates" in said, said
    finally:
        with contextlib.suppress(ProcessLookupError):
            program.kill()
        await program.wait()


async def test_nothing_is_said_over_the_protocol_of_challenges(windlass, directory, websocket_endpoint, tmp_path):
    acme = await directory()
    program = await windlass(config(acme, tmp_path / "acme", await websocket_endpoint(echo)))
    await said(program, ISSUED)
    context = await acme.trusted()
    context.set_alpn_protocols(["acme-tls/1", "http/1.1"])
    assert await over_websocket(acme, context) == "hello"
    context.set_alpn_protocols(["acme-tls/1"])
    with pytest.raises(ssl.SSLError):
        await shown(acme, context=context)


async def test_a_name_that_is_not_ours_is_not_had(windlass, directory, websocket_endpoint, tmp_path):
    acme = await directory()
    # The directory looks at another port than the one where the proxy listens.
    text = config(acme, tmp_path / "acme", await websocket_endpoint(echo)).replace(
        f"127.0.0.1:{acme.ports.tls}", "127.0.0.1:0"
    )
    program = await windlass(text)
    line = await said(program, "no certificate")
    assert f"does not find that {NAME} is ours: Failed to connect" in line["message"], line
