"""TLS towards `openssl s_client`: names, versions, client certificates, sessions that resume, and staples."""

import asyncio
import json
import re
import ssl
import subprocess

import pytest
from aiohttp import web
from websockets.asyncio.client import connect

from harness import DEADLINE, binary, config, within
from issuer import EXPIRED, Issuer

pytestmark = pytest.mark.asyncio

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def issuer(tmp_path):
    """`issuer(name)` is another authority."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        return Issuer(folder)

    return make


async def s_client(program, *options, name="localhost", say=GET):
    """What `openssl s_client` says of a connection, on which it asks for a page."""
    _, port = await program.address()
    sni = ["-servername", name] if name else ["-noservername"]
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *sni, "-ign_eof", *map(str, options)]
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(*command, **pipes)
    said, _ = await asyncio.wait_for(process.communicate(say), DEADLINE)
    return said.decode(errors="replace")


async def echo(request):
    """A page of the headers about certificates that the endpoint reads."""
    return web.json_response({name.lower(): value for name, value in request.headers.items() if "client" in name.lower()})


def listener(own, keys="", more=""):
    """The TLS of a listener that has these certificates, each with what its issuer says of it."""

    def one(issued, ocsp):
        staple = f', ocsp = "{ocsp}"' if ocsp else ""
        return f'{{ chain = "{issued.chain}", key = "{issued.key}"{staple} }}'

    certificates = ", ".join(one(issued, ocsp) for issued, ocsp in own)
    return f"tls = {{ certificates = [{certificates}]{keys} }}\n{more}"


def with_tls(port, tls):
    return config([port]).replace('bind = "127.0.0.1:0"', f'bind = "127.0.0.1:0"\n{tls}')


def subject_names(said):
    """The names of the certificate that was shown."""
    pem = said[said.index("-----BEGIN") : said.index("-----END CERTIFICATE-----") + 26]
    shown = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=pem, check=True, capture_output=True, text=True)
    return shown.stdout.splitlines()[-1].strip()


def refused(program, word):
    return program.logged(word, lambda line: line.get("refusal") == word)


async def test_the_name_chooses_the_certificate_and_an_unknown_one_is_served_the_first_or_refused(windlass, http_endpoint, issuer):
    port = await http_endpoint(web.get("/", echo))
    ours = issuer("ours")
    own = [(ours.issue("DNS:chat.test"), None), (ours.issue("DNS:*.games.test"), None)]
    program = await windlass(with_tls(port, listener(own)))
    for name, shown in [
        ("chat.test", "DNS:chat.test"),
        ("CHAT.test", "DNS:chat.test"),
        ("my.games.test", "DNS:*.games.test"),
        ("a.my.games.test", "DNS:chat.test"),
        ("other.test", "DNS:chat.test"),
        (None, "DNS:chat.test"),
    ]:
        assert subject_names(await s_client(program, name=name)) == shown, name
    strict = await windlass(with_tls(port, listener(own, ', unknown_names = "refuse"')))
    for version in ["-tls1_2", "-tls1_3"]:
        assert subject_names(await s_client(strict, version, name="my.games.test")) == "DNS:*.games.test"
        assert "SSL alert number 112" in await s_client(strict, version, name="other.test")
        assert "SSL alert number 109" in await s_client(strict, version, name=None)
    await refused(strict, "unknown_name")


async def test_versions_and_groups_are_those_that_are_said(windlass, http_endpoint, issuer):
    port = await http_endpoint(web.get("/", echo))
    own = [(issuer("ours").issue(), None)]
    program = await windlass(with_tls(port, listener(own)))
    newest = await windlass(with_tls(port, listener(own, ', min_version = "1.3"')))
    assert "Protocol  : TLSv1.2" in await s_client(program, "-tls1_2")
    for each in [program, newest]:
        assert re.search(r"New, TLSv1.3", await s_client(each, "-tls1_3"))
    assert "alert protocol version" in await s_client(newest, "-tls1_2")
    # Without signature algorithms, as old clients come, the version is not what is refused first.
    assert "alert handshake failure" in await s_client(program, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    await refused(newest, "tls_mismatch")
    for group, said in [("X25519", "X25519"), ("P-256", "ECDH, prime256v1"), ("P-384", "ECDH, secp384r1")]:
        assert f"Server Temp Key: {said}" in await s_client(program, "-groups", group)
    version = subprocess.run(["openssl", "version"], check=True, capture_output=True, text=True).stdout
    if tuple(map(int, re.search(r"(\d+)\.(\d+)", version).groups())) >= (3, 5):
        assert "X25519MLKEM768" in await s_client(program)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_endpoints_are_told_of_the_certificates_of_clients_by_us_alone(windlass, http_endpoint, issuer, version):
    port = await http_endpoint(web.get("/", echo))
    ours, clients, other = issuer("ours"), issuer("clients"), issuer("other")
    asked = f'client_certificates = {{ ca = "{clients.certificate}", headers = "on", require = %s }}'
    phone = clients.issue("URI:spiffe://chat/phone,DNS:phone.test")
    lying = GET.replace(b"Host", b"X-Client-Cert-Subject: CN=root\r\nX_Client_Cert_San: DNS:root\r\nHost", 1)

    async def told(program, *options):
        said = await s_client(program, version, *options, say=lying)
        return json.loads(re.search(r"^\{.*?\}", said, re.MULTILINE)[0]) if "200 OK" in said else said

    program = await windlass(with_tls(port, listener([(ours.issue(), None)], more=asked % "true")))
    assert await told(program, "-cert", phone.chain, "-key", phone.key) == {
        "x-client-cert-subject": "CN=endpoint",
        "x-client-cert-san": "URI:spiffe://chat/phone,DNS:phone.test",
        "x-client-cert-fingerprint": phone.fingerprint(),
    }
    stranger = other.issue()
    for shown in [[], ["-cert", stranger.chain, "-key", stranger.key]]:
        assert "alert" in await told(program, *shown)
    await refused(program, "client_certificate")
    optional = await windlass(with_tls(port, listener([(ours.issue(), None)], more=asked % "false")))
    assert await told(optional) == {}


async def resumes(program, session, version):
    """Whether the session in this file is taken up again; it becomes the one of this connection."""
    options = ["-sess_in", session] if session.exists() else []
    said = await s_client(program, version, *options, "-sess_out", session)
    assert "200 OK" in said, said
    return "Reused, " in said


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_sessions_resume_across_reloads_and_a_handoff(windlass, http_endpoint, issuer, tmp_path, version):
    port = await http_endpoint(web.get("/", echo))
    ours = issuer("ours")
    session, quick = tmp_path / "session", '[drain.handoff]\ndeadline = "2s"\nspread = "1s"\n'
    text = with_tls(port, listener([(ours.issue(), None)])) + quick
    program = await windlass(text)
    assert [await resumes(program, session, version) for _ in range(2)] == [False, True]
    await program.reload(with_tls(port, listener([(ours.issue(), None)])) + quick)
    assert await resumes(program, session, version), "a renewed certificate of the same name"
    async with program.handed_over():
        assert await resumes(program, session, version), "with another process"


async def test_a_fleet_resumes_one_anothers_sessions(windlass, http_endpoint, issuer, tmp_path):
    port = await http_endpoint(web.get("/", echo))
    own = [(issuer("ours").issue(), None)]
    secret = tmp_path / "tickets.secret"
    secret.touch(mode=0o600)
    secret.write_text("the secret of the fleet, which is long enough\n")
    text = with_tls(port, listener(own, f', ticket_secret = "{secret}"'))
    one, other = await windlass(text), await windlass(text)
    session = tmp_path / "session"
    assert [await resumes(program, session, "-tls1_3") for program in [one, other, one]] == [False, True, True]
    secret.write_text("another secret of the fleet, which is long enough\n")
    await other.reload(text)
    assert await resumes(other, session, "-tls1_3"), "what the secret before has sealed"
    assert not await resumes(one, session, "-tls1_3"), "it has not read the new one yet"


def staple(issuer, issued, path, *, days=7):
    """Has the authority say what it knows of a certificate."""
    request = path.with_suffix(".req")
    ocsp = ["openssl", "ocsp", "-issuer", issuer.certificate]
    subprocess.run([*ocsp, "-cert", issued.chain, "-no_nonce", "-reqout", request], check=True, capture_output=True)
    answer = ["-index", issuer.folder / "index.txt", "-CA", issuer.certificate, "-rsigner", issuer.certificate, "-rkey", issuer.key]
    subprocess.run([*ocsp[:2], *answer, "-reqin", request, "-respout", path, "-ndays", str(days)], check=True, capture_output=True)
    return path


async def test_a_staple_is_shown_exchanged_by_a_reload_and_refused_where_it_is_of_another(windlass, http_endpoint, issuer, tmp_path):
    port = await http_endpoint(web.get("/", echo))
    ours = issuer("ours")
    issued, other = ours.issue(), ours.issue("DNS:other.test")
    shown = staple(ours, issued, tmp_path / "site.ocsp")
    text = with_tls(port, listener([(issued, shown)]))
    program = await windlass(text)
    for version in ["-tls1_2", "-tls1_3"]:
        said = await s_client(program, version, "-status")
        assert "OCSP Response Status: successful" in said and "Cert Status: good" in said
        assert "Cert Status" not in await s_client(program, version), "it did not ask"
    before = re.search(r"Next Update: .*", await s_client(program, "-status"))[0]
    staple(ours, issued, shown, days=3)
    await program.reload(text)
    assert re.search(r"Next Update: .*", await s_client(program, "-status"))[0] != before
    staple(ours, other, shown)
    check = await asyncio.to_thread(program_check, program, text)
    assert "is an OCSP response for another certificate" in check
    shown.write_text("nothing of the kind")
    assert "is no OCSP response in DER" in await asyncio.to_thread(program_check, program, text)


def program_check(program, text):
    """What `windlass check` says of a configuration."""
    file = program.config_file.with_name("checked.toml")
    file.write_text(text)
    checked = subprocess.run([binary(), "check", "-c", file], capture_output=True, text=True)
    return checked.stdout + checked.stderr


async def test_certificates_are_exchanged_under_an_open_tunnel_and_their_end_is_told(windlass, websocket_endpoint, issuer):
    async def talk(connection):
        async for message in connection:
            await connection.send(message)

    port = await websocket_endpoint(talk)
    ours = issuer("ours")
    context = ssl.create_default_context(cafile=ours.certificate)
    text = with_tls(port, listener([(ours.issue("DNS:localhost"), None)]))
    program = await windlass(text)
    _, bound = await program.address()
    async with connect(f"wss://localhost:{bound}/", proxy=None, ssl=context) as tunnel:
        await program.reload(with_tls(port, listener([(ours.issue("DNS:localhost", EXPIRED), None)])))
        said = await s_client(program)
        assert "NotAfter: Jan  1 00:00:00 2021 GMT" in said or "2021" in said
        await program.logged("a warning", lambda line: "the certificate has expired" in line.get("message", ""))
        await tunnel.send("still here")
        assert await within(tunnel.recv(), "the echo") == "still here"
