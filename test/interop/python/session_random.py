"""Random blocks to a server: what becomes of each has to be what the Python reading of the document says."""

import asyncio
import random

from session_client import Session
from session_hub import main_of
from session_raw import Ids, RawSocket
from session_wire import (
    Ack,
    Data,
    End,
    Leave,
    Open,
    Reset,
    SessionFault,
    TransportFault,
    Use,
    Welcome,
    counted,
    packets_of,
    records_of,
    varint,
)

BLOCKS = 300
SEED = 1
NUMBERS = [0, 1, 2, 5, 127, 128, 300, 2**31, 2**53 - 1]
TEXTS = [b"", b"a", b"hi", b"\xc3", b"\xa9", "é".encode(), b"\xff", b"x" * 200]
REASONS = [b"", b"bye", b"x" * 96, b"x" * 97, b"\xff"]


class Judge(Session):
    """The receiving side, without a transport, behind a `welcome`; nothing was sent to it."""

    def __init__(self):
        super().__init__("ws://nowhere")
        self.runner.cancel()
        self.watch.cancel()
        for name in ("echo", "count"):
            self.receive(name, lambda data, id: None)

    def acknowledge(self):
        pass

    def verdict(self, block):
        try:
            for packet in packets_of(block):
                if isinstance(packet, (Open, Welcome)):
                    return "closed 4001"
                if isinstance(packet, (Reset, Leave)):
                    return "over"
                if isinstance(packet, (Ack, Use)):
                    self.confirm(packet.received)
                if isinstance(packet, Data):
                    if packet.first == 0:
                        return "closed 4001"
                    if any(isinstance(record, End) for record in self.records(packet)):
                        return "over"
        except TransportFault:
            return "closed 4001"
        except SessionFault:
            return "reset 4205"
        return "nothing"

    def records(self, packet):
        self.confirm(packet.received)
        if packet.first > self.received + 1:
            raise TransportFault("records are missing")
        for number, record in enumerate(records_of(packet.records), packet.first):
            if number == self.received + 1:
                self.received = number
                yield record
                self.record(record)


class Maker:
    """Blocks that are nearly right."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *values):
        return self.random.choice(values)

    def number(self):
        return varint(self.one(*NUMBERS))

    def parting(self, *codes):
        return varint(self.one(*codes)) + self.number() + self.number() + self.one(*REASONS)

    def message(self):
        head = self.one(*range(0x10), 0x10, 0x11, 0x12, 0x14, 0x18, 0x1A, 0x20, 0x40)
        out = bytes([head])
        if head & 0x08:
            out += varint(self.one(0, 1, 1, 1, 2))
        if head & 0x10:
            out += counted(self.random.randbytes(self.one(0, 1, 16, 32, 33)))
        return out + counted(self.one(*TEXTS))

    def control(self):
        head = self.one(0x80, 0x80, 0x80, 0x81, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0xBF, 0xC0, 0xFF)
        if head == 0x80:
            body = varint(self.one(0, 1, 1, 2)) + self.one(b"echo", b"count", b"secret", b"\xff", b"e" * 257)
        elif head == 0x81:
            body = varint(self.one(0, 1, 1, 2))
        elif head in (0x82, 0x83):
            body = self.number() + self.number()
        elif head == 0x84:
            body = varint(self.one(3, 200, 2**40)) + self.random.randbytes(self.one(0, 5, 8_192, 8_193))
        elif head == 0x85:
            body = self.parting(4_400, 4_000, 1, 4_600)
        else:
            body = self.random.randbytes(3)
        if self.random.random() < 0.2:
            body = self.one(body[:-1], body + b"\x81\x00")
        return bytes([head]) + counted(body)

    def packet(self):
        kind = self.one(0, 2, 3, 4, 5, 5, 6, 6, 7, 8, 9, 0x0A, 0x7F, 0x80, 0xFF)
        if kind in (4, 5):
            body = varint(self.one(0, 0, 0, 1, 2**53 - 1)) + self.one(b"", b"", b"\x09")
        elif kind == 6:
            body = self.random.randbytes(self.one(0, 1, 8, 9))
        elif kind == 7:
            body = self.random.randbytes(self.one(1, 8))
        elif kind in (8, 9):
            body = self.parting(4_003, 4_400, 1, 4_600)
        else:
            body = self.random.randbytes(self.one(0, 1, 5))
        return bytes([kind]) + counted(body)

    def block(self):
        out = b"".join(self.packet() for _ in range(self.one(0, 0, 0, 0, 1, 2)))
        if not out or self.random.random() < 0.6:
            out += b"\x01" + varint(self.one(*[0] * 20, 1)) + varint(self.one(*[1] * 30, 0, 2))
            records = (self.one(self.message, self.control)() for _ in range(self.random.randrange(5)))
            out += b"".join(records)
        if self.random.random() < 0.15:
            at = self.random.randrange(len(out))
            out = out[:at] + self.random.randbytes(1) + out[at + 1 :]
        if self.random.random() < 0.1:
            out = out[: self.random.randint(1, len(out))]
        return out


async def random_blocks(hub):
    maker = Maker(SEED)
    verdicts = {}
    for _ in range(BLOCKS):
        block = maker.block()
        expected = Judge().verdict(block)
        raw = await RawSocket.opened(hub.url(), Ids().open())
        await raw.send(block)
        found = await raw.outcome()
        assert found == expected or expected == "over" and found != "nothing", f"{block.hex()}: {found}, expected {expected}"
        await raw.close()
        verdicts[expected] = verdicts.get(expected, 0) + 1
    assert len(verdicts) == 4, verdicts
    return verdicts


CASES = [(f"{BLOCKS} random blocks", random_blocks)]

if __name__ == "__main__":
    asyncio.run(main_of(CASES))
