"""A client that says what it is told to, block by block: for what a server refuses, and for how it answers."""

import asyncio
import http.client
import os

import websockets
from session_transports import SUBPROTOCOL
from session_wire import Ack, Data, Leave, Open, Ping, Pong, Reader, Reset, Welcome, counted, packets_of, varint

ANSWER_S = 10


def bytes_of(part):
    return part if isinstance(part, bytes) else part.encode()


def data_of(first, *records, received=0):
    return Data(received, first, b"".join(map(bytes_of, records))).encode()


class RawSocket:
    """A transport over a WebSocket."""

    def __init__(self, socket):
        self.socket = socket
        self.packets = []  # read, and not asked for yet
        self.reset = None
        self.leave = None
        self.confirmed = 0  # the highest record that the server has confirmed

    @classmethod
    async def dial(cls, url, subprotocols=(SUBPROTOCOL,)):
        return cls(
            await websockets.connect(
                url, subprotocols=list(subprotocols) or None, compression=None, max_size=None, max_queue=None,
                ping_interval=None, close_timeout=1,
            )
        )

    @classmethod
    async def opened(cls, url, opening):
        """With its `welcome`, in `welcome`."""
        raw = await cls.dial(url)
        await raw.send(opening)
        raw.welcome = await raw.next(Welcome)
        return raw

    async def send(self, *parts):
        """All parts are one block."""
        await self.socket.send(b"".join(map(bytes_of, parts)))

    async def read(self):
        """One more block. False where the transport has ended."""
        try:
            block = await asyncio.wait_for(self.socket.recv(), ANSWER_S)
        except websockets.exceptions.ConnectionClosed:
            return False
        for packet in packets_of(block):
            if isinstance(packet, Reset):
                self.reset = packet
            elif isinstance(packet, Leave):
                self.leave = packet
            elif isinstance(packet, (Ack, Data)):
                self.confirmed = max(self.confirmed, packet.received)
            self.packets.append(packet)
        return True

    async def next(self, kind):
        """The next packet of a kind; what stands before it is dropped."""
        while True:
            while self.packets:
                packet = self.packets.pop(0)
                if type(packet) is kind:
                    return packet
            if not await self.read():
                raise AssertionError(f"ended with {self.socket.close_code} before a {kind.__name__}")

    async def outcome(self):
        """`nothing` where it goes on, else the code of the `reset`, or `closed` with that of the close frame."""
        ping = os.urandom(8)
        try:
            await self.send(Ping(ping))
        except websockets.exceptions.ConnectionClosed:
            pass
        while True:
            for index, packet in enumerate(self.packets):
                if type(packet) is Pong and packet.content == ping:
                    del self.packets[: index + 1]
                    return "nothing"
            if not await self.read():
                break
        if self.reset is not None:
            return f"reset {self.reset.code}"
        return f"closed {self.socket.close_code}"

    async def ended(self):
        """How the transport ended, without a question before."""
        while await self.read():
            pass
        if self.reset is not None:
            return f"reset {self.reset.code}"
        return f"closed {self.socket.close_code}"

    async def records(self, count):
        """The bytes of `data` until so many records came, each acknowledged by the caller if it wants."""
        found = []
        while len(found) < count:
            found.append(await self.next(Data))
        return found

    async def acknowledged(self, number):
        """Waits until the server has confirmed a record, also in a packet that was dropped since."""
        while self.confirmed < number:
            if not await self.read():
                raise AssertionError(f"ended with {self.socket.close_code}, {self.reset}")

    async def close(self):
        await self.socket.close()


class Ids:
    """The names of a session, and its `open`s."""

    def __init__(self, **fields):
        self.fields = {"id": os.urandom(16), "token": os.urandom(16), "epoch": 0} | fields

    def open(self, **fields):
        self.fields["epoch"] += 1
        return Open(**(self.fields | fields))


class RawHttp:
    """A transport over HTTP."""

    def __init__(self, hub, via, path="/live"):
        self.port = hub.port
        self.via = via
        self.path = path
        self.name = os.urandom(16)

    def body(self, kind, number, got, *blocks):
        blocks = [counted(bytes_of(block)) for block in blocks]
        return bytes([kind]) + self.name + varint(number) + varint(got) + b"".join(blocks)

    def ask_now(self, body, method, path, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    async def ask(self, body, method="POST", path=None, headers=None):
        """The status, the header fields and the body of the answer."""
        path = path or f"{self.path}?via={self.via}"
        return await asyncio.to_thread(self.ask_now, body, method, path, headers)

    async def status(self, body, **more):
        return (await self.ask(body, **more))[0]

    async def down(self, number, got, *blocks, **more):
        """A request of kind down: the number of its answer, and the packets in that."""
        status, _, answer = await self.ask(self.body(1, number, got, *blocks), **more)
        assert status == 200, f"status {status}"
        return packets_of_answer(answer)

    async def up(self, number, *blocks, **more):
        return await self.status(self.body(2, number, 0, *blocks), **more)

    def stream(self, body):
        """An answer that does not end, for the caller to read and to close."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        connection.request("POST", f"{self.path}?via={self.via}", body)
        return connection, connection.getresponse()


def packets_of_answer(answer):
    reader = Reader(answer)
    number = reader.varint()
    packets = []
    while reader.left:
        packets += packets_of(reader.counted(65_536))
    return number, packets
