"""Bodies: a gibibyte in constant memory in both directions, `Expect: 100-continue`, chunks and trailers."""

import asyncio

import pytest
from aiohttp import web

from curl import curl
from harness import GIB, MIB, config, within

pytestmark = pytest.mark.asyncio

MAY_GROW = 32 * MIB


@pytest.fixture(scope="module")
def gibibyte(tmp_path_factory):
    """A file of that size that takes no room."""
    path = tmp_path_factory.mktemp("body") / "gibibyte"
    with path.open("wb") as file:
        file.truncate(GIB)
    yield path
    path.unlink()


async def count(request):
    """Answers with how much came, and how it was announced."""
    received = 0
    async for chunk in request.content.iter_any():
        received += len(chunk)
    how = request.headers.get("Transfer-Encoding", "length")
    return web.Response(text=f"{received} {how} {request.headers.get('Expect')}")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("expect", ["100-continue", ""])
async def test_uploads_a_gibibyte_in_constant_memory(windlass, http_endpoint, certificate, gibibyte, scheme, expect):
    port = await http_endpoint(web.put("/upload", count))
    program = await windlass(config([port], tls=certificate if scheme == "https" else None))
    before = program.memory("VmRSS")
    options = ["-H", f"Expect: {expect}", "--expect100-timeout", "60", "--cacert", certificate.chain]
    got = await curl(*options, "--upload-file", gibibyte, await program.url(scheme, "/upload"))
    assert got.text == f"{GIB} length {expect or None}"
    # HTTP/2, which curl speaks over TLS, has no reason phrases.
    interim = "HTTP/2 100 " if scheme == "https" else "HTTP/1.1 100 Continue"
    assert (interim in got.heads) == bool(expect), "it is the endpoint's answer, asked for or not"
    assert program.memory("VmHWM") - before < MAY_GROW


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_downloads_a_gibibyte_in_constant_memory(windlass, http_endpoint, certificate, scheme):
    async def pour(request):
        response = web.StreamResponse(headers={"Content-Length": str(GIB)})
        await response.prepare(request)
        block = bytes(MIB)
        for _ in range(GIB // MIB):
            await response.write(block)
        return response

    port = await http_endpoint(web.get("/", pour))
    program = await windlass(config([port], tls=certificate if scheme == "https" else None))
    before = program.memory("VmRSS")
    got = await curl("--cacert", certificate.chain, "-o", "/dev/null", "-w", "%{size_download}", await program.url(scheme))
    assert got.text == str(GIB)
    assert program.memory("VmHWM") - before < MAY_GROW


async def test_a_reader_that_stops_makes_the_sender_stop(windlass, http_endpoint):
    """The endpoint takes nothing until the client has been unable to send for a while: memory must not grow meanwhile."""
    stuck = asyncio.Event()

    async def take_late(request):
        await within(stuck.wait(), "a client that cannot send any more", 60)
        return await count(request)

    program = await windlass(config([await http_endpoint(web.put("/upload", take_late))]))
    before = program.memory("VmRSS")
    reader, writer = await asyncio.open_connection(*(await program.address()))
    writer.write(f"PUT /upload HTTP/1.1\r\nHost: test\r\nContent-Length: {GIB // 4}\r\n\r\n".encode())
    block, sent = bytes(MIB), 0
    while sent < GIB // 4:
        writer.write(block)
        sent += len(block)
        try:
            await asyncio.wait_for(writer.drain(), 60 if stuck.is_set() else 2)
        except TimeoutError:
            assert sent < 64 * MIB, "everything between the client and a standing endpoint is bounded"
            stuck.set()
    assert stuck.is_set()
    head = await within(reader.readuntil(b"\r\n\r\n"), "answer", 60)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert program.memory("VmHWM") - before < MAY_GROW
    writer.close()


async def test_sends_no_body_to_an_endpoint_that_does_not_want_it(windlass, raw_endpoint, gibibyte):
    after_head = asyncio.get_running_loop().create_future()

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\nConnection: close\r\n\r\ntoo big")
        await writer.drain()
        writer.write_eof()
        after_head.set_result(len(await reader.read()))

    program = await windlass(config([await raw_endpoint(refuse)]))
    options = ["-H", "Expect: 100-continue", "--expect100-timeout", "60"]
    got = await curl(*options, "--upload-file", gibibyte, await program.url("http", "/upload"))
    assert (got.status, got.text) == (413, "too big")
    assert "100 Continue" not in got.heads
    assert await within(after_head, "end of the endpoint's connection") == 0


async def test_chunked_uploads(windlass, http_endpoint, tmp_path):
    file = tmp_path / "body"
    file.write_bytes(bytes(5 * MIB + 1))
    program = await windlass(config([await http_endpoint(web.put("/upload", count))]))
    got = await curl("-H", "Transfer-Encoding: chunked", "--upload-file", file, await program.url("http", "/upload"))
    assert got.text.startswith(f"{5 * MIB + 1} chunked ")


async def test_trailers_of_an_answer_arrive(windlass, raw_endpoint):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n")
        writer.write(b"5\r\nhello\r\n0\r\nX-Checksum: abc\r\n\r\n")
        await writer.drain()

    program = await windlass(config([await raw_endpoint(answer)]))
    got = await curl("-H", "TE: trailers", "-H", "Connection: TE", await program.url("http"))
    assert got.text == "hello"
    assert got.trailers() == {"x-checksum": "abc"}


async def test_trailers_of_a_request_arrive(windlass, raw_endpoint):
    received = asyncio.get_running_loop().create_future()

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        received.set_result(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    program = await windlass(config([await raw_endpoint(answer)]))
    reader, writer = await asyncio.open_connection(*(await program.address()))
    writer.write(b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n")
    writer.write(b"5\r\nhello\r\n0\r\nX-Checksum: abc\r\n\r\n")
    assert (await within(reader.readuntil(b"\r\n\r\n"), "answer")).startswith(b"HTTP/1.1 200 ")
    assert (await received).lower().endswith(b"0\r\nx-checksum: abc\r\n\r\n")
    writer.close()
