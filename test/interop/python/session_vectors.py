"""The test vectors of the documents, encoded and decoded by what was written from them."""

import asyncio
import re
from pathlib import Path

from session_contract import JsonCodec
from session_hub import main_of
from session_wire import (
    Ack,
    CloseChannel,
    Data,
    End,
    Leave,
    MAX_VARINT,
    MessageRecord,
    Open,
    OpenChannel,
    Parting,
    Ping,
    Pong,
    Reader,
    Signal,
    TransportFault,
    Use,
    Welcome,
    packets_of,
    records_of,
    varint,
)

WIRE = Path(__file__).parents[3] / "docs" / "wire"
SESSION = (WIRE / "session-v1.md").read_text()
CONTRACT = (WIRE / "contract-v1.md").read_text()
LIMITS = {"window": 262_144, "max_message": 16_777_216}
OWNER = bytes([1, *range(1, 9)])


def opening(**fields):
    return Open(bytes(range(1, 17)), bytes(range(17, 33)), **LIMITS, **fields)


def data(received, first, *records):
    return Data(received, first, b"".join(record.encode() for record in records))


def text(string, **more):
    return MessageRecord(string.encode(), **more)


def welcome(received):
    return Welcome(1, received, 262_144, 16_777_216, 120_000, OWNER)


# What §8.1 says in words, line by line.
CONVERSATION = [
    ("client", opening(epoch=1)),
    ("server", welcome(0)),
    ("client", data(0, 1, text("hi"), text("é"))),
    ("server", data(2, 1, MessageRecord(b"\x00\xff", is_binary=True, id=b"\x07\x08"))),
    ("client", Ack(1)),
    ("client", data(1, 3, OpenChannel(1, "chat"), text("x" * 130, channel=1))),
    ("server", Ack(4)),
    ("client", Ping(b"\x01")),
    ("server", Pong(b"\x01")),
    ("client", opening(epoch=2, resume=True, probe=True, received=1, owner=OWNER)),
    ("server", welcome(4)),
    ("client", Use(1)),
    ("server", Leave(4000)),
    ("client", Ack(1)),
    ("server", Ack(4)),
    ("server", data(4, 2, Signal(5, b"\x01"))),
    ("client", Ack(2)),
    ("client", data(2, 5, CloseChannel(1))),
    ("server", Ack(5)),
    ("client", data(2, 6, End(Parting(4400, "bye")))),
    ("server", Ack(6)),
]


async def conversation(_hub):
    section = SESSION.split("### 8.1")[1].split("### 8.2")[0]
    lines = re.findall(r"^(client|server) ([0-9a-f]+)$", section, re.MULTILINE)
    assert len(lines) == len(CONVERSATION), len(lines)
    for (side, block), (expected_side, packet) in zip(lines, CONVERSATION, strict=True):
        assert side == expected_side, block
        assert packet.encode().hex() == block, f"{packet.encode().hex()} is not {block}"
        assert list(packets_of(bytes.fromhex(block))) == [packet], block
        if isinstance(packet, Data):
            again = b"".join(record.encode() for record in records_of(packet.records))
            assert again == packet.records, block
    return {"blocks": len(lines)}


async def varints(_hub):
    section = SESSION.split("### 1.1")[1].split("## 2")[0]
    pairs = re.findall(r"`([0-9a-f ]+)`(?: is)? (\d\S*)", section)
    values = {value.rstrip(",."): bytes.fromhex(form) for form, value in pairs if not value.startswith("4")}
    assert values == {"0": b"\0", "127": b"\x7f", "128": b"\x80\x01", "2^53-1": b"\xff" * 7 + b"\x0f"}, values
    for value, form in values.items():
        number = MAX_VARINT if value == "2^53-1" else int(value)
        assert varint(number) == form, value
        assert Reader(form).varint() == number, value
    for wrong in ("8000", "ff80808080808000", "ffffffffffffff1f", "808080808080808001"):
        try:
            Reader(bytes.fromhex(wrong)).varint()
        except TransportFault:
            continue
        raise AssertionError(f"{wrong} was read")
    return {"varints": len(values)}


async def json_with_bytes(_hub):
    codec = JsonCodec()
    calls = re.findall(r"^    (\[\d.*\])$", CONTRACT, re.MULTILINE)
    assert calls == ['[2,1,"add",30000,1,{"a":1,"b":2}]', "[3,1,3]"], calls
    for call in calls:
        assert codec.encode(codec.decode(call)) == call, call
    head, words, tail = re.search(r"^    ([0-9a-f ]{11})  (\[\{.*\]\])  ([0-9a-f ]+)$", CONTRACT, re.MULTILINE).groups()
    message = bytes.fromhex(head) + words.encode() + bytes.fromhex(tail)
    value = {"id": 7, "picture": b"\x01\x02"}
    assert codec.encode(value) == message
    assert codec.decode(message) == value
    return {"messages": 3}


CASES = [("the conversation of §8.1", conversation), ("varints of §1.1", varints), ("JSON with bytes", json_with_bytes)]

if __name__ == "__main__":
    asyncio.run(main_of(CASES))
