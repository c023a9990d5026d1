"""Does a server what docs/wire/session-v1.md says that it does? Each case quotes the sentence that it is about."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import websockets
from session_hub import main_of
from session_raw import Ids, RawHttp, RawSocket, data_of
from session_wire import (
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
    Signal,
    Use,
    Welcome,
    records_of,
    varint,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "wire" / "session-v1.md"
WORDS = " ".join(DOCUMENT.read_text().split())
CASES = []
NOTHING, BAD_PACKET, BAD_MESSAGE, FENCED = "nothing", "closed 4001", "reset 4205", "closed 4000"


def rule(section, sentence, title=""):
    """A case about a sentence, which has to stand in the document."""

    def add(case):
        async def checked(hub):
            assert " ".join(sentence.split()) in WORDS, f"the document does not say: {sentence}"
            await case(hub)

        CASES.append((f"§{section} {sentence}{f' ({title})' if title else ''}", checked))
        return case

    return add


def text(string, **more):
    return MessageRecord(string.encode(), **more)


async def live(hub, path="/live", **fields):
    ids = Ids(**fields)
    raw = await RawSocket.opened(hub.url(path), ids.open())
    raw.ids = ids
    return raw


def equal(found, expected, of=""):
    assert found == expected, f"{of}: {found!r}, expected {expected!r}"


def blocks_are(section, sentence, expected, cases, path="/live"):
    """What becomes of each block, sent as the first one behind the `welcome`."""

    @rule(section, sentence)
    async def case(hub):
        for title, block in cases.items():
            raw = await live(hub, path)
            await raw.send(*block) if isinstance(block, (tuple, list)) else await raw.send(block)
            equal(await raw.outcome(), expected, title)
            await raw.close()


def openings_are(section, sentence, expected, openings):
    @rule(section, sentence)
    async def case(hub):
        for title, block in openings.items():
            raw = await RawSocket.dial(hub.url())
            await raw.send(block)
            equal(await raw.ended(), expected, title)
            await raw.close()


def resumption(raw, **fields):
    """The next `open` of the session of a raw transport."""
    return raw.ids.open(resume=True, owner=raw.welcome.owner, **fields)


# §1, §2: varints and blocks.

blocks_are("1.1", "It MUST be in its shortest form, and so has at most 8 bytes.", BAD_PACKET, {
    "of a length": bytes.fromhex("05810000"),
    "of a body": bytes.fromhex("05028000"),
    "9 bytes": bytes.fromhex("0509 ffffffffffffffff01"),
    "above 2^53-1": bytes.fromhex("0508 ffffffffffffff1f"),
})


@rule("2", "Both sides MUST take blocks of that size.")
async def largest_block(hub):
    raw = await live(hub)
    beginning = data_of(1, OpenChannel(1, "echo"))
    pieces, room = [], 65_536 - len(beginning)
    pieces.append(MessageRecord(bytes(32_000), is_binary=True, more=True, channel=1))
    room -= len(pieces[0].encode())
    pieces.append(MessageRecord(bytes(room - 5), is_binary=True, continued=True, channel=1))
    block = beginning + pieces[0].encode() + pieces[1].encode()
    equal(len(block), 65_536)
    await raw.send(block)
    equal(await raw.outcome(), NOTHING)
    await raw.acknowledged(3)


@rule("2.1", "Each block is one binary message.", "in frames")
async def fragments(hub):
    raw = await live(hub)
    await raw.socket.send([b"\x06", b"\x01", b"\x07"])
    equal((await raw.next(Pong)).content, b"\x07")


@rule("2.1", "The subprotocol is `hawser.1`.")
async def subprotocol(hub):
    raw = await RawSocket.dial(hub.url(), ["other", "hawser.1"])
    equal(raw.socket.subprotocol, "hawser.1")


@rule("2.1", "A text message breaks the rules")
async def text_message(hub):
    raw = await live(hub)
    await raw.socket.send("hello")
    equal(await raw.ended(), BAD_PACKET)


blocks_are("2", "A transport carries blocks of 1 to 65,536 bytes in both directions.", BAD_PACKET, {"empty": b""})
blocks_are("2.1", "one that is too long, which a receiver may close with 1009 as well", "closed 1009", {
    "65,537 bytes": b"\x80" + varint(65_533) + bytes(65_533),
})


# §2.4: HTTP.


async def polling(hub, via="polling", path="/live", **fields):
    raw = RawHttp(hub, via, path)
    raw.ids = Ids(**fields)
    number, packets = await raw.down(1, 0, raw.ids.open())
    equal(number, 1, "the number of the first answer")
    raw.welcome = packets[0]
    assert isinstance(raw.welcome, Welcome), packets
    return raw


@rule("2.4", "MUST be there in the first request of a transport")
async def via(hub):
    for path in ("/live", "/live?via=pigeon"):
        raw = RawHttp(hub, "polling")
        equal(await raw.status(raw.body(1, 1, 0, Ids().open()), path=path), 404, path)


@rule("2.4", "A server looks at `via` in the first request of a transport only, and need not look at `session`.")
async def later_via(hub):
    raw = await polling(hub)
    equal(await raw.up(2, Ping(b"1"), path="/live?session=nonsense"), 204)
    equal(await raw.status(raw.body(1, 0, 1), path="/live"), 200)


@rule("2.2", "A length of 0 or above 65,536 breaks the rules.")
async def lengths_of_blocks(hub):
    for tail in (b"\x00", varint(65_537) + bytes(65_537), b"\x80\x00"):
        raw = await polling(hub)
        equal(await raw.status(raw.body(2, 2, 0) + tail), 400, tail[:3].hex())
        equal(await raw.up(3, Ping(b"1")), 410, "behind it")


@rule("2.4.1", "The first request of a transport is of kind down, and the block in it is `open`, alone")
async def first_request(hub):
    raw = RawHttp(hub, "polling")
    equal(await raw.up(1, Ids().open()), 410, "kind up")
    equal(await raw.status(raw.body(1, 0, 0)), 410, "without blocks")
    _, packets = await raw.down(1, 0, Ids().open().encode() + Ping(b"1").encode())
    equal([(type(packet), packet.code) for packet in packets], [(Leave, 4001)])


@rule("2.4.1", "or `open` and `reset`, of a page that is left while nothing carries its session: this is the only request of its transport")
async def open_and_reset(hub):
    session = await live(hub)
    await session.close()
    raw = RawHttp(hub, "polling")
    await raw.status(raw.body(1, 1, 0, resumption(session), Reset(4400)))
    again = await RawSocket.dial(hub.url())
    await again.send(resumption(session))
    assert (await again.ended()).startswith("reset 4"), again.reset


@rule("2.4.1", "A body has at most 262,144 bytes; a server MUST take that.")
async def long_body(hub):
    raw = await polling(hub)
    blocks = [b"\x80" + varint(65_000) + bytes(65_000)] * 4
    filler = 262_144 - len(raw.body(2, 2, 0, *blocks)) - 1
    blocks.append(b"\x80" + varint(filler - 3) + bytes(filler - 3))
    while len(raw.body(2, 2, 0, *blocks)) > 262_144:
        filler -= 1
        blocks[-1] = b"\x80" + varint(filler - 3) + bytes(filler - 3)
    equal(len(raw.body(2, 2, 0, *blocks)), 262_144)
    equal(await raw.up(2, *blocks), 204)
    blocks[-1] = b"\x80" + varint(filler - 2) + bytes(filler - 2)
    equal(await raw.up(3, *blocks), 413)


@rule("2.4.1", "`Content-Type` SHOULD be `application/octet-stream`; it is not looked at")
async def content_type(hub):
    raw = await polling(hub)
    for number, kind in enumerate(("text/plain", "application/json", "x"), 2):
        equal(await raw.up(number, Ping(b"1"), headers={"Content-Type": kind}), 204, kind)


@rule("2.4.1", "A body with a `Content-Encoding` is refused.")
async def content_encoding(hub):
    raw = await polling(hub)
    equal(await raw.up(2, Ping(b"1"), headers={"Content-Encoding": "gzip"}), 415)


@rule("2.4.1", "if its number is higher than that of the last one that it took; else it skips them")
async def repeated_request(hub):
    raw = await polling(hub)
    for number, content in ((2, b"a"), (2, b"b"), (5, b"c"), (4, b"d"), (1, b"e")):
        equal(await raw.up(number, Ping(content)), 204)
    _, packets = await raw.down(0, 1)
    equal([packet.content for packet in packets if isinstance(packet, Pong)], [b"a", b"c"])


@rule("2.4.1", "A request with only one of the two breaks the rules")
async def numbers_and_blocks(hub):
    for number, blocks in ((0, [Ping(b"1")]), (2, [])):
        raw = await polling(hub)
        equal(await raw.up(number, *blocks), 400, number)


@rule("2.4.4", "the body breaks the rules")
async def bad_bodies(hub):
    for title, change in {
        "of an unknown kind": lambda body: b"\x03" + body[1:],
        "a number that is no varint": lambda body: body[:17] + b"\x80\x00\x00",
        "got that is no varint": lambda body: body[:18] + b"\x80",
    }.items():
        raw = await polling(hub)
        equal(await raw.status(change(raw.body(2, 2, 0))), 400, title)
    equal(await RawHttp(hub, "polling").status(b"\x01\x02"), 400, "without a transport")


@rule("2.2", "any other body that does breaks the rules")
async def body_ends_within(hub):
    raw = await polling(hub)
    equal(await raw.status(raw.body(2, 2, 0) + b"\x05\x06"), 400)


@rule("2.4.2", "The answer begins with filler of at least 2,048 bytes")
async def streams(hub):
    for way in ("stream", "sse"):
        raw = RawHttp(hub, way)
        connection, response = await asyncio.to_thread(raw.stream, raw.body(1, 1, 0, Ids().open()))
        equal(response.status, 200)
        kind = response.headers["Content-Type"]
        equal(kind.split(";")[0], "application/octet-stream" if way == "stream" else "text/event-stream")
        filler = await asyncio.to_thread(response.read, 2_048)
        assert filler.strip(b"\0") == b"" if way == "stream" else filler.startswith(b":") and b"data:" not in filler
        rest = await asyncio.to_thread(response.read, 20)
        assert (b"data:" if way == "sse" else b"\x03") in rest or rest.strip(b"\0\n :") == b"", rest
        equal(await raw.up(2, Ping(b"1")), 204)
        connection.close()


@rule("2.4.2", "When the answer breaks off, a server SHOULD still take requests of kind up for a second")
async def after_the_stream(hub):
    status = 410
    for _ in range(5):  # a busy machine may not do it within a second
        raw = RawHttp(hub, "stream")
        ids = Ids()
        connection, response = await asyncio.to_thread(raw.stream, raw.body(1, 1, 0, ids.open()))
        filler = b""
        while not filler.strip(b"\0"):
            filler += await asyncio.to_thread(response.read1, 4_096)
        response.close()
        connection.close()
        status = await raw.up(2, Reset(4400))
        if status == 204:
            break
    equal(status, 204)
    again = await RawSocket.dial(hub.url())
    await again.send(ids.open())
    # The id may be used again by who begins anew; what the session was is gone.
    assert (await again.next(Welcome)).received == 0


@rule("2.4.3", "The answers with blocks of a transport have the numbers 1, 2, 3...; one without has the number 0.")
async def answers(hub):
    raw = await polling(hub)
    equal(await raw.down(0, 1), (0, []))
    await raw.up(2, data_of(1, text("say one")))
    number, packets = await until_data(raw, 1)
    equal(number, 2)


async def until_data(raw, got):
    """Asks until records come."""
    for _ in range(200):
        number, packets = await raw.down(0, got)
        if any(isinstance(packet, Data) for packet in packets):
            return number, packets
        got = number or got
        await asyncio.sleep(0.02)
    raise AssertionError("no records came")


@rule("2.4.3", "With `long-polling` it waits until there is something to say")
async def waits(hub):
    raw = await polling(hub, "long-polling")
    waiting = asyncio.create_task(raw.down(0, 1))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await raw.up(2, Ping(b"1"))
    number, packets = await waiting
    equal((number, packets), (2, [Pong(b"1")]))


@rule("2.4.3", "that answer was not received. The server tells its session that blocks were lost, and goes on with the next number.")
async def lost_answer(hub):
    raw = await polling(hub)
    await raw.up(2, data_of(1, text("say one")))
    number, packets = await until_data(raw, 1)
    again, packets = await until_data(raw, number - 1)
    equal(again, number + 1)
    equal([packet.first for packet in packets if isinstance(packet, Data)], [1])


@rule("2.4.3", "A session that heard nothing behind `open` says `welcome` again")
async def lost_welcome(hub):
    raw = await polling(hub)
    number, packets = await raw.down(0, 0)
    equal((number, packets[0]), (2, raw.welcome))


@rule("2.4.3", "If `got` is lower than in an earlier request, the request came late: it is answered without blocks.")
async def late_request(hub):
    raw = await polling(hub)
    await raw.up(2, data_of(1, text("say one")))
    number, _ = await until_data(raw, 1)
    equal(await raw.down(0, number), (0, []))
    equal(await raw.down(0, number - 1), (0, []))


@rule("2.4.3", "If it is higher than the number of the last answer, it breaks the rules.")
async def got_too_high(hub):
    raw = await polling(hub)
    equal(await raw.status(raw.body(1, 0, 2)), 400)
    equal(await raw.up(2, Ping(b"1")), 410, "behind it")


@rule("2.4.3", "A request of kind down while another one waits takes its place; the one that waited is answered without blocks.")
async def two_requests(hub):
    raw = await polling(hub, "long-polling")
    # Which of the two comes first is up to the network.
    both = [asyncio.create_task(raw.down(0, 1)) for _ in range(2)]
    [done], [waiting] = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    equal(await done, (0, []))
    await raw.up(2, Ping(b"1"))
    equal(await waiting, (2, [Pong(b"1")]))


@rule("2.4.3", "When the server ends a transport, its last blocks (`reset`, `leave`) are in the next answer")
async def last_answer(hub):
    raw = await polling(hub)
    await raw.up(2, data_of(2, text("a gap")))
    _, packets = await raw.down(0, 1)
    equal([(type(packet), packet.code) for packet in packets], [(Leave, 4001)])
    equal(await raw.status(raw.body(1, 0, 2)), 410, "behind it")


@rule("2.4.4", "Any other status comes from somebody on the way")
async def statuses(hub):
    raw = RawHttp(hub, "polling")
    equal(await raw.status(raw.body(1, 1, 0, Ids().open()), path="/nowhere?via=polling"), 404)
    equal(await raw.status(b"", method="PUT"), 405)
    equal(await raw.status(None, method="GET"), 426)
    equal(await raw.status(None, method="HEAD"), 426)
    equal(await raw.up(2, Ping(b"1")), 410, "not known")
    equal(await raw.status(raw.body(1, 1, 0, Ids().open()), headers={"Origin": "https://other.example"}), 403)
    equal(await raw.status(b"\xff", headers={"Origin": "https://other.example"}), 403, "before its body")


@rule("2.4.5", "Every answer has `Cache-Control: no-store, no-transform` and `X-Content-Type-Options: nosniff`; one that does not end has `X-Accel-Buffering: no` besides.")
async def header_fields(hub):
    raw = RawHttp(hub, "polling")
    own = f"http://127.0.0.1:{hub.port}"
    requests = [
        (raw.body(1, 1, 0, Ids().open()), "POST", {}),
        (raw.body(2, 2, 0, Ping(b"1")), "POST", {}),
        (b"\xff", "POST", {}),
        (b"\xff", "POST", {"Origin": "https://other.example"}),
        (None, "GET", {}),
        (b"", "PUT", {}),
        (None, "OPTIONS", {"Origin": own}),
    ]
    for body, method, headers in requests:
        status, found, _ = await raw.ask(body, method=method, headers=headers)
        equal(found["Cache-Control"], "no-store, no-transform", f"{method} {status}")
        equal(found["X-Content-Type-Options"], "nosniff", f"{method} {status}")
        equal(found["Set-Cookie"], None)
        assert "Origin" in (found["Vary"] or ""), f"Vary of {method} {status}"
    stream = RawHttp(hub, "stream")
    connection, response = await asyncio.to_thread(stream.stream, stream.body(1, 1, 0, Ids().open()))
    equal(response.headers["X-Accel-Buffering"], "no")
    equal(response.headers["Cache-Control"], "no-store, no-transform")
    connection.close()


@rule("2.4.5", "An answer to an origin other than the server's has `Access-Control-Allow-Origin` with just this origin")
async def cross_origin(hub):
    page = {"Origin": "https://page.example"}
    raw = RawHttp(hub, "polling", "/pages")
    status, found, _ = await raw.ask(raw.body(1, 1, 0, Ids().open()), headers=page)
    equal(status, 200)
    equal(found["Access-Control-Allow-Origin"], "https://page.example")
    equal(found["Access-Control-Expose-Headers"], "Retry-After")
    equal(found["Access-Control-Allow-Credentials"], None)
    status, found, _ = await raw.ask(None, method="OPTIONS", headers=page | {"Access-Control-Request-Method": "POST"})
    equal(status, 204)
    equal(found["Access-Control-Allow-Methods"], "POST")
    equal(found["Access-Control-Allow-Headers"], "Content-Type")
    equal(found["Access-Control-Max-Age"], "7200")


# §3: packets.

blocks_are("3", "An unknown type with the bit `80` set is skipped", NOTHING, {
    "without a body": bytes.fromhex("8000"),
    "with one": bytes.fromhex("ff03010203"),
})
blocks_are("3", "any other unknown type breaks the rules", BAD_PACKET, {
    "00": bytes.fromhex("0000"), "0a": bytes.fromhex("0a00"), "7f": bytes.fromhex("7f00"),
})
blocks_are("3", "In the bodies of `open`, `welcome`, `use`, `ack`, fields that stand behind those named here are skipped", NOTHING, {
    "ack": bytes.fromhex("0503000909"),
})
blocks_are("3", "What breaks a rule of a packet is the fault of the transport: the receiver drops that transport with 4001.", BAD_PACKET, {
    "a packet that does not end": bytes.fromhex("0502"),
    "an ack without a number": bytes.fromhex("0500"),
    "a ping without bytes": bytes.fromhex("0600"),
    "a ping of 9 bytes": bytes.fromhex("0609010203040506070809"),
    "a welcome of a client": Welcome(1, 0, 1, 1, 1, b""),
    "a second open": Ids().open(),
})


@rule("3", "the first packet of a transport, alone in its block")
async def open_first(hub):
    for title, block in {
        "a ping before": Ping(b"1").encode(),
        "not alone": Ids().open().encode() + Ping(b"1").encode(),
        "with data": Ids().open().encode() + data_of(1, text("hi")),
    }.items():
        raw = await RawSocket.dial(hub.url())
        await raw.send(block)
        equal(await raw.ended(), BAD_PACKET, title)


@rule("3", "The session goes on with another one.")
async def goes_on(hub):
    raw = await live(hub)
    await raw.send(data_of(1, text("say one")))
    await raw.acknowledged(1)
    await raw.send(bytes.fromhex("7f00"))
    equal(await raw.ended(), BAD_PACKET)
    again = await RawSocket.opened(hub.url(), resumption(raw))
    equal((await again.next(Data)).first, 1)


# §4: transports and the session.

some = Ids()
openings_are("4.1", "varint, at least the lowest; the client speaks all in between", BAD_PACKET, {
    "version 0": some.open(lowest=0),
    "highest below lowest": some.open(lowest=2, highest=1),
    "other flags": Open(some.fields["id"], some.fields["token"], 1).encode().replace(b"\x01\x01\x00", b"\x01\x01\x04", 1),
    "epoch 0": Open(some.fields["id"], some.fields["token"], 0),
    "a short id": bytes.fromhex("02050101000102"),
    "an owner of 65 bytes": some.open(owner=bytes(65)),
    "credentials of 8,193 bytes": some.open(credentials=bytes(8_193)),
})
openings_are("4.1", "The server chooses the highest version that both speak; if there is none, it answers `reset` 4402.", "reset 4402", {
    "2 to 3": some.open(lowest=2, highest=3),
    "of a form of its own behind the flags": bytes.fromhex("0206020300ffffff"),
})


@rule("4.1", "The form up to the flags is that of every version.")
async def versions(hub):
    raw = await live(hub, highest=9)
    equal(raw.welcome.version, 1)


@rule("4.1", "The client chooses id and token, so that an `open` whose answer was lost can be repeated")
async def repeated_open(hub):
    raw = await live(hub)
    again = await RawSocket.opened(hub.url(), raw.ids.open())
    equal(again.welcome.owner, raw.welcome.owner)
    equal(await raw.ended(), FENCED)


@rule("4.1", "it answers `reset` with 4200 (it had the session, or `owner` names it, or nobody)")
async def owner_is_this(hub):
    raw = await live(hub)
    for owner in (raw.welcome.owner, b""):
        other = await RawSocket.dial(hub.url())
        await other.send(Ids().open(resume=True, owner=owner))
        equal(await other.ended(), "reset 4200")


@rule("4.1", "`window`, `max message` and `credentials` count in the `open` that makes the session, and are not looked at in later ones.")
async def later_fields(hub):
    raw = await live(hub, "/locked", credentials=b"user Ada", max_message=100)
    again = await RawSocket.opened(hub.url("/locked"), resumption(raw, credentials=b"nobody", max_message=1_000))
    await again.send(data_of(1, text("say " + "x" * 101), text("user")))
    records = list(records_of((await again.next(Data)).records))
    equal([record.payload for record in records], [b"Ada"])


@rule("4.1", "4202 (`owner` names another process, which is gone or cannot be reached)")
async def owner_is_another(hub):
    other = await RawSocket.dial(hub.url())
    await other.send(Ids().open(resume=True, owner=b"nobody knows"))
    equal(await other.ended(), "reset 4202")


@rule("4.1", "or the code with which the session ended, if that is 4200 or above")
async def how_it_ended(hub):
    for code, expected in ((4321, 4321), (4400, 4400), (4001, 4200)):
        raw = await live(hub)
        await raw.send(data_of(1, End(Parting(code, "bye"))))
        await raw.acknowledged(1)
        again = await RawSocket.dial(hub.url())
        await again.send(resumption(raw))
        equal(await again.ended(), f"reset {expected}")


@rule("4.1", "The server makes `owner` different for each session that it makes, and resumes one only if `owner` is the same")
async def owners(hub):
    first, second = await live(hub), await live(hub)
    assert first.welcome.owner != second.welcome.owner
    other = await RawSocket.dial(hub.url())
    await other.send(first.ids.open(resume=True, owner=second.welcome.owner))
    equal(await other.ended(), "reset 4200")
    equal(await first.outcome(), NOTHING, "the session itself")


@rule("4.1", "A token that is not that of the session is answered with `reset` 4204.")
async def tokens(hub):
    raw = await live(hub)
    for fields in ({}, {"resume": True, "owner": raw.welcome.owner}, {"probe": True}):
        other = await RawSocket.dial(hub.url())
        await other.send(Open(**raw.ids.fields | {"token": bytes(16), "epoch": 9} | fields))
        equal(await other.ended(), "reset 4204", fields)
    equal(await raw.outcome(), NOTHING, "the session itself")


@rule("4.1", "An `open` or a `use` with an epoch that is not higher is answered with `leave` 4000 and has no effect")
async def epochs(hub):
    raw = await live(hub, epoch=4)
    for epoch in (1, 5):
        for probe in (False, True):
            other = await RawSocket.dial(hub.url())
            await other.send(Open(**raw.ids.fields | {"epoch": epoch, "probe": probe}, resume=True, owner=raw.welcome.owner))
            equal(await other.ended(), FENCED, (epoch, probe))
            equal(other.leave.code, 4000)
    equal(await raw.outcome(), NOTHING, "the session itself")
    probe = await RawSocket.opened(hub.url(), resumption(raw, probe=True, epoch=7))
    third = await RawSocket.opened(hub.url(), resumption(raw, probe=True, epoch=8))
    await third.send(Use(0))
    equal(await third.outcome(), NOTHING)
    equal(await probe.ended(), FENCED)


@rule("4.1", "the server drops every transport with a lower one, at once and without asking it, and discards what still comes from it")
async def fencing(hub):
    raw = await live(hub)
    again = await RawSocket.opened(hub.url(), resumption(raw))
    try:
        await raw.send(data_of(1, text("say late")))
    except websockets.exceptions.ConnectionClosed:
        pass  # it is closed already
    equal(await raw.ended(), FENCED)
    await again.send(data_of(1, text("say again")))
    records = list(records_of((await again.next(Data)).records))
    equal(records[0].payload, b"again")


@rule("4.1", "With `probe` it only attaches.")
async def probes(hub):
    raw = await live(hub)
    probe = await RawSocket.opened(hub.url(), resumption(raw, probe=True))
    equal(await raw.outcome(), NOTHING)
    equal(await probe.outcome(), NOTHING)
    await raw.send(data_of(1, text("say where")))
    await raw.next(Data)


@rule("4.2", "It is the server's answer, in a block of its own and before anything else.")
async def welcome_alone(hub):
    raw = await live(hub)
    await raw.send(data_of(1, text("say one")))
    await raw.next(Data)
    again = await RawSocket.dial(hub.url())
    await again.send(resumption(raw))
    await again.read()
    equal([type(packet) for packet in again.packets], [Welcome])


@rule("4.3", "The server closes the transport that was active before.")
async def use(hub):
    raw = await live(hub)
    probe = await RawSocket.opened(hub.url(), resumption(raw, probe=True))
    await raw.send(data_of(1, text("say one")))
    await raw.next(Data)
    await probe.send(Use(0))
    equal((await probe.next(Data)).first, 1)
    equal(await raw.ended(), FENCED)


@rule("4.1", "a `use` over the transport that is active already is no fault, and acknowledges only")
async def use_again(hub):
    raw = await live(hub)
    probe = await RawSocket.opened(hub.url(), resumption(raw, probe=True))
    for transport in (raw, probe, probe):
        await transport.send(Use(0))
        equal(await transport.outcome(), NOTHING)
    equal(await raw.ended(), FENCED)


@rule("4.5", "Over a transport that is not active, while another one is, both end that transport and nothing else")
async def reset_of_a_probe(hub):
    raw = await live(hub)
    for packet in (Reset(4400), Reset(4001), Leave(4003), Leave(4400)):
        probe = await RawSocket.opened(hub.url(), resumption(raw, probe=True))
        await probe.send(packet)
        await probe.ended()
        equal(await raw.outcome(), NOTHING, packet)


@rule("3", "In the bodies of `open`, `welcome`, `use`, `ack`, fields that stand behind those named here are skipped", "of open")
async def fields_behind_open(hub):
    body = Ids().open().body() + b"more"
    raw = await RawSocket.opened(hub.url(), b"\x02" + varint(len(body)) + body)
    equal(await raw.outcome(), NOTHING)


@rule("4.3", "Records are only sent over the active transport, and received, as acknowledgements are, from any that was welcomed and is not fenced.")
async def records_of_a_probe(hub):
    raw = await live(hub)
    probe = await RawSocket.opened(hub.url(), resumption(raw, probe=True))
    await probe.send(data_of(1, text("say one")))
    equal((await raw.next(Data)).first, 1)


@rule("4.4", "A `ping` is answered at once with a `pong` of the same bytes, over the same transport")
async def pings(hub):
    raw = await live(hub)
    probe = await RawSocket.opened(hub.url(), resumption(raw, probe=True))
    for transport in (raw, probe):
        for length in range(1, 9):
            await transport.send(Ping(bytes(range(length))))
            equal((await transport.next(Pong)).content, bytes(range(length)))


@rule("4.4", "Whoever hears nothing for some time SHOULD ask; whoever gets no answer drops the transport with 4002.")
async def no_pong(hub):
    raw = await live(hub, "/impatient")
    await raw.next(Ping)
    equal(await raw.ended(), "closed 4002")


@rule("4.5", "`reset` ends the session, in both directions and at once, whatever its code.")
async def reset_of_a_client(hub):
    for code, expected in ((4400, 4400), (4321, 4321), (4001, 4200)):
        raw = await live(hub)
        await raw.send(Reset(code, "gone"))
        await raw.ended()
        again = await RawSocket.dial(hub.url())
        await again.send(resumption(raw))
        equal(await again.ended(), f"reset {expected}")


@rule("4.5", "`leave` ends the transport alone")
async def leave_of_a_client(hub):
    raw = await live(hub)
    await raw.send(Leave(4003, "changing"))
    await raw.ended()
    again = await RawSocket.opened(hub.url(), resumption(raw))
    equal(again.welcome.owner, raw.welcome.owner)


@rule("4.5", "varint: how long to stay away, in ms")
async def sent_away(hub):
    raw = await live(hub)
    await raw.send(data_of(1, text("away 1234 5678")))
    leave = await raw.next(Leave)
    equal((leave.code, leave.not_before, leave.spread), (4004, 1234, 5678))
    equal(await raw.ended(), "closed 4004")


blocks_are("4.5", "the rest, at most 96 bytes of UTF-8, for people", BAD_PACKET, {
    "97 bytes": Leave(4003, "x" * 97),
})
blocks_are("4.5", "taken for empty | | | if it is not UTF-8", "closed 4003", {
    "ff": b"\x09\x05" + varint(4003) + b"\x00\x00\xff",
})
blocks_are("4.5", "varint: a session code (§7)", BAD_PACKET, {
    "1": bytes.fromhex("0803010000"), "3999": Reset(3999), "4600": Reset(4600), "5000": Reset(5000), "leave 1000": Leave(1000),
})


# §5: records.

blocks_are("5", "There is at least one.", BAD_PACKET, {"none": data_of(1)})
blocks_are("5", "above: blocks are missing. The transport broke its promise and is dropped with 4001.", BAD_PACKET, {
    "2 before 1": data_of(2, text("a")),
    "far above": data_of(2**53 - 1, text("a")),
})
blocks_are("5", "`received` never exceeds what was sent (or the transport is dropped with 4001)", BAD_PACKET, {
    "in ack": Ack(1), "in data": data_of(1, text("a"), received=1), "far above": Ack(2**53 - 1),
})


@rule("4.1", "A `received` above what the server sent is answered with `reset` 4205")
async def received_of_open(hub):
    raw = await live(hub)
    probe = await RawSocket.opened(hub.url(), resumption(raw, probe=True))
    await probe.send(Use(7))
    equal(await probe.outcome(), BAD_PACKET, "use")
    other = await RawSocket.dial(hub.url())
    await other.send(resumption(raw, received=7))
    equal(await other.ended(), BAD_MESSAGE, "open")


@rule("5", "up to _r_: it is skipped; it came before")
async def repeated_records(hub):
    raw = await live(hub)
    await raw.send(data_of(1, text("say one")))
    await raw.send(data_of(1, text("say one"), text("say two")))
    await raw.send(data_of(2, text("say two"), text("say three")))
    await raw.acknowledged(3)
    found = []
    again = await RawSocket.opened(hub.url(), resumption(raw))
    while len(found) < 3:
        found += [record.payload for record in records_of((await again.next(Data)).records)]
    equal(found, [b"one", b"two", b"three"])


@rule("5", "one that is lower than an earlier one says nothing")
async def lower_received(hub):
    raw = await live(hub)
    await raw.send(data_of(1, text("say one")))
    await raw.next(Data)
    await raw.send(Ack(1))
    await raw.send(Ack(0))
    equal(await raw.outcome(), NOTHING)
    again = await RawSocket.opened(hub.url(), resumption(raw, received=0))
    await again.send(data_of(2, text("say two")))
    equal((await again.next(Data)).first, 2)


@rule("5", "everything that is kept is sent again, under the same numbers")
async def sent_again(hub):
    raw = await live(hub)
    await raw.send(data_of(1, *(text(f"say {index}") for index in range(5))))
    seen = []
    while len(seen) < 5:
        seen += records_of((await raw.next(Data)).records)
    again = await RawSocket.opened(hub.url(), resumption(raw, received=2))
    data = await again.next(Data)
    assert data.first <= 3, data
    equal(list(records_of(data.records))[3 - data.first].payload, b"2")


@rule("5", "With every `data`; else alone, within 25 ms or once 64 KiB came, whichever is first")
async def acknowledges(hub):
    raw = await live(hub)
    await raw.send(data_of(1, OpenChannel(1, "count")))
    equal(await raw.next(Ack), Ack(1))


blocks_are("5.1", "MUST be 0", BAD_MESSAGE, {"20": data_of(1, b"\x20\x01a"), "40": data_of(1, b"\x40\x01a")})
blocks_are("5.1", "the number of the channel follows, above 0; without it, the channel is 0", BAD_MESSAGE, {
    "0": data_of(1, b"\x08\x00\x01a"),
})
blocks_are("5.1", "the id of the message follows; not together with `04`", BAD_MESSAGE, {
    "together": data_of(1, text("a", more=True), b"\x14\x01\x07\x01a"),
    "an id of no bytes": data_of(1, b"\x10\x00\x01a"),
})
blocks_are("5.1", "the message began in an earlier record of this channel; `01` is as in that one", BAD_MESSAGE, {
    "another": data_of(1, text("a", more=True), b"\x05\x01a"),
    "none began": data_of(1, text("a", continued=True)),
    "one that began is not finished": data_of(1, text("a", more=True), text("b")),
})
blocks_are("5.1", "Text may be cut within a character.", NOTHING, {
    "euro": data_of(1, MessageRecord(b"\xe2", more=True), MessageRecord(b"\x82", more=True, continued=True),
                    MessageRecord(b"\xac", continued=True)),
    "nothing in the last piece": data_of(1, MessageRecord(b"a", more=True), MessageRecord(b"", continued=True)),
})
blocks_are("5.1", "A piece with `more` has at least one byte.", BAD_MESSAGE, {
    "the first": data_of(1, MessageRecord(b"", more=True)),
    "another": data_of(1, MessageRecord(b"a", more=True), MessageRecord(b"", more=True, continued=True)),
})
blocks_are("5.3", "What came of a message that is not complete when its channel is closed is dropped.", NOTHING, {
    "and again": data_of(1, OpenChannel(1, "echo"), text("a", channel=1, more=True), CloseChannel(1),
                         OpenChannel(1, "echo"), text("b", channel=1)),
})
blocks_are("3", "So they are in control records (§5.2) that end with a varint.", NOTHING, {
    "closeChannel": data_of(1, OpenChannel(1, "echo"), b"\x81\x02\x01\x09"),
    "refuseChannel": data_of(1, b"\x82\x04\x01\x01\x09\x09"),
    "credit": data_of(1, b"\x83\x03\x00\x01\x09"),
})
blocks_are("5.1", "The sum of the pieces MUST NOT exceed the `max message` of the receiver.", BAD_MESSAGE, {
    "at once": data_of(1, text("x" * 1_001)),
    "in pieces": data_of(1, text("x" * 600, more=True), text("x" * 401, continued=True)),
}, "/small")


@rule("5.1", "The id is for the layers above")
async def ids_of_messages(hub):
    raw = await live(hub)
    id = bytes(range(32))
    await raw.send(data_of(1, OpenChannel(1, "echo"), text("hi", channel=1, id=id), text("ho", channel=1, id=b"\0")))
    found = []
    while len(found) < 3:
        found += records_of((await raw.next(Data)).records)
    equal(found[0], OpenChannel(found[1].channel, "echo"))
    equal([record.id for record in found[1:]], [id, b"\0"])


blocks_are("5.2", "number: varint, above 0, not in use; name: the rest, UTF-8, at most 256 bytes", BAD_MESSAGE, {
    "0": data_of(1, OpenChannel(0, "echo")),
    "in use": data_of(1, OpenChannel(1, "echo"), OpenChannel(1, "echo")),
    "257 bytes": data_of(1, OpenChannel(1, "e" * 257)),
    "no UTF-8": data_of(1, b"\x80\x02\x01\xff"),
})
blocks_are("5.3", "So a number that is closed may be given again", NOTHING, {
    "again": data_of(1, OpenChannel(1, "echo"), text("a", channel=1), CloseChannel(1), OpenChannel(1, "echo2"), text("b", channel=1)),
})
blocks_are("5.2", "number: varint, above 0. Behind the last message", BAD_MESSAGE, {
    "not open": data_of(1, CloseChannel(1)),
    "the one that is always there": data_of(1, CloseChannel(0)),
    "twice": data_of(1, OpenChannel(1, "echo"), CloseChannel(1), CloseChannel(1)),
    "and a message": data_of(1, OpenChannel(1, "echo"), CloseChannel(1), text("a", channel=1)),
})
blocks_are("5.2", "the rest, at most 8,192 bytes: between the layers above", BAD_MESSAGE, {
    "8,193": data_of(1, Signal(99, bytes(8_193))),
})
blocks_are("5.5", "a code that is not known is skipped", NOTHING, {
    "99": data_of(1, Signal(99, bytes(8_192))), "far above": data_of(1, Signal(2**53 - 1)),
})
blocks_are("5.2", "An unknown head with the bit `40` set is skipped", NOTHING, {"c0": data_of(1, b"\xc0\x00", text("a"))})
blocks_are("5.2", "any other unknown head breaks the rules", BAD_MESSAGE, {
    "86": data_of(1, b"\x86\x00"), "bf": data_of(1, b"\xbf\x00"), "a0": data_of(1, b"\xa0\x00"),
})


@rule("5.2", "the last record; the session is closed in order")
async def end_of_session(hub):
    raw = await live(hub)
    await raw.send(data_of(1, text("say last"), End(Parting(4400, "bye"))))
    await raw.acknowledged(2)
    await raw.ended()


@rule("5.3", "Names need not be unique.")
async def same_names(hub):
    raw = await live(hub)
    await raw.send(data_of(1, OpenChannel(1, "echo"), OpenChannel(2, "echo"), text("a", channel=1), text("b", channel=2)))
    found = []
    while len(found) < 3:
        found += [record for record in records_of((await raw.next(Data)).records) if not isinstance(record, Credit)]
    equal(sorted(record.payload for record in found[1:]), [b"a", b"b"])


@rule("5.3", "A receiver that does not want a channel, or has as many as it allows (4203), sends `refuseChannel`")
async def refused_channels(hub):
    raw = await live(hub, "/small")
    await raw.send(data_of(1, OpenChannel(1, "secret"), text("skipped", channel=1)))
    record = next(iter(records_of((await raw.next(Data)).records)))
    equal((record.number, record.code), (1, 4403))
    await raw.send(data_of(3, CloseChannel(1), *(OpenChannel(number, f"echo{number}") for number in range(2, 8))))
    equal(await raw.outcome(), NOTHING)
    again = await RawSocket.opened(hub.url("/small"), resumption(raw, received=1))
    found = []
    while not found or found[-1].number < 7:
        found += [record for record in records_of((await again.next(Data)).records) if isinstance(record, RefuseChannel)]
    codes = {record.code for record in found}
    equal(codes, {4203})
    assert len(found) in (2, 3), found


@rule("5.3", "What is still on its way is skipped.")
async def skipped_on_refused(hub):
    raw = await live(hub)
    await raw.send(data_of(1, OpenChannel(1, "secret"), text("a", channel=1, more=True), b"\x0c\x01\x01\xff", text("b", channel=1), CloseChannel(1)))
    equal(await raw.outcome(), NOTHING)


@rule("5.3", "A number that was closed meanwhile is no fault in `refuseChannel` and `credit`: the two may cross.")
async def crossing(hub):
    raw = await live(hub)
    await raw.send(data_of(1, OpenChannel(1, "ends"), CloseChannel(1), Credit(1, 1)))
    equal(await raw.outcome(), NOTHING)


MANY = "more than four times as many that are open at a time and were refused for that (4203)"
blocks_are("5.4", MANY, NOTHING, {
    "4 and 16": data_of(1, *(OpenChannel(number, "secret") for number in range(1, 21))),
    "closed in between": data_of(1, *(record for number in range(1, 100) for record in (OpenChannel(number, "echo"), CloseChannel(number)))),
}, "/small")
blocks_are("5.4", MANY, BAD_MESSAGE, {
    "4 and 17": data_of(1, *(OpenChannel(number, "secret") for number in range(1, 22))),
}, "/small")
blocks_are("5.4", "a channel that is not open, a message that is too long, text that is not UTF-8", BAD_MESSAGE, {
    "channel 5": data_of(1, text("a", channel=5)),
    "text": data_of(1, MessageRecord(b"\xff")),
    "text that ends within a character": data_of(1, MessageRecord(b"\xe2\x82")),
    "in pieces": data_of(1, MessageRecord(b"\xe2\x82", more=True), MessageRecord(b"a", continued=True)),
    "a body that has no number": data_of(1, b"\x81\x00"),
    "a body with a varint that is none": data_of(1, b"\x81\x02\x81\x00"),
    "a surrogate": data_of(1, MessageRecord(b"\xed\xa0\x80")),
})
blocks_are("5.4", "Only a record that does not end within its block, has a varint before its payload or body that is not one, or an id of more than 32 bytes, is the fault of the transport (§3).", BAD_PACKET, {
    "does not end": data_of(1, b"\x00\x05hi"),
    "a varint that is none": data_of(1, b"\x00\x82\x00hi"),
    "one of a control record": data_of(1, b"\x81\x81\x00\x01"),
    "an id of 33 bytes": data_of(1, b"\x10\x21" + bytes(33) + b"\x01a"),
})


# §6: flow control.


@rule("6", "The count MUST NOT exceed the limit: at first the `window` of the other side's `open` or `welcome`")
async def window_of_the_client(hub):
    raw = await live(hub, window=1_000)
    await raw.send(data_of(1, text("numbers down 100 1 86")))  # each counts 150
    messages, number = [], None
    while len(messages) < 7:
        for record in records_of((await raw.next(Data)).records):
            if isinstance(record, MessageRecord):
                messages.append(record)
                number = record.channel
    equal(await raw.outcome(), NOTHING)
    await asyncio.sleep(0.1)
    equal(await raw.outcome(), NOTHING)
    # 6 of them count 900, which is below the limit, so that a 7th goes.
    equal(len(messages), 7)
    await raw.send(data_of(2, Credit(number, 500), text("say lower")))
    records = list(records_of((await raw.next(Data)).records))
    equal([record.payload for record in records], [b"lower"], "a lower limit")
    await raw.send(data_of(4, Credit(number, 1_200)))
    more = list(records_of((await raw.next(Data)).records))
    equal([record.payload[:4] for record in more], [bytes([0, 0, 0, 7])], "more")


@rule("6", "(of the first one; later ones are not looked at)")
async def later_window(hub):
    raw = await live(hub, window=1_000)
    again = await RawSocket.opened(hub.url(), resumption(raw, window=1_000_000))
    await again.send(data_of(1, text("numbers down 100 1 86")))
    await again.next(Data)
    equal(await again.outcome(), NOTHING)
    await asyncio.sleep(0.05)
    third = await RawSocket.opened(hub.url(), resumption(raw, window=1_000_000))
    messages = []
    while len(messages) < 7:
        messages += [r for r in records_of((await third.next(Data)).records) if isinstance(r, MessageRecord)]
    equal(await third.outcome(), NOTHING)
    equal((len(messages), [p for p in third.packets if isinstance(p, Data)]), (7, []))


def window_of_the_server(records):
    return data_of(1, OpenChannel(1, "held"), *records)


# The window of /small is 4,096, and nothing is taken on `held`.
blocks_are("6", "The payload of one record may exceed the limit, if the count was below it.", NOTHING, {
    "the last": window_of_the_server([text("x" * 936, channel=1)] * 4 + [text("x" * 900, channel=1)])
}, "/small")
blocks_are("5.4", "more than the window allows", BAD_MESSAGE, {
    "one more": window_of_the_server([text("x" * 936, channel=1)] * 4 + [text("x" * 900, channel=1), text("", channel=1)]),
    "messages without bytes": window_of_the_server([text("", channel=1)] * 65),
}, "/small")


@rule("6", "for each message its payload and 64 more, the 64 with its first record")
async def counts_of_messages(hub):
    # 64 empty messages count 4,096: the whole window. A count of 63 each would take one more.
    raw = await live(hub, "/small")
    await raw.send(window_of_the_server([text("", channel=1)] * 64))
    equal(await raw.outcome(), NOTHING)
    await raw.send(data_of(66, text("", channel=1)))
    equal(await raw.outcome(), BAD_MESSAGE)


@rule("6", "A receiver gives credit for what its application has taken, and SHOULD do so once half of the window is used.")
async def credit_of_the_server(hub):
    raw = await live(hub, "/small")
    await raw.send(data_of(1, OpenChannel(3, "count"), *(MessageRecord(bytes(3) + bytes([n]), is_binary=True, channel=3) for n in range(32))))
    while True:
        credits = [r for r in records_of((await raw.next(Data)).records) if isinstance(r, Credit)]
        if credits:
            break
    equal(credits[0].number, 3)
    assert 4_096 < credits[0].limit <= 4_096 + 32 * 68, credits


@rule("6", "While a message is not complete, its pieces count as taken: else one longer than the window would never end.")
async def message_above_the_window(hub):
    raw = await live(hub, window=4_096)
    await raw.send(data_of(1, text("numbers down 1 1 100000")))
    size, limit = 0, 4_096
    while size < 100_000:
        number = 2
        for record in records_of((await raw.next(Data)).records):
            if isinstance(record, MessageRecord):
                size += len(record.payload)
        raw.sent = getattr(raw, "sent", 1) + 1
        await raw.send(data_of(raw.sent, Credit(1, size + 64 + 4_096)))
    equal(size, 100_000)


@rule("5.1", "The sum of the pieces MUST NOT exceed the `max message` of the receiver.", "that of the client")
async def max_message_of_the_client(hub):
    raw = await live(hub, max_message=100)
    await raw.send(data_of(1, text("say " + "x" * 101), text("say " + "y" * 100)))
    records = list(records_of((await raw.next(Data)).records))
    equal([record.payload for record in records], [b"y" * 100])


# §5.5, §7: credentials, codes.


@rule("5.5", "Credentials that are not accepted end the session with `reset` 4401, or whatever the server says.")
async def credentials(hub):
    for words, expected in {b"": "reset 4401", b"wrong": "reset 4401", b"forbidden": "reset 4403", b"\xff": "reset 4401"}.items():
        raw = await RawSocket.dial(hub.url("/locked"))
        await raw.send(Ids(credentials=words).open())
        equal(await raw.ended(), expected, words)
    raw = await live(hub, "/locked", credentials=b"user Ada")
    await raw.send(data_of(1, text("user"), Signal(1, b"user Eve"), text("user")))
    found = []
    while len(found) < 2:
        found += [record.payload for record in records_of((await raw.next(Data)).records)]
    equal(found[0], b"Ada")
    await raw.send(data_of(4, text("ask")))
    equal(list(records_of((await raw.next(Data)).records)), [Signal(2)])
    await raw.send(data_of(5, Signal(1, b"wrong")))
    equal(await raw.ended(), "reset 4401")


@rule("7", "the server is overloaded", "with the time that `authenticate` said")
async def later(hub):
    raw = await RawSocket.dial(hub.url("/locked"))
    await raw.send(Ids(credentials=b"later").open())
    leave = await raw.next(Leave)
    equal((leave.code, leave.not_before), (4005, 60_000))


@rule("7", "suspended for longer than the resume window")
async def expired(hub):
    raw = await live(hub, "/short")
    await raw.close()
    await hub.has_noticed()
    await asyncio.sleep(0.3)
    again = await RawSocket.dial(hub.url("/short"))
    await again.send(resumption(raw))
    equal(await again.ended(), "reset 4200")


# §8: the vectors.


def table_of(heading):
    section = DOCUMENT.read_text().split(f"### {heading}")[1]
    rows = re.findall(r"^\| `([0-9a-f]+)` +\| `(\w+)`", section, re.MULTILINE)
    assert len(rows) > 15, heading
    return rows


@rule("8.2", "To a server that has welcomed a client and sent the records 1 to 5, of which 1 to 3 are confirmed.")
async def what_is_refused(hub):
    expected = {"transport": BAD_PACKET, "session": BAD_MESSAGE, "nothing": NOTHING}
    for block, refused in table_of("8.2"):
        raw = await live(hub, "/five")
        seen = 0
        while seen < 5:
            seen += len(list(records_of((await raw.next(Data)).records)))
        await raw.send(Ack(3))
        await raw.send(bytes.fromhex(block))
        equal(await raw.outcome(), expected[refused], block)
        await raw.close()


if __name__ == "__main__":
    asyncio.run(main_of(CASES))
