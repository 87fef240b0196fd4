"""An ACME directory: Let's Encrypt's own test server, with a DNS server of its own that says that every name is here."""

import asyncio
import contextlib
import json
import os
import ssl
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from harness import within
from issuer import Issuer
from ports import free_ports

EAB_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


@dataclass
class Ports:
    """Where it is, and where it looks whether names are ours."""

    acme: int
    management: int
    dns: int
    dns_management: int
    http: int
    tls: int

    @classmethod
    def free(cls) -> "Ports":
        return cls(*free_ports(6))


class Directory:
    """Pebble in a folder; it may end and begin again, and has forgotten everything then."""

    def __init__(self, folder: Path, **settings):
        self.ports, self.folder = Ports.free(), folder
        folder.mkdir()
        self.issuer = Issuer(folder)
        self._own = self.issuer.issue()
        self._processes = []
        self._settings = {
            "listenAddress": f"127.0.0.1:{self.ports.acme}",
            "managementListenAddress": f"127.0.0.1:{self.ports.management}",
            "certificate": str(self._own.chain),
            "privateKey": str(self._own.key),
            "httpPort": self.ports.http,
            "tlsPort": self.ports.tls,
            **settings,
        }

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.ports.acme}/dir"

    async def start(self):
        config = self.folder / "pebble.json"
        config.write_text(json.dumps({"pebble": self._settings}))
        dns = f"127.0.0.1:{self.ports.dns}"
        off = [f"-{kind}=" for kind in ("http01", "https01", "tlsalpn01", "defaultIPv6")]
        # One nonce in a hundred is refused: who is refused so has to come again (RFC 8555 §6.5). With Pebble's own twentieth, three
        # in a row, at which an order is given up, would come every few dozen runs of all tests.
        environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "1"}
        for command in (
            ["pebble-challtestsrv", f"-dns01={dns}", f"-management=127.0.0.1:{self.ports.dns_management}", *off],
            ["pebble", "-config", config, "-dnsserver", dns, "-strict"],
        ):
            with (self.folder / f"{command[0]}.log").open("ab") as log:
                process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=log, stderr=log)
            self._processes.append(process)
        await within(self._answers(), f"a directory; its log is {self.folder}/pebble.log")

    async def stop(self):
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self._processes.clear()

    async def trusted(self) -> ssl.SSLContext:
        """A client's context that trusts what it issues."""
        return ssl.create_default_context(cadata=await asyncio.to_thread(self._get, "/roots/0"))

    def _get(self, path) -> str:
        context = ssl.create_default_context(cafile=self.issuer.certificate)
        url = f"https://127.0.0.1:{self.ports.management}{path}"
        with urllib.request.urlopen(url, timeout=5, context=context) as response:
            return response.read().decode()

    async def _answers(self):
        while True:
            try:
                return await asyncio.to_thread(self._get, "/roots/0")
            except OSError:
                assert all(process.returncode is None for process in self._processes), "the directory has ended"
                await asyncio.sleep(0.05)


class Front:
    """A directory that says besides when certificates are to be renewed (ARI, RFC 9773), and takes no orders where it `is_limited`:
    Pebble does neither. Where it `is_hasty` every certificate is to be renewed at once."""

    def __init__(self, directory: Directory, *, is_limited=False, is_hasty=False):
        self.directory, self.issuer, self.ports, self.trusted = directory, directory.issuer, directory.ports, directory.trusted
        self.asked, self.orders, self._url, self._is_limited, self._is_hasty = [], 0, None, is_limited, is_hasty

    @property
    def url(self) -> str:
        return f"{self._url}/dir"

    async def start(self, stack: contextlib.AsyncExitStack):
        application = web.Application()
        application.add_routes([web.get("/dir", self._dir), web.get("/renewal-info/{id}", self._renewal_info)])
        application.add_routes([web.post("/new-order", self._no_order)])
        runner = web.AppRunner(application, shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self.issuer.issue().server())
        await site.start()
        self._url = f"https://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"

    async def _dir(self, _request):
        context = ssl.create_default_context(cafile=self.issuer.certificate)
        async with aiohttp.ClientSession() as session, session.get(self.directory.url, ssl=context) as response:
            other = {"renewalInfo": f"{self._url}/renewal-info"}
            if self._is_limited:
                other["newOrder"] = f"{self._url}/new-order"
            return web.json_response({**await response.json(), **other})

    async def _no_order(self, _request):
        self.orders += 1
        problem = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many orders", "status": 429}
        headers = {"Retry-After": "7200", "Content-Type": "application/problem+json"}
        return web.Response(status=429, text=json.dumps(problem), headers=headers)

    async def _renewal_info(self, request):
        """The first certificate that is asked for is to be renewed at once, and any other in the year 2090, unless it is hasty."""
        self.asked.append(request.match_info["id"])
        year = 2020 if self._is_hasty or len(set(self.asked)) == 1 else 2090
        window = {"start": f"{year}-01-01T00:00:00Z", "end": f"{year}-01-02T00:00:00Z"}
        return web.json_response({"suggestedWindow": window}, headers={"Retry-After": "3600"})
