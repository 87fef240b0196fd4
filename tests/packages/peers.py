#!/usr/bin/env python3
"""The peers of the trial: peers.py endpoint | secure CERTIFICATE | tunnel FILE | newcomers FILE

`endpoint` echoes. `secure` says hello over TLS to whoever shows CERTIFICATE, and ends. `tunnel` opens one WebSocket and sends over it
until it is closed, and `newcomers` opens one after the other until it gets SIGTERM; each writes what has become of that to FILE, as it goes.
"""

import asyncio
import os
import signal
import ssl
import sys

import websockets

PROXY = "ws://127.0.0.1:8080/"
SECURE_PROXY = "wss://127.0.0.1:8443/"
ENDPOINT = ("127.0.0.1", 3000)
PATIENCE = 10


def write(path, text):
    """Whole or not at all, for whoever reads it meanwhile."""
    with open(f"{path}.new", "w") as file:
        file.write(text)
    os.replace(f"{path}.new", path)


async def endpoint():
    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    async with websockets.serve(echo, *ENDPOINT):
        await asyncio.Future()


async def exchange(socket, message):
    await socket.send(message)
    answer = await asyncio.wait_for(socket.recv(), PATIENCE)
    if answer != message:
        raise ValueError(f"{answer!r} in the place of {message!r}")


async def secure(certificate):
    trusted = ssl.create_default_context(cafile=certificate)
    async with websockets.connect(SECURE_PROXY, ssl=trusted, open_timeout=PATIENCE) as socket:
        await exchange(socket, "hello")


async def tunnel(path):
    sent = 0
    try:
        async with websockets.connect(PROXY, open_timeout=PATIENCE) as socket:
            while True:
                await exchange(socket, str(sent))
                sent += 1
                write(path, f"open {sent}\n")
                await asyncio.sleep(0.05)
    except websockets.ConnectionClosed as closed:
        write(path, f"closed {closed.rcvd.code if closed.rcvd else 1006}\n")
    except Exception as error:
        write(path, f"failed {error!r}\n")


async def newcomers(path):
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    welcomed = 0
    while not end.is_set():
        try:
            async with websockets.connect(PROXY, open_timeout=PATIENCE) as socket:
                await exchange(socket, "hello")
        except Exception as error:
            write(path, f"refused {error!r}\n")
            return
        welcomed += 1
        write(path, f"welcomed {welcomed}\n")


if __name__ == "__main__":
    role, *rest = sys.argv[1:]
    asyncio.run({"endpoint": endpoint, "secure": secure, "tunnel": tunnel, "newcomers": newcomers}[role](*rest))
