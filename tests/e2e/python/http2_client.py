"""A client of HTTP/2 with `h2`, and RFC 8441's WebSockets on it with `wsproto`: many streams on one connection."""

import asyncio
import ssl

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage

from harness import MIB, within

WIDE = 64 * MIB


class Stream:
    """One request and its answer, or a tunnel."""

    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.headers, self.trailers, self.data = None, None, b""
        self.ended, self.reset = False, None
        self.held_back = 0

    async def head(self):
        """The lines of the answer."""
        await self.connection.until(lambda: self.headers or self.over, "an answer's head")
        assert self.headers, f"no answer: reset with {self.reset}"
        return self.headers

    async def end(self):
        """Waits for END_STREAM or RST_STREAM."""
        await self.connection.until(lambda: self.over, "the end of a stream")

    @property
    def over(self):
        return self.ended or self.reset is not None

    async def body(self):
        await self.end()
        assert self.reset is None, f"reset with {self.reset}"
        return self.data

    async def send(self, data, *, end=False, padding=None):
        """Sends `data` as far as the windows reach at a time."""
        h2 = self.connection.h2
        while data:
            await self.connection.until(lambda: h2.local_flow_control_window(self.number) > 300, "room in the window")
            room = min(h2.local_flow_control_window(self.number) - 300, h2.max_outbound_frame_size - 300, len(data))
            h2.send_data(self.number, data[:room], pad_length=padding)
            data = data[room:]
            await self.connection.tell()
        if end:
            self.finish()

    def finish(self):
        """Says END_STREAM."""
        self.connection.h2.end_stream(self.number)
        self.connection.flush()

    def cancel(self, code=8):
        self.connection.h2.reset_stream(self.number, code)
        self.connection.flush()

    def take(self):
        """Opens the window again for what was held back."""
        held, self.held_back = self.held_back, 0
        self.connection.h2.acknowledge_received_data(held, self.number)
        self.connection.flush()


class WebSocket:
    """A tunnel that is open."""

    def __init__(self, stream):
        self.stream = stream
        self.frames = Connection(ConnectionType.CLIENT)
        self.messages = []
        self.seen = 0
        self.pieces = []
        self.close_code = None

    async def send(self, message, *, padding=None):
        event = BytesMessage(data=message) if isinstance(message, bytes) else TextMessage(data=message)
        await self.stream.send(self.frames.send(event), padding=padding)

    async def receive(self):
        """The next message; None behind the last one."""
        await self.stream.connection.until(lambda: self._next() or self.stream.over, "a message")
        return self.messages.pop(0) if self.messages else None

    async def echoes(self, message, **options):
        await self.send(message, **options)
        assert await self.receive() == message

    async def close(self, code=1000):
        """The closing handshake, and the end of the stream: END_STREAM of both and no RST_STREAM."""
        await self.stream.send(self.frames.send(CloseConnection(code=code)))
        while await self.receive() is not None:
            pass
        await self.stream.end()
        assert (self.close_code, self.stream.reset) == (code, None)
        self.stream.finish()

    async def answer_close(self, code):
        """Waits for a Close with this code, answers it and says END_STREAM."""
        await self.stream.connection.until(lambda: self._next() or self.close_code, "a Close")
        assert (self.close_code, self.messages) == (code, [])
        await self.stream.send(self.frames.send(CloseConnection(code=code)), end=True)

    def _next(self):
        """Reads what has come; whether there is a message."""
        fresh, self.seen = self.stream.data[self.seen :], len(self.stream.data)
        self.frames.receive_data(fresh)
        for event in self.frames.events():
            if isinstance(event, CloseConnection):
                self.close_code = event.code
            elif isinstance(event, (BytesMessage, TextMessage)):
                self.pieces.append(event.data)
                if event.message_finished:
                    self.messages.append(self.pieces[0][:0].join(self.pieces))
                    self.pieces = []
        return bool(self.messages)


class Client:
    """One connection."""

    def __init__(self, reader, writer, scheme):
        self.reader, self.writer, self.scheme = reader, writer, scheme
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.streams = {}
        self.settings = {}
        self.goaway = None
        self.closed = False
        self.holds_back = set()
        self._changed = asyncio.Condition()

    @classmethod
    async def connect(cls, address, certificate=None, *, window=WIDE):
        """With a certificate over TLS, by ALPN; else by prior knowledge. `window` is what each stream may send us."""
        context = None
        if certificate:
            context = ssl.create_default_context(cafile=certificate.chain)
            context.set_alpn_protocols(["h2"])
        names = {"server_hostname": "localhost"} if context else {}
        reader, writer = await within(asyncio.open_connection(*address, ssl=context, **names), "a connection")
        if context:
            assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        client = cls(reader, writer, "https" if context else "http")
        client.h2.initiate_connection()
        client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        client.h2.increment_flow_control_window(WIDE)
        client.flush()
        client.reading = asyncio.create_task(client._read())
        await client.until(lambda: client.settings, "SETTINGS")
        return client

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.reading.cancel()
        await asyncio.gather(self.reading, return_exceptions=True)
        self.writer.close()

    async def request(self, method="GET", path="/", headers=(), *, body=None, end=True, authority="localhost"):
        """Sends a request; with `end=False` its body follows."""
        stream = self._stream()
        lines = [(":method", method), (":scheme", self.scheme), (":path", path), (":authority", authority), *headers]
        self.h2.send_headers(stream.number, lines, end_stream=end and body is None)
        self.flush()
        if body is not None:
            await stream.send(body, end=end)
        return stream

    async def extended_connect(self, path="/", headers=(), *, protocol="websocket"):
        """Sends an extended CONNECT (RFC 8441 §4), and returns its stream."""
        stream = self._stream()
        lines = [
            (":method", "CONNECT"),
            (":protocol", protocol),
            (":scheme", self.scheme),
            (":path", path),
            (":authority", "localhost"),
            ("sec-websocket-version", "13"),
            *headers,
        ]
        self.h2.send_headers(stream.number, lines)
        self.flush()
        return stream

    async def websocket(self, path="/", headers=()):
        """Opens a WebSocket."""
        stream = await self.extended_connect(path, headers)
        head = await stream.head()
        assert head[":status"] == "200", head
        assert "sec-websocket-accept" not in head
        return WebSocket(stream)

    async def until(self, done, what):
        """Waits for something of this connection."""

        async def waiting():
            async with self._changed:
                while not (result := done()):
                    assert not self.closed, f"the connection ended while waiting for {what}"
                    await self._changed.wait()
                return result

        return await within(waiting(), what)

    def flush(self):
        self.writer.write(self.h2.data_to_send())

    def _stream(self):
        number = self.h2.get_next_available_stream_id()
        stream = self.streams[number] = Stream(self, number)
        return stream

    async def _read(self):
        try:
            # Frame by frame: for `h2` GOAWAY is the end, while streams that are open go on (RFC 9113 §6.8).
            while True:
                head = await self.reader.readexactly(9)
                frame = head + await self.reader.readexactly(int.from_bytes(head[:3]))
                for event in self.h2.receive_data(frame):
                    self._handle(event)
                await self.tell()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.closed = True
            await self.tell()

    async def tell(self):
        """Sends what is to be sent, and wakes who waits for something."""
        self.flush()
        async with self._changed:
            self._changed.notify_all()

    def _handle(self, event):
        if isinstance(event, RemoteSettingsChanged):
            self.settings |= {code: change.new_value for code, change in event.changed_settings.items()}
        elif isinstance(event, ConnectionTerminated):
            self.goaway = event.error_code
            self.h2.state_machine.state = ConnectionState.CLIENT_OPEN
        elif isinstance(event, (ResponseReceived, TrailersReceived)):
            lines = dict(event.headers)
            stream = self.streams[event.stream_id]
            if isinstance(event, ResponseReceived):
                stream.headers = lines
            else:
                stream.trailers = lines
        elif isinstance(event, DataReceived):
            stream = self.streams[event.stream_id]
            stream.data += event.data
            if event.stream_id in self.holds_back:
                stream.held_back += event.flow_controlled_length
            else:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.streams[event.stream_id].ended = True
        elif isinstance(event, StreamReset):
            self.streams[event.stream_id].reset = event.error_code
