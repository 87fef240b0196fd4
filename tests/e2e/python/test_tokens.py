"""Tokens that PyJWT signs with keys that openssl makes: each algorithm, those of a forger, and one that ends under an open tunnel."""

import base64
import hashlib
import hmac
import http.server
import json
import subprocess
import threading
import time

import jwt
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from harness import config, within
from issuer import Issuer

pytestmark = pytest.mark.asyncio

KEYS = {
    "rsa": (["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    "p256": (["ES256"], ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    "p384": (["ES384"], ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    "ed": (["EdDSA"], ["ED25519"]),
}


def token(algorithm, key, kid=None, seconds=600, **claims):
    claims = {"sub": "ada", "exp": int(time.time()) + seconds, **claims}
    return jwt.encode(claims, key, algorithm, headers={"kid": kid} if kid else None)


def forged(secret, claims):
    """What HS256 makes of a secret that is none: PyJWT would not."""

    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    message = part(b'{"alg":"HS256"}') + b"." + part(json.dumps(claims).encode())
    return (message + b"." + part(hmac.new(secret, message, hashlib.sha256).digest())).decode()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A folder with a key of each kind, the public ones in one file and as a set, and a secret."""
    folder = tmp_path_factory.mktemp("keys")
    published = []
    for name, (algorithms, options) in KEYS.items():
        private, public = folder / f"{name}.key", folder / f"{name}.pub"
        subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", *options, "-out", private], check=True)
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
        algorithm = jwt.get_algorithm_by_name(algorithms[0])
        key = json.loads(algorithm.to_jwk(algorithm.prepare_key(public.read_text())))
        published.append({**key, "kid": name})
    (folder / "all.pem").write_text("".join((folder / f"{name}.pub").read_text() for name in KEYS))
    (folder / "jwks.json").write_text(json.dumps({"keys": published}))
    (folder / "secret").write_text("0123456789abcdef" * 4 + "\n")
    return folder


@pytest_asyncio.fixture
async def proxy(windlass, websocket_endpoint, keys):
    """Routes that ask for tokens by each kind of keys, in front of an endpoint that says whom it takes the client for."""

    async def who(websocket):
        headers = websocket.request.headers
        await websocket.send(json.dumps([headers.get("x-user"), "authorization" in headers]))
        await websocket.wait_closed()

    endpoint = await websocket_endpoint(who, select_subprotocol=lambda _, offered: "chat" if "chat" in offered else None)
    routes = {"pem": f'keys = "{keys}/all.pem"', "jwks": f'keys = "{keys}/jwks.json"', "secret": f'secret = "{keys}/secret"'}
    rules = 'from = ["header:authorization", "protocol:bearer."], headers = { x-user = "sub" }, close_code = 4401'
    extra = "".join(f'\n[route.{name}]\npath = "/{name}"\nupstream = "main"\njwt = {{ {keys}, {rules} }}\n' for name, keys in routes.items())
    return await windlass(config([endpoint], extra=extra))


@pytest.fixture
def published(tmp_path):
    """What an issuer publishes over https, `state["set"]`, how often it was asked, and its URL and authority."""
    (tmp_path / "login").mkdir()
    issuer, state = Issuer(tmp_path / "login"), {"set": "", "asked": 0}

    class Keys(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            state["asked"] += 1
            body = state["set"].encode()
            self.send_response(200 if self.path == "/.well-known/jwks.json" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    server.socket = issuer.issue().server().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://localhost:{server.server_address[1]}/.well-known/jwks.json"
    yield state, f'keys = "{url}", keys_ca = "{issuer.certificate}"'
    server.shutdown()
    server.server_close()


async def entered(proxy, path, bearer):
    """Whom the endpoint takes the client for and whether it has read the token, or the status of the refusal."""
    try:
        url = await proxy.url("ws", f"/{path}")
        async with connect(url, additional_headers={"Authorization": f"Bearer {bearer}"}) as websocket:
            return json.loads(await within(websocket.recv(), "an answer"))
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_each_algorithm_lets_in_by_its_key_and_leaves_no_token_behind(proxy, keys):
    tokens = []
    for name, (algorithms, _) in KEYS.items():
        key = (keys / f"{name}.key").read_text()
        for algorithm in algorithms:
            for path, kid in [("pem", None), ("jwks", name), ("jwks", None)]:
                tokens.append(token(algorithm, key, kid))
                assert await entered(proxy, path, tokens[-1]) == ["ada", False], (algorithm, path, kid)
            assert await entered(proxy, "jwks", token(algorithm, key, "../../etc/passwd")) == 401, algorithm
    for algorithm in ["HS256", "HS384", "HS512"]:
        tokens.append(token(algorithm, (keys / "secret").read_text().strip()))
        assert await entered(proxy, "secret", tokens[-1]) == ["ada", False], algorithm
    log = proxy.log_text()
    assert not [part for token in tokens for part in token.split(".")[1:] if part in log]


async def test_a_forger_is_refused(proxy, keys):
    claims = {"sub": "eve", "exp": int(time.time()) + 600}
    secrets = [(keys / file).read_bytes() for file in ["rsa.pub", "all.pem", "jwks.json"]]
    for path in ["pem", "jwks", "secret"]:
        for bearer in [forged(secret, claims) for secret in secrets] + [jwt.encode(claims, None, "none")]:
            assert await entered(proxy, path, bearer) == 401, path


async def test_a_page_brings_its_token_beside_a_subprotocol(proxy, keys):
    offered = ["chat", "bearer." + token("ES256", (keys / "p256.key").read_text())]
    async with connect(await proxy.url("ws", "/pem"), subprotocols=offered) as websocket:
        assert websocket.subprotocol == "chat"
        assert json.loads(await within(websocket.recv(), "an answer")) == ["ada", False]


async def test_a_token_that_ends_ends_its_tunnel_with_the_code_of_the_route(proxy, keys):
    bearer = token("EdDSA", (keys / "ed.key").read_text(), seconds=3)
    ends = jwt.decode(bearer, options={"verify_signature": False})["exp"]
    async with connect(await proxy.url("ws", "/pem"), additional_headers={"Authorization": f"Bearer {bearer}"}) as websocket:
        await within(websocket.recv(), "an answer")
        with pytest.raises(ConnectionClosed) as closed:
            await within(websocket.recv(), "the end")
        assert time.time() <= ends
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "expired")


async def test_keys_of_an_issuer_over_https_are_fetched_and_fetched_anew_for_a_key_that_is_new(windlass, websocket_endpoint, keys, published):
    async def who(websocket):
        headers = websocket.request.headers
        await websocket.send(json.dumps([headers.get("x-user"), "authorization" in headers]))
        await websocket.wait_closed()

    def the_set(*names):
        whole = json.loads((keys / "jwks.json").read_text())["keys"]
        return json.dumps({"keys": [key for key in whole if key["kid"] in names]})

    state, fetched = published
    state["set"] = the_set("rsa")
    jwt_table = f'jwt = {{ {fetched}, headers = {{ x-user = "sub" }} }}'
    proxy = await windlass(config([await websocket_endpoint(who)], route=jwt_table))
    signed = {name: token(KEYS[name][0][0], (keys / f"{name}.key").read_text(), name) for name in KEYS}
    assert await entered(proxy, "", signed["rsa"]) == ["ada", False]
    assert state["asked"] == 1
    state["set"] = the_set("rsa", "p256")
    assert await entered(proxy, "", signed["p256"]) == ["ada", False]
    assert [await entered(proxy, "", signed[name]) for name in ["ed", "p384", "rsa"]] == [401, 401, ["ada", False]]
    assert state["asked"] == 2
