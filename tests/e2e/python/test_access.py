"""Names and passwords as `htpasswd` keeps them, asked for by curl and by Python's `websockets`; limits that they meet."""

import asyncio
import subprocess

import pytest
from aiohttp import web
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from curl import curl
from harness import binary, config, within

pytestmark = pytest.mark.asyncio


def htpasswd(file, user, password, *how):
    """Adds a user, or gives it another password, as an operator would."""
    new = [] if file.exists() else ["-c"]
    subprocess.run(["htpasswd", "-b", *how, *new, file, user, password], check=True, capture_output=True)


async def describe(request):
    return web.json_response({name.lower(): value for name, value in request.headers.items()})


async def test_curl_is_let_in_by_a_password_that_htpasswd_keeps(windlass, http_endpoint, tmp_path):
    file = tmp_path / "staff.htpasswd"
    htpasswd(file, "ada", "sécret", "-B")
    htpasswd(file, "bob", "hush", "-5")
    route = f'basic_auth = {{ file = "{file}", realm = "staff", user_header = "x-user" }}'
    program = await windlass(config([await http_endpoint(web.get("/", describe))], route=route))
    url = await program.url("http")

    unasked = await curl(url)
    assert unasked.status == 401
    assert unasked.headers["www-authenticate"] == 'Basic realm="staff", charset="UTF-8"'
    assert (await curl("-u", "ada:secret", url)).status == 401
    for user, password in [("ada", "sécret"), ("bob", "hush")]:
        seen = (await curl("-u", f"{user}:{password}", "-H", "X-User: root", url)).json()
        assert seen["x-user"] == user
        assert "authorization" not in seen
    assert "sécret" not in program.log_text() and "hush" not in program.log_text()


async def test_a_file_that_is_watched_counts_by_itself(windlass, http_endpoint, tmp_path):
    file = tmp_path / "staff.htpasswd"
    htpasswd(file, "ada", "first", "-B", "-C", "5")
    route = f'basic_auth = {{ file = "{file}" }}'
    text = "watch = true\n" + config([await http_endpoint(web.get("/", describe))], route=route)
    program = await windlass(text)
    url = await program.url("http")
    assert (await curl("-u", "ada:first", url)).status == 200

    since = len(program.notifications.facts)
    htpasswd(file, "ada", "second", "-B", "-C", "5")
    await program.notified("RELOADING=1", since=since)
    await program.notified("READY=1", since=since)

    assert (await curl("-u", "ada:first", url)).status == 401
    assert (await curl("-u", "ada:second", url)).status == 200


async def test_a_websocket_brings_its_password_and_a_client_has_so_many(windlass, websocket_endpoint, tmp_path):
    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    file = tmp_path / "staff.htpasswd"
    htpasswd(file, "ada", "secret", "-B")
    htpasswd(file, "bob", "hush", "-B")
    route = "\n".join(
        [
            f'basic_auth = {{ file = "{file}", user_header = "x-user" }}',
            "max_tunnels_per_client = 2",
            'per = "header:x-user"',
        ]
    )
    program = await windlass(config([await websocket_endpoint(echo)], route=route))
    host, port = await program.address()

    def dial(credentials):
        return connect(f"ws://{credentials}{host}:{port}/", proxy=None)

    async def status(credentials):
        with pytest.raises(InvalidStatus) as wrong:
            async with dial(credentials):
                pass
        return wrong.value.response

    assert (await status("")).status_code == 401
    assert (await status("ada:wrong@")).status_code == 401
    async with dial("ada:secret@") as first, dial("ada:secret@"):
        third = await status("ada:secret@")
        assert third.status_code == 429
        assert 1 <= int(third.headers["retry-after"]) <= 5
        async with dial("bob:hush@") as other:
            for socket in [first, other]:
                await socket.send("hello")
                assert await within(socket.recv(), "echo") == "hello"


async def test_passwords_that_are_guessed_in_no_time_are_refused_with_what_to_run(tmp_path):
    file = tmp_path / "staff.htpasswd"
    htpasswd(file, "ada", "secret", "-B")
    htpasswd(file, "bob", "hush", "-s")
    htpasswd(file, "cid", "hush", "-m")
    (tmp_path / "windlass.toml").write_text(config([9], route='basic_auth = { file = "staff.htpasswd" }'))
    check = await asyncio.create_subprocess_exec(
        binary(), "check", "-c", tmp_path / "windlass.toml", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = (await within(check.communicate(), "the check"))[0].decode()
    assert check.returncode != 0
    for part in ['line 2: the password of "bob" is kept as {SHA}', 'line 3: the password of "cid" is kept as MD5']:
        assert part in said, said
    assert "`htpasswd -B -C 10 FILE bob`" in said
    assert "hush" not in said
