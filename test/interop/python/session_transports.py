"""The ways that carry blocks (§2 of docs/wire/session-v1.md): WebSocket by `websockets`, the rest by `http.client`.

A transport is given a `sink`, the session, which it asks for blocks with `pull(transport)`, and which it tells of blocks
with `block`, of blocks that may be lost with `lost`, and once of its end with `gone`.
"""

import asyncio
import base64
import http.client
import os
import socket
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import websockets
from session_wire import MAX_BLOCK_BYTES, EndsTooEarly, Leave, Reader, TransportFault, counted, varint

SUBPROTOCOL = "hawser.1"
# Far below the 262,144 that a body may have: what fails is sent again.
REQUEST_BYTES = 49_152
RETRY_S = 0.05
POLL_S = 0.05
# What is asked again goes nowhere for ever where a server is gone; the pings of the session would notice it too.
MAX_FAILURES = 40
CLOSES_THE_WAY = {403, 404, 405, 415}
ENDS_THE_TRANSPORT = {400, 410, 413}


class Transport:
    """What all ways have in common."""

    def __init__(self, sink, way, url):
        self.sink = sink
        self.way = way
        self.url = url
        self.is_gone = False
        self.packets = []  # what the session says over this transport, in front of records
        self.cursor = 0  # the number of the next record to send over it
        self.epoch = 0
        self.is_welcomed = False
        self.heard_at = 0.0
        self.wakes = asyncio.Event()
        self.tasks = []

    def wake(self):
        self.wakes.set()

    def start(self, first):
        self.tasks.append(asyncio.create_task(self.guarded(self.run(first))))

    async def guarded(self, work):
        try:
            await work
        except TransportFault as fault:
            self.sink.fault(self, str(fault))
        except (OSError, EOFError, websockets.exceptions.WebSocketException, http.client.HTTPException) as error:
            self.end(None, repr(error))

    def end(self, code, reason="", retry_after=0.0, is_way_closed=False):
        """Once; code is None where the transport was lost."""
        if self.is_gone:
            return
        self.is_gone = True
        self.wakes.set()
        self.sink.gone(self, code, reason, retry_after, is_way_closed)


class WebSocketTransport(Transport):
    """Each block is one binary message (§2.1)."""

    socket = None

    async def run(self, first):
        self.socket = await websockets.connect(
            self.url,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            max_size=MAX_BLOCK_BYTES,
            max_queue=None,
            ping_interval=None,
            close_timeout=1,
            open_timeout=5,
        )
        if self.is_gone:
            self.socket.transport.abort()
            return
        if self.socket.subprotocol != SUBPROTOCOL:
            raise TransportFault("another subprotocol")
        await self.socket.send(first)
        self.tasks.append(asyncio.create_task(self.guarded(self.write())))
        try:
            async for block in self.socket:
                if isinstance(block, str):
                    raise TransportFault("a text message")
                self.sink.block(self, block)
        except websockets.exceptions.ConnectionClosed:
            pass
        code = self.socket.close_code
        self.end(code if code and 4_000 <= code < 5_000 else None, self.socket.close_reason or "")

    async def write(self):
        while not self.is_gone:
            self.wakes.clear()
            while not self.is_gone and (block := self.sink.pull(self)):
                await self.socket.send(block)
            await self.wakes.wait()

    async def close(self, code, last=None):
        self.is_gone = True
        self.wakes.set()
        if self.socket is None:
            return
        try:
            if last is not None:
                await self.socket.send(last)
            await self.socket.close(code)
        except websockets.exceptions.ConnectionClosed:
            pass

    def cut(self):
        if self.socket is not None:
            self.socket.transport.abort()


class HttpTransport(Transport):
    """A row of requests (§2.4)."""

    def __init__(self, sink, way, url):
        super().__init__(sink, way, url)
        parts = urllib.parse.urlsplit(url.replace("ws", "http", 1))
        self.host, self.port = parts.hostname, parts.port
        self.target = f"{parts.path}?via={way}"
        self.name = os.urandom(16)
        self.number = 0
        self.got = 0
        self.threads = ThreadPoolExecutor(2)
        self.up_connection = self.connection()
        self.down_connection = self.connection()
        self.is_open = False

    def connection(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=40)

    def body(self, kind, number, got, blocks):
        return bytes([kind]) + self.name + varint(number) + varint(got) + b"".join(map(counted, blocks))

    def ask(self, connection, body):
        connection.request("POST", self.target, body, {"Content-Type": "application/octet-stream"})
        return connection.getresponse()

    async def off_loop(self, call, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self.threads, call, *arguments)

    def judge(self, status, headers, is_first):
        """Whether a request that was answered so has failed; ends the transport where the status says so (§2.4.4)."""
        if status in (200, 204):
            return False
        if status in CLOSES_THE_WAY:
            self.end(None, f"status {status}", is_way_closed=True)
        elif status in ENDS_THE_TRANSPORT or is_first:
            wait = headers.get("Retry-After", "0") if status in (429, 503) else "0"
            self.end(None, f"status {status}", float(wait) if wait.isdigit() else 0.0)
        return True

    async def run(self, first):
        self.number = 1
        body = self.body(1, 1, 0, [first])
        if self.way in ("stream", "sse"):
            await self.off_loop(self.read_stream, body, asyncio.get_running_loop())
            self.end(None, "the answer ended")
        else:
            await self.poll(body)

    def welcomed(self):
        """The first request was answered: others may carry blocks."""
        if not self.is_open:
            self.is_open = True
            self.tasks.append(asyncio.create_task(self.guarded(self.write())))

    async def write(self):
        """Requests with blocks, one at a time."""
        failures = 0
        while not self.is_gone:
            self.wakes.clear()
            blocks, size = [], 40
            while size < REQUEST_BYTES and (block := self.sink.pull(self)):
                blocks.append(block)
                size += len(block) + 3
            if not blocks:
                await self.wakes.wait()
                continue
            self.number += 1
            try:
                status, headers = await self.off_loop(self.up, self.body(2, self.number, 0, blocks))
                failed = self.judge(status, headers, False)
            except (OSError, http.client.HTTPException):
                self.up_connection.close()
                failed = True
            failures = failures + 1 if failed else 0
            if failures > MAX_FAILURES:
                self.end(None, "no request gets through")
            elif failed and not self.is_gone:
                await asyncio.sleep(RETRY_S)
                self.sink.lost(self)

    def up(self, body):
        response = self.ask(self.up_connection, body)
        response.read()
        return response.status, response.headers

    # Answers that end (§2.4.3).

    async def poll(self, body):
        failures = 0
        is_first = True
        while not self.is_gone:
            try:
                status, headers, answer = await self.off_loop(self.down, body)
                failed = self.judge(status, headers, is_first)
            except (OSError, http.client.HTTPException):
                if is_first:
                    raise
                self.down_connection.close()
                failed = True
            if self.is_gone:
                return
            failures = failures + 1 if failed else 0
            if failures > MAX_FAILURES:
                self.end(None, "no request gets through")
            elif failed:
                await asyncio.sleep(RETRY_S)
            else:
                is_first = False
                self.take_answer(answer)
                self.welcomed()
                if self.way == "polling":
                    await asyncio.sleep(POLL_S)
            body = self.body(1, 0, self.got, [])

    def down(self, body):
        response = self.ask(self.down_connection, body)
        return response.status, response.headers, response.read()

    def take_answer(self, answer):
        reader = Reader(answer)
        number = reader.varint()
        blocks = []
        while reader.left:
            blocks.append(reader.counted(MAX_BLOCK_BYTES))
            if not blocks[-1]:
                raise TransportFault("a block of no bytes")
        if bool(blocks) != (number > 0) or 0 < number <= self.got:
            raise TransportFault("an answer with a wrong number")
        self.got = number or self.got
        for block in blocks:
            self.sink.block(self, block)

    # Answers that do not end (§2.4.2).

    def read_stream(self, body, loop):
        response = self.ask(self.down_connection, body)
        if response.status != 200:
            loop.call_soon_threadsafe(self.judge, response.status, response.headers, True)
            response.read()
            return
        loop.call_soon_threadsafe(self.welcomed)
        take = self.take_events if self.way == "sse" else self.take_blocks
        buffer = b""
        while chunk := response.read1(65_536):
            blocks, buffer = take(buffer + chunk)
            for block in blocks:
                loop.call_soon_threadsafe(self.sink.block, self, block)

    @staticmethod
    def take_blocks(buffer):
        blocks = []
        reader = Reader(buffer)
        while True:
            start = reader.at
            try:
                length = reader.varint()
                if length > MAX_BLOCK_BYTES:
                    raise ConnectionError("a block that is too long")
                block = reader.bytes(length)
            except EndsTooEarly:  # the rest comes later
                return blocks, buffer[start:]
            if length:
                blocks.append(block)

    @staticmethod
    def take_events(buffer):
        *events, rest = buffer.split(b"\n\n")
        lines = [line for event in events for line in event.split(b"\n")]
        return [base64.b64decode(line[6:], validate=True) for line in lines if line.startswith(b"data: ")], rest

    async def close(self, code, last=None):
        """In a last request it says `leave`, or what it is told to, where the server may not know yet."""
        is_first = not self.is_gone
        self.is_gone = True
        self.wakes.set()
        if self.is_open and (is_first or last is not None):
            self.number += 1
            try:
                await self.off_loop(self.up, self.body(2, self.number, 0, [last or Leave(code).encode()]))
            except (OSError, http.client.HTTPException):
                pass  # the server finds out by itself
        self.cut()
        self.threads.shutdown(wait=False)

    def cut(self):
        for connection in (self.up_connection, self.down_connection):
            if connection.sock is not None:
                try:
                    connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def transport_of(sink, way, url):
    return (WebSocketTransport if way == "websocket" else HttpTransport)(sink, way, url)
