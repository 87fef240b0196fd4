"""What lets a tunnel open, taken back and prolonged while it is open: tokens that PyJWT signs, seen by the client of websockets."""

import asyncio
import json
import time

import aiohttp
import jwt
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from harness import binary, config, within

pytestmark = pytest.mark.asyncio

SECRET = "0123456789abcdef" * 2


def token(user, seconds=600):
    return jwt.encode({"sub": user, "exp": int(time.time()) + seconds}, SECRET, "HS256")


def bearer(user, seconds=600):
    return {"Authorization": f"Bearer {token(user, seconds)}"}


@pytest_asyncio.fixture
async def proxy(windlass, websocket_endpoint, tmp_path):
    """A route that asks for tokens, in front of an endpoint that echoes."""

    async def echo(websocket):
        async for message in websocket:
            await websocket.send(message)

    (tmp_path / "secret").write_text(SECRET)
    route = 'renew_path = "/renew"\n'
    route += f'jwt = {{ secret = "{tmp_path}/secret", leeway = "1s", close_code = 4401 }}'
    admin = f'[admin]\nlisten = "unix:{tmp_path}/admin.sock"'
    return await windlass(config([await websocket_endpoint(echo)], route=route, extra=admin))


async def command(proxy, *arguments):
    """What a command of the program says, and its exit code."""
    verb, *rest = arguments
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        binary(), verb, "-c", proxy.config_file, *rest, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await within(process.communicate(), f"the end of {verb}")
    return said.decode().strip(), process.returncode


async def echoes(websocket):
    await websocket.send("still there?")
    assert await within(websocket.recv(), "an echo") == "still there?"


async def closed(websocket):
    """The code and the reason of the Close that the client reads next."""
    with pytest.raises(ConnectionClosed) as ended:
        await within(websocket.recv(), "the end")
    return ended.value.rcvd.code, ended.value.rcvd.reason


async def test_the_tunnels_of_a_user_end_when_an_operator_takes_them_back(proxy):
    url = await proxy.url("ws", "/chat")
    async with (
        connect(url, additional_headers=bearer("ada")) as phone,
        connect(url, additional_headers=bearer("ada")) as laptop,
        connect(url, additional_headers=bearer("bob")) as other,
    ):
        for websocket in [phone, laptop, other]:
            await echoes(websocket)
        assert await command(proxy, "close", "--claim", "sub=ada") == ("2 tunnels of sub=ada closed", 0)
        assert [await closed(phone), await closed(laptop)] == [(4403, "revoked")] * 2
        await echoes(other)
        said = await command(proxy, "close", "--claim", "sub=bob", "--close-code", "4009", "--reason", "moved on")
        assert said == ("1 tunnel of sub=bob closed", 0)
        assert await closed(other) == (4009, "moved on")
    said, code = await command(proxy, "close", "--claim", "sub=ada")
    assert said.splitlines()[0] == "no tunnel is open of sub=ada" and code == 0


async def renewed(proxy, headers):
    """The status and the words of the answer to a renewal."""
    async with aiohttp.ClientSession() as session:
        asked = session.post(await proxy.url("http", "/renew"), headers=headers)
        async with await within(asked, "an answer to a renewal") as answer:
            return answer.status, await answer.text()


async def test_a_tunnel_whose_token_is_renewed_in_time_lives_on_and_another_ends_with_its_own(proxy):
    url = await proxy.url("ws", "/chat")
    async with (
        connect(url, additional_headers=bearer("ada", 5)) as stays,
        connect(url, additional_headers=bearer("ada", 5)) as ends,
    ):
        name, other = (websocket.response.headers["windlass-tunnel"] for websocket in [stays, ends])
        assert name != other
        status, _ = await renewed(proxy, {**bearer("bob"), "windlass-tunnel": name})
        assert status == 403
        status, words = await renewed(proxy, {**bearer("ada"), "windlass-tunnel": name})
        answer = json.loads(words)
        assert (status, answer["tunnels"]) == (200, 1) and 590 < answer["expires_in_seconds"] < 600
        assert await closed(ends) == (4401, "expired")
        await echoes(stays)
        assert (await renewed(proxy, {**bearer("ada"), "windlass-tunnel": other}))[0] == 404
