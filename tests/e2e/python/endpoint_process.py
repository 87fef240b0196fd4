"""An endpoint as a process of its own, so that a test can kill it, stop it and wake it as the system would.

It says its name to whoever comes and echoes then; `/healthz` says 200. While it is sick (SIGUSR1, and SIGUSR2 when it is well again)
it says 503 to every request, and SIGHUP has it close every WebSocket that is open.
"""

import asyncio
import contextlib
import signal
import sys
from http import HTTPStatus

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def main(name: str, port: int):
    is_sick = False
    loop = asyncio.get_running_loop()

    def fall_sick():
        nonlocal is_sick
        is_sick = True

    def get_well():
        nonlocal is_sick
        is_sick = False

    def answer(connection, request):
        if is_sick:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "sick\n")
        if request.path == "/healthz":
            return connection.respond(HTTPStatus.OK, "well\n")
        return None

    async def talk(connection):
        with contextlib.suppress(ConnectionClosed):
            await connection.send(name)
            async for message in connection:
                await connection.send(message)

    async with serve(talk, "127.0.0.1", port, process_request=answer) as server:
        loop.add_signal_handler(signal.SIGUSR1, fall_sick)
        loop.add_signal_handler(signal.SIGUSR2, get_well)
        loop.add_signal_handler(
            signal.SIGHUP, lambda: [asyncio.ensure_future(it.close(1001)) for it in list(server.connections)]
        )
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
