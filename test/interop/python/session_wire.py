"""The bytes of docs/wire/session-v1.md, from objects and to objects. It was written from that page alone."""

from dataclasses import dataclass, field

MAX_BLOCK_BYTES = 65_536
MAX_VARINT = 2**53 - 1


class TransportFault(Exception):
    """What breaks a rule of a packet: the transport is dropped with 4001 (§3)."""


class EndsTooEarly(TransportFault):
    """Some bytes are missing behind those that are there."""


class SessionFault(Exception):
    """What breaks a rule within a numbered record: the session ends with 4205 (§5.4)."""


def varint(number):
    if not 0 <= number <= MAX_VARINT:
        raise ValueError(f"{number} is no varint")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def counted(data):
    return varint(len(data)) + data


class Reader:
    """Reads fields from the front of some bytes."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    @property
    def left(self):
        return len(self.data) - self.at

    def bytes(self, count):
        if count > self.left:
            raise EndsTooEarly("ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self):
        return self.bytes(1)[0]

    def varint(self):
        number = 0
        for index in range(8):
            byte = self.byte()
            number |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                if byte == 0 and index > 0:
                    raise TransportFault("a varint that could be shorter")
                if number > MAX_VARINT:
                    raise TransportFault("a varint above 2^53-1")
                return number
        raise TransportFault("a varint of more than 8 bytes")

    def counted(self, most):
        count = self.varint()
        if count > most:
            raise TransportFault("a field that is too long")
        return self.bytes(count)

    def rest(self):
        return self.bytes(self.left)


# Packets (§3).


@dataclass
class Data:
    received: int
    first: int
    records: bytes

    def encode(self):
        return b"\x01" + varint(self.received) + varint(self.first) + self.records


class Packet:
    """Every packet but `data` has a type, a length and a body."""

    def encode(self):
        return bytes([self.type]) + counted(self.body())


@dataclass
class Open(Packet):
    type = 0x02
    id: bytes
    token: bytes
    epoch: int
    resume: bool = False
    probe: bool = False
    received: int = 0
    window: int = 262_144
    max_message: int = 16_777_216
    owner: bytes = b""
    credentials: bytes = b""
    lowest: int = 1
    highest: int = 1

    def body(self):
        return b"".join(
            [
                varint(self.lowest),
                varint(self.highest),
                bytes([(0x01 if self.resume else 0) | (0x02 if self.probe else 0)]),
                self.id,
                self.token,
                varint(self.epoch),
                varint(self.received),
                varint(self.window),
                varint(self.max_message),
                counted(self.owner),
                counted(self.credentials),
            ]
        )

    @classmethod
    def read(cls, reader):
        lowest, highest, flags = reader.varint(), reader.varint(), reader.byte()
        if lowest < 1 or highest < lowest or flags & ~0x03:
            raise TransportFault("an open that is none")
        values = {"id": reader.bytes(16), "token": reader.bytes(16), "epoch": reader.varint()}
        values |= {"received": reader.varint(), "window": reader.varint(), "max_message": reader.varint()}
        values |= {"owner": reader.counted(64), "credentials": reader.counted(8_192)}
        return cls(
            resume=bool(flags & 1), probe=bool(flags & 2), lowest=lowest, highest=highest, **values
        )


@dataclass
class Welcome(Packet):
    type = 0x03
    version: int
    received: int
    window: int
    max_message: int
    resume_window: int
    owner: bytes

    def body(self):
        numbers = (self.version, self.received, self.window, self.max_message, self.resume_window)
        return b"".join(map(varint, numbers)) + counted(self.owner)

    @classmethod
    def read(cls, reader):
        return cls(*(reader.varint() for _ in range(5)), reader.counted(64))


@dataclass
class Use(Packet):
    type = 0x04
    received: int

    def body(self):
        return varint(self.received)

    @classmethod
    def read(cls, reader):
        return cls(reader.varint())


@dataclass
class Ack(Use):
    type = 0x05


@dataclass
class Ping(Packet):
    type = 0x06
    content: bytes

    def body(self):
        return self.content

    @classmethod
    def read(cls, reader):
        if not 1 <= reader.left <= 8:
            raise TransportFault("a ping of a wrong length")
        return cls(reader.rest())


@dataclass
class Pong(Ping):
    type = 0x07


@dataclass
class Parting(Packet):
    """What `reset`, `leave` and the record `end` say (§4.5)."""

    code: int
    reason: str = ""
    not_before: int = 0
    spread: int = 0

    def body(self):
        return varint(self.code) + varint(self.not_before) + varint(self.spread) + self.reason.encode()

    @classmethod
    def read(cls, reader):
        code, not_before, spread = reader.varint(), reader.varint(), reader.varint()
        reason = reader.rest()
        if not 4_000 <= code <= 4_599:
            raise TransportFault(f"{code} is no session code")
        if len(reason) > 96:
            raise TransportFault("a reason that is too long")
        try:
            words = reason.decode()
        except UnicodeDecodeError:
            words = ""  # it is for people
        return cls(code, words, not_before, spread)


@dataclass
class Reset(Parting):
    type = 0x08


@dataclass
class Leave(Parting):
    type = 0x09


PACKETS = {packet.type: packet for packet in (Open, Welcome, Use, Ack, Ping, Pong, Reset, Leave)}


def packets_of(block):
    """The packets of a block, in order."""
    if not 1 <= len(block) <= MAX_BLOCK_BYTES:
        raise TransportFault("a block of a wrong length")
    reader = Reader(block)
    while reader.left:
        kind = reader.byte()
        if kind == 0x01:
            yield Data(reader.varint(), reader.varint(), reader.rest())
            return
        body = Reader(reader.bytes(reader.varint()))
        if kind in PACKETS:
            yield PACKETS[kind].read(body)
        elif not kind & 0x80:
            raise TransportFault(f"packet {kind:02x} is not known")


# Records (§5).


@dataclass
class MessageRecord:
    """A message, or a piece of one (§5.1)."""

    payload: bytes
    is_binary: bool = False
    more: bool = False
    continued: bool = False
    channel: int = 0
    id: bytes | None = None

    def encode(self):
        head = (0x01 if self.is_binary else 0) | (0x02 if self.more else 0) | (0x04 if self.continued else 0)
        head |= (0x08 if self.channel else 0) | (0x10 if self.id is not None else 0)
        out = bytes([head])
        if self.channel:
            out += varint(self.channel)
        if self.id is not None:
            out += counted(self.id)
        return out + counted(self.payload)

    @classmethod
    def read(cls, head, reader):
        channel = reader.varint() if head & 0x08 else 0
        named = reader.counted(32) if head & 0x10 else None
        payload = reader.bytes(reader.varint())
        if head & 0x60:
            raise SessionFault("a bit of the head that must be 0")
        if head & 0x08 and channel == 0:
            raise SessionFault("channel 0 is not named")
        if head & 0x02 and not payload:
            raise SessionFault("a piece of nothing")
        if named == b"" or named is not None and head & 0x04:
            raise SessionFault("an id that is not allowed")
        return cls(payload, bool(head & 1), bool(head & 2), bool(head & 4), channel, named)


class ControlRecord:
    def encode(self):
        return bytes([self.head]) + counted(self.body())


@dataclass
class OpenChannel(ControlRecord):
    head = 0x80
    number: int
    name: str

    def body(self):
        return varint(self.number) + self.name.encode()

    @classmethod
    def read(cls, reader):
        number, name = reader.varint(), reader.rest()
        if number == 0 or len(name) > 256:
            raise SessionFault("a channel that cannot be opened")
        try:
            return cls(number, name.decode())
        except UnicodeDecodeError:
            raise SessionFault("the name of a channel is not UTF-8") from None


@dataclass
class CloseChannel(ControlRecord):
    head = 0x81
    number: int

    def body(self):
        return varint(self.number)

    @classmethod
    def read(cls, reader):
        return cls(reader.varint())


@dataclass
class RefuseChannel(ControlRecord):
    head = 0x82
    number: int
    code: int

    def body(self):
        return varint(self.number) + varint(self.code)

    @classmethod
    def read(cls, reader):
        return cls(reader.varint(), reader.varint())


@dataclass
class Credit(ControlRecord):
    head = 0x83
    number: int
    limit: int

    def body(self):
        return varint(self.number) + varint(self.limit)

    @classmethod
    def read(cls, reader):
        return cls(reader.varint(), reader.varint())


@dataclass
class Signal(ControlRecord):
    head = 0x84
    code: int
    content: bytes = b""

    def body(self):
        return varint(self.code) + self.content

    @classmethod
    def read(cls, reader):
        code, content = reader.varint(), reader.rest()
        if len(content) > 8_192:
            raise SessionFault("a signal that is too long")
        return cls(code, content)


@dataclass
class End(ControlRecord):
    head = 0x85
    parting: Parting = field(default_factory=lambda: Parting(4400))

    def body(self):
        return self.parting.body()

    @classmethod
    def read(cls, reader):
        return cls(Parting.read(reader))


CONTROLS = {record.head: record for record in (OpenChannel, CloseChannel, RefuseChannel, Credit, Signal, End)}


def records_of(data):
    """The records of a `data`, in order; None for one that is skipped but counts."""
    reader = Reader(data)
    if not reader.left:
        raise TransportFault("data without a record")
    while reader.left:
        head = reader.byte()
        if not head & 0x80:
            yield MessageRecord.read(head, reader)
            continue
        body = Reader(reader.bytes(reader.varint()))
        if head in CONTROLS:
            try:
                record = CONTROLS[head].read(body)
            except TransportFault as fault:  # what is in a body came whole, and would come again
                raise SessionFault(str(fault)) from None
            yield record
        elif head & 0x40:
            yield None
        else:
            raise SessionFault(f"record {head:02x} is not known")
