"""A client of sessions, written from docs/wire/session-v1.md alone: messages that survive whatever carries them."""

import asyncio
import inspect
import os
import random
from collections import deque
from dataclasses import dataclass, field

from session_transports import transport_of
from session_wire import (
    MAX_BLOCK_BYTES,
    Ack,
    CloseChannel,
    Credit,
    Data,
    End,
    Leave,
    MessageRecord,
    Open,
    OpenChannel,
    Parting,
    Ping,
    Pong,
    RefuseChannel,
    Reset,
    SessionFault,
    Signal,
    TransportFault,
    Use,
    Welcome,
    packets_of,
    records_of,
)

PIECE_BYTES = 16_384
MAX_IN_FLIGHT_BYTES = 262_144
DATA_BLOCK_BYTES = 32_768
ACK_DELAY_S = 0.025
ACK_BYTES = 65_536
MESSAGE_COST = 64
FIRST_ECHO_S = 3.0
ATTACH_S = 10.0
CREDENTIALS, ASK_FOR_CREDENTIALS = 1, 2


@dataclass
class Message:
    """A message that was sent, until it is confirmed."""

    channel: str
    data: str | bytes
    id: bytes | None = None
    last: int | None = None  # the number of the record with its end, once it has one

    def encoded(self):
        return self.data.encode() if isinstance(self.data, str) else self.data


@dataclass
class Outgoing:
    """A channel that this side sends on."""

    name: str
    number: int
    limit: int
    waiting: deque = field(default_factory=deque)  # messages and control records
    cut: int = 0  # how much of the first message has left
    count: int = 0
    is_refused: bool = False
    refused_with: int | None = None


@dataclass
class Incoming:
    """A channel that the other side sends on."""

    name: str
    window: int
    limit: int
    pieces: list = field(default_factory=list)
    first: MessageRecord | None = None
    size: int = 0
    count: int = 0
    taken: int = 0
    is_refused: bool = False
    is_closed: bool = False
    arrived: deque = field(default_factory=deque)
    consumer: asyncio.Task | None = None


@dataclass
class SessionEnded:
    code: int
    reason: str
    is_reset: bool
    unconfirmed: list


class Session:
    """The client's end. `ways` are tried in turns; `receive` says who takes the messages of a channel."""

    def __init__(self, url, ways=("websocket",), *, credentials=b"", window=262_144, max_message=16_777_216,
                 max_channels=64, ping_interval=10.0, pong_timeout=5.0, pause=0.02):
        self.url = url
        self.ways = list(ways)
        self.credentials = credentials
        self.window = window
        self.max_message = max_message
        self.max_channels = max_channels
        self.ping_interval = ping_interval
        self.pong_timeout = pong_timeout
        self.pause = pause
        self.receivers = {}
        self.on_reset = lambda ended: None
        self.on_session = lambda session: None
        self.on_signal = lambda code, content: None
        self.ended = None
        self.opened = 0  # sessions
        self.resumed = 0
        self.pings_answered = 0
        self.pongs = 0
        self.stays_away = []  # how long it stayed away, each time that it was asked to, in seconds
        self.closed_ways = set()
        self.changes = asyncio.Event()
        self.transports = []
        self.closing_transports = set()
        self.begin()
        self.runner = asyncio.create_task(self.run())
        self.watch = asyncio.create_task(self.watch_transports())

    def begin(self):
        """A new session, with nothing of the one before."""
        self.id, self.token = os.urandom(16), os.urandom(16)
        self.epoch = 0
        self.owner = b""
        self.is_live_once = False
        self.received = 0
        self.received_unacknowledged = 0
        self.acknowledged = 0
        self.ack_timer = None
        self.is_ack_due = False
        self.sent = 0  # the number of the last record that was made
        self.kept = deque()  # (number, record), not confirmed
        self.kept_bytes = 0
        self.controls = deque()
        self.peer_window = None
        self.peer_max_message = None
        self.outgoing = {"": Outgoing("", 0, 0)}
        self.turns = deque([self.outgoing[""]])
        self.last_channel = 0
        self.incoming = {0: Incoming("", self.window, self.window)}
        self.messages = deque()
        self.active = None
        self.closing = None
        self.is_end_made = False
        self.opened += 1

    # What an application does.

    def receive(self, name, receiver):
        """`receiver(data, id)` takes the messages of a channel, "*" those of all others. One that is async holds its channel back."""
        self.receivers[name] = receiver

    def send(self, data, channel="", id=None):
        if self.ended or self.closing:
            raise RuntimeError("the session has ended")
        out = self.channel(channel)
        if out.refused_with is not None:
            raise RuntimeError(f"the channel was refused with {out.refused_with}")
        message = Message(channel, data, id)
        if self.peer_max_message is not None and len(message.encoded()) > self.peer_max_message:
            raise ValueError("longer than the other side takes")
        self.messages.append(message)
        out.waiting.append(message)
        self.wake()

    def channel(self, name):
        if name not in self.outgoing:
            # Numbers are never given again: a late `credit` for the channel before would count for this one.
            self.last_channel += 1
            out = Outgoing(name, self.last_channel, self.peer_window or 0)
            out.waiting.append(OpenChannel(out.number, name))
            self.outgoing[name] = out
            self.turns.append(out)
        return self.outgoing[name]

    def close_channel(self, name):
        out = self.outgoing.pop(name)
        out.waiting.append(CloseChannel(out.number))
        self.wake()

    def signal(self, code, content=b""):
        self.controls.append(Signal(code, content))
        self.wake()

    def authenticate(self, credentials):
        self.credentials = credentials
        if self.is_live_once:
            self.signal(CREDENTIALS, credentials)

    async def close(self, code=4400, reason=""):
        if self.ended is None and self.closing is None:
            self.closing = Parting(code, reason)
            self.wake()
        await self.until(lambda: self.ended)
        await self.finish()
        return self.ended

    async def abandon(self):
        """Ends this side without a word, as a process that is killed does."""
        self.ended = self.ended or SessionEnded(4400, "abandoned", True, self.unconfirmed())
        await self.finish()

    async def finish(self):
        if self.is_ack_due and self.active is not None:
            # The server closes the transport when it has this acknowledgement.
            active = self.active
            try:
                await asyncio.wait_for(self.until(lambda: active.is_gone), 2)
            except asyncio.TimeoutError:
                pass
        self.runner.cancel()
        self.watch.cancel()
        for transport in self.transports:
            await transport.close(4_003)
        await asyncio.gather(*self.closing_transports)
        for channel in self.incoming.values():
            if channel.consumer:
                channel.consumer.cancel()

    async def until(self, holds):
        """Waits until something holds; every change of the session is looked at."""
        while not (value := holds()):
            self.changes.clear()
            await self.changes.wait()
        return value

    def unconfirmed(self):
        return list(self.messages)

    @property
    def way(self):
        return self.active.way if self.active else None

    # Transports.

    def dial(self, way, probe):
        self.epoch += 1
        transport = transport_of(self, way, self.url)
        transport.epoch = self.epoch
        transport.probe = probe
        transport.opened_at = transport.heard_at = self.now()
        transport.pinged_at = None
        self.transports.append(transport)
        first = Open(
            self.id, self.token, self.epoch, self.is_live_once, probe, self.received, self.window, self.max_message,
            self.owner, self.credentials,
        )
        transport.start(first.encode())
        return transport

    @staticmethod
    def now():
        return asyncio.get_running_loop().time()

    async def run(self):
        turn = 0
        while self.ended is None:
            if self.active is not None:  # one that was tried beside it was sooner
                await self.until(lambda: self.active is None or self.ended)
                continue
            open_ways = [way for way in self.ways if way not in self.closed_ways] or self.ways
            transport = self.dial(open_ways[turn % len(open_ways)], probe=False)
            await self.until(lambda: transport.is_gone or self.active is transport or self.ended)
            if self.active is transport:
                await self.until(lambda: self.active is None or self.ended)
            else:
                turn += 1
            if self.ended is None:
                wait, self.wait = self.wait, 0.0
                if wait:
                    self.stays_away.append(wait)
                await asyncio.sleep(wait or self.pause)

    wait = 0.0

    async def migrate(self, way):
        """Moves to another way while the session is live (§4.3)."""
        before = self.active
        transport = self.dial(way, probe=True)
        await self.until(lambda: transport.is_gone or self.active is transport or self.ended)
        if self.active is not transport:
            return False
        if before is not None:
            await self.until(lambda: before.is_gone or transport.is_gone)
        return True

    async def watch_transports(self):
        while True:
            await asyncio.sleep(0.05)
            now = self.now()
            for transport in list(self.transports):
                if transport.is_gone:
                    continue
                most = FIRST_ECHO_S if transport.way in ("stream", "sse") else ATTACH_S
                if not transport.is_welcomed:
                    if now - transport.opened_at > most:
                        self.drop(transport, 4002, "no welcome")
                elif transport.pinged_at is not None and now - transport.pinged_at > self.pong_timeout:
                    self.drop(transport, 4002, "no pong")
                elif transport.pinged_at is None and now - transport.heard_at > self.ping_interval:
                    transport.pinged_at = now
                    self.say(transport, Ping(os.urandom(4)))

    def say(self, transport, packet):
        transport.packets.append(packet)
        transport.wake()

    def drop(self, transport, code, reason):
        if transport not in self.transports:
            return
        self.let_go(transport, code, Leave(code, reason[:96]))
        self.gone(transport, None, reason)

    def fault(self, transport, reason):
        self.drop(transport, 4001, reason)

    # What transports tell.

    def gone(self, transport, code, reason, retry_after=0.0, is_way_closed=False):
        """A transport has ended; a close code says what a `leave` with it does."""
        if code is not None and transport in self.transports:
            self.parted(transport, Parting(code, reason), is_reset=False)
            return
        transport.is_gone = True
        self.gone_with = (code, reason)
        if transport in self.transports:
            self.transports.remove(transport)
        if is_way_closed:
            self.closed_ways.add(transport.way)
        self.wait = max(self.wait, retry_after)
        if self.active is transport:
            self.active = None
        self.changes.set()

    def lost(self, transport):
        """Blocks may be lost: all that is kept is sent again, and `use` before it."""
        if not transport.is_welcomed:
            self.drop(transport, 4007, "the first blocks may be lost")
            return
        if transport.probe:
            transport.packets.insert(0, Use(self.received))
        if self.kept:
            transport.cursor = self.kept[0][0]
        if self.received:
            self.is_ack_due = True
        transport.wake()

    def block(self, transport, block):
        if transport.is_gone:
            return
        transport.heard_at = self.now()
        transport.pinged_at = None
        try:
            for packet in packets_of(block):
                if transport.is_gone or self.ended:
                    return
                self.packet(transport, packet)
        except TransportFault as fault:
            self.fault(transport, str(fault))
        except SessionFault as fault:
            self.finish_session(Parting(4205, str(fault)), Reset(4205, str(fault)))
        self.changes.set()

    def packet(self, transport, packet):
        if isinstance(packet, Welcome):
            self.welcome(transport, packet)
        elif isinstance(packet, (Reset, Leave)):
            self.let_go(transport, packet.code)
            self.parted(transport, packet, isinstance(packet, Reset))
        elif not transport.is_welcomed:
            raise TransportFault("something before the welcome")
        elif isinstance(packet, Ping) and not isinstance(packet, Pong):
            self.pings_answered += 1
            self.say(transport, Pong(packet.content))
        elif isinstance(packet, Ack):
            self.confirm(packet.received)
        elif isinstance(packet, Data):
            self.data(packet)
        elif isinstance(packet, Pong):
            self.pongs += 1
        else:
            raise TransportFault("a packet that a server does not send")

    def parted(self, transport, parting, is_reset):
        """The server ended a transport, or the session with it: what a client does then (§4.5, §7)."""
        counts = self.active in (None, transport)
        self.gone(transport, None, parting.reason)
        if counts and (is_reset or 4_200 <= parting.code <= 4_599):
            self.finish_session(parting)
        elif counts:
            self.wait = max(self.wait, (parting.not_before + random.random() * parting.spread) / 1_000)

    def finish_session(self, parting, last=None):
        """The session is lost. Behind a code from 4400 on there is no other one."""
        ended = SessionEnded(parting.code, parting.reason, True, self.unconfirmed())
        if self.is_end_made and len(self.kept) == 1:
            ended = SessionEnded(parting.code, parting.reason, False, [])  # the answer to `end` was lost
        stays = 4_400 <= parting.code <= 4_599 or self.closing is not None
        for transport in self.transports:
            transport.is_gone = True
            self.let_go(transport, parting.code, last)
        self.transports = []
        if stays:
            self.ended = ended
        self.wait = max(self.wait, (parting.not_before + random.random() * parting.spread) / 1_000)
        if not stays:
            self.begin()
        self.on_reset(ended)
        self.changes.set()

    def let_go(self, transport, code, last=None):
        """Closes a transport, with some last words; the session does not wait for that."""
        task = asyncio.ensure_future(transport.close(code, last.encode() if last else None))
        self.closing_transports.add(task)
        task.add_done_callback(self.closing_transports.discard)

    # What the server says.

    def welcome(self, transport, packet):
        if transport.is_welcomed:
            return  # said again, since the server thought that it was lost
        if packet.version != 1 or packet.received > self.sent:
            raise TransportFault("a welcome that cannot be")
        if self.is_live_once and packet.owner != self.owner:
            raise TransportFault("the owner of another session")
        transport.is_welcomed = True
        if not self.is_live_once:
            self.is_live_once = True
            self.owner = packet.owner
            self.peer_window, self.peer_max_message = packet.window, packet.max_message
            for out in self.outgoing.values():
                out.limit = packet.window
            self.on_session(self)
        else:
            self.resumed += 1
        self.confirm(packet.received)
        if transport.probe:
            self.say(transport, Use(self.received))
        self.active = transport
        transport.cursor = packet.received + 1
        self.wake()

    def confirm(self, received):
        if received > self.sent:
            raise TransportFault("acknowledges what was never sent")
        while self.kept and self.kept[0][0] <= received:
            self.kept_bytes -= len(self.kept.popleft()[1])
        while self.messages and self.messages[0].last is not None and self.messages[0].last <= received:
            self.messages.popleft()
        if any(message.last is not None and message.last <= received for message in self.messages):
            self.messages = deque(m for m in self.messages if m.last is None or m.last > received)
        if self.is_end_made and not self.kept:
            self.ended = SessionEnded(self.closing.code, self.closing.reason, False, [])
        self.wake()

    def data(self, packet):
        self.confirm(packet.received)
        if packet.first > self.received + 1:
            raise TransportFault("records are missing")
        number = packet.first
        for record in records_of(packet.records):
            if number == self.received + 1:
                self.received = number
                self.record(record)
            number += 1
        self.received_unacknowledged += len(packet.records)
        if self.received_unacknowledged >= ACK_BYTES:
            self.acknowledge()
        elif self.ack_timer is None:
            self.ack_timer = asyncio.get_running_loop().call_later(ACK_DELAY_S, self.acknowledge)

    def acknowledge(self):
        if self.ack_timer is not None:
            self.ack_timer.cancel()
            self.ack_timer = None
        self.is_ack_due = True
        self.wake()

    def record(self, record):
        if isinstance(record, MessageRecord):
            self.message(record)
        elif isinstance(record, OpenChannel):
            self.open_channel(record)
        elif isinstance(record, CloseChannel):
            channel = self.incoming.pop(record.number, None)
            if channel is None or record.number == 0:
                raise SessionFault("closes a channel that is not open")
            channel.is_closed = True
        elif isinstance(record, RefuseChannel):
            for out in self.turns:
                if out.number == record.number and not out.is_refused:
                    out.is_refused = True
                    out.refused_with = record.code
                    out.waiting = deque([CloseChannel(out.number)])
        elif isinstance(record, Credit):
            for out in self.turns:
                if out.number == record.number:
                    out.limit = max(out.limit, record.limit)
        elif isinstance(record, Signal):
            if record.code == ASK_FOR_CREDENTIALS:
                self.authenticate(self.credentials)
            self.on_signal(record.code, record.content)
        elif isinstance(record, End):
            self.server_ends(record.parting)

    def server_ends(self, parting):
        self.ended = SessionEnded(parting.code, parting.reason, False, self.unconfirmed())
        self.acknowledge()

    def open_channel(self, record):
        if record.number in self.incoming:
            raise SessionFault("opens a channel twice")
        channel = Incoming(record.name, self.window, self.window)
        refused_with = None
        if sum(not other.is_refused for other in self.incoming.values()) >= self.max_channels:
            refused_with = 4203
        elif record.name not in self.receivers and "*" not in self.receivers:
            refused_with = 4403
        if refused_with is not None:
            channel.is_refused = True
            self.controls.append(RefuseChannel(record.number, refused_with))
        self.incoming[record.number] = channel

    def message(self, record):
        channel = self.incoming.get(record.channel)
        if channel is None:
            raise SessionFault("a channel that is not open")
        if channel.is_refused:
            return
        if record.continued != (channel.first is not None):
            raise SessionFault("a piece that does not fit")
        if record.continued and record.is_binary != channel.first.is_binary:
            raise SessionFault("a piece of another kind")
        if channel.count >= channel.limit:
            raise SessionFault("more than the window allows")
        channel.count += len(record.payload) + (0 if record.continued else MESSAGE_COST)
        if not record.continued:
            channel.first, channel.size = record, 0
        channel.pieces.append(record.payload)
        channel.size += len(record.payload)
        if channel.size > self.max_message:
            raise SessionFault("a message that is too long")
        if record.more:
            # A piece of a message that is not complete counts as taken.
            self.take(record.channel, channel, len(record.payload) + (0 if record.continued else MESSAGE_COST))
            return
        data, first = b"".join(channel.pieces), channel.first
        channel.pieces, channel.first = [], None
        if not first.is_binary:
            try:
                data = data.decode()
            except UnicodeDecodeError:
                raise SessionFault("text that is not UTF-8") from None
        cost = len(record.payload) + (0 if record.continued else MESSAGE_COST)
        channel.arrived.append((data, first.id, cost))
        if channel.consumer is None:
            self.hand_over(record.channel, channel)

    def hand_over(self, number, channel):
        """Messages go to their receiver; one that is async makes the next ones wait."""
        while channel.arrived:
            data, id, cost = channel.arrived.popleft()
            receiver = self.receivers.get(channel.name)
            if receiver is not None:
                result = receiver(data, id)
            elif "*" in self.receivers:
                result = self.receivers["*"](data, id, channel.name)
            else:
                result = None
            if inspect.isawaitable(result):
                channel.consumer = asyncio.ensure_future(self.consume(result, number, channel, cost))
                return
            self.take(number, channel, cost)

    async def consume(self, result, number, channel, cost):
        await result
        channel.consumer = None
        self.take(number, channel, cost)
        self.hand_over(number, channel)

    def take(self, number, channel, cost):
        self.changes.set()
        channel.taken += cost
        if channel.taken + channel.window - channel.limit >= channel.window // 2 and not channel.is_closed:
            channel.limit = channel.taken + channel.window
            self.controls.append(Credit(number, channel.limit))
            self.wake()

    # What goes to the server.

    def wake(self):
        self.changes.set()
        if self.active is not None:
            self.active.wake()

    def make_records(self):
        """Gives numbers to what waits, while the channels have credit and not too much is on its way."""
        if not self.is_live_once or self.is_end_made:
            return
        while self.kept_bytes < MAX_IN_FLIGHT_BYTES:
            record = self.controls.popleft() if self.controls else self.next_of_channels()
            if record is None:
                if self.closing is None or any(out.waiting for out in self.turns):
                    return
                record = End(self.closing)
                self.is_end_made = True
            self.sent += 1
            if isinstance(record, tuple):
                record, message = record
                message.last = self.sent
            encoded = record.encode()
            self.kept.append((self.sent, encoded))
            self.kept_bytes += len(encoded)
            if self.is_end_made:
                return

    def next_of_channels(self):
        for _ in range(len(self.turns)):
            out = self.turns[0]
            self.turns.rotate(-1)
            if not out.waiting:
                continue
            first = out.waiting[0]
            if isinstance(first, CloseChannel):
                self.turns.remove(out)
            if not isinstance(first, Message):
                return out.waiting.popleft()
            if out.count < out.limit:
                return self.piece_of(out, first)
        return None

    def piece_of(self, out, message):
        data = message.encoded()
        piece = data[out.cut : out.cut + PIECE_BYTES]
        record = MessageRecord(
            piece,
            is_binary=isinstance(message.data, bytes),
            more=out.cut + len(piece) < len(data),
            continued=out.cut > 0,
            channel=out.number,
            id=message.id if out.cut == 0 else None,
        )
        out.count += len(piece) + (0 if record.continued else MESSAGE_COST)
        out.cut += len(piece)
        if record.more:
            return record
        out.cut = 0
        out.waiting.popleft()
        return record, message

    def pull(self, transport):
        """The next block for a transport, or None."""
        if not transport.is_welcomed or transport.is_gone:
            return None
        if transport.packets:
            packets, transport.packets = transport.packets, []
            return b"".join(packet.encode() for packet in packets)
        if transport is not self.active:
            return None
        self.make_records()
        if self.kept and transport.cursor <= self.sent:
            first = max(transport.cursor, self.kept[0][0])
            records, size = [], 0
            for index in range(first - self.kept[0][0], len(self.kept)):
                record = self.kept[index][1]
                if records and size + len(record) > DATA_BLOCK_BYTES:
                    break
                records.append(record)
                size += len(record)
            if records:
                transport.cursor = first + len(records)
                self.acknowledges()
                block = Data(self.received, first, b"".join(records)).encode()
                assert len(block) <= MAX_BLOCK_BYTES
                return block
        if self.is_ack_due:
            self.acknowledges()
            return Ack(self.received).encode()
        return None

    def acknowledges(self):
        self.is_ack_due = False
        self.received_unacknowledged = 0
        if self.ack_timer is not None:
            self.ack_timer.cancel()
            self.ack_timer = None
