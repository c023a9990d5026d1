"""docs/wire/contract-v1.md with a real hub: calls, events and streams, what is refused, and calls that are sent again."""

import asyncio
import re
from pathlib import Path

from session_client import Session
from session_contract import STREAM_WINDOW, CallFailed, Contract
from session_hub import main_of
from session_msgpack import MessagePackCodec
from session_proxy import CuttingProxy

DOCUMENT = (Path(__file__).parents[3] / "docs" / "wire" / "contract-v1.md").read_text()
WORDS = " ".join(DOCUMENT.split())


def says(sentence):
    assert " ".join(sentence.split()) in WORDS, f"the document does not say: {sentence}"


async def fails_with(answer):
    try:
        return f"answered {await answer}"
    except CallFailed as failed:
        return failed.code if failed.data is None else (failed.code, failed.data)


async def calls(hub):
    session = Session(hub.url("/contract"))
    contract = Contract(session)
    assert await contract.call("add", {"a": 1, "b": 2}) == 3
    assert await contract.call("nothing") is None
    both = await asyncio.gather(*(contract.call("add", {"a": n, "b": n}) for n in range(50)))
    assert both == [2 * n for n in range(50)]
    picture = bytes(range(256)) * 300
    answer = await contract.call("reverse", {"name": "é", "picture": picture})
    assert answer == {"pictures": [picture[::-1], "é".encode()]}
    assert await contract.call("add", {"a": 1, "b": 2}, None) == 3
    await session.close()


async def in_messagepack(hub):
    """The same contract in another codec, on another channel."""
    session = Session(hub.url("/contract"), ["stream"])
    contract = Contract(session, MessagePackCodec(), "contract-msgpack")
    for a, b in ((1, 2), (-1, -32), (127, 128), (-33, -129), (65_535, 65_536), (2**32, -(2**31) - 1), (0.5, 2**52)):
        assert await contract.call("add", {"a": a, "b": b}) == a + b
    picture = bytes(range(256)) * 300
    for name, size in (("é", 1), ("x" * 31, 255), ("x" * 32, 256), ("x" * 300, 65_535), ("x" * 70_000, 65_536)):
        answer = await contract.call("reverse", {"name": name, "picture": picture[:size]})
        assert answer == {"pictures": [picture[:size][::-1], name.encode()]}
    assert await fails_with(contract.call("fail", "FULL")) == ("FULL", {"max": 3})
    stream = contract.stream("down", {"to": 50})
    assert await _all(stream) == list(range(1, 51))
    await session.close()


async def errors(hub):
    says("A call gets the error `UNKNOWN_NAME`, and so does a stream. An event is skipped.")
    session = Session(hub.url("/contract"))
    contract = Contract(session)
    assert await fails_with(contract.call("fail", "FULL")) == ("FULL", {"max": 3})
    assert await fails_with(contract.call("fail", "anything")) == "HANDLER_FAILED"
    assert await fails_with(contract.call("nobody")) == "UNKNOWN_NAME"
    code, [problem, *_] = await fails_with(contract.call("add", {"a": 1, "b": "two"}))
    assert (code, problem[1:]) == ("INVALID_INPUT", ["b"]), problem
    assert await fails_with(anext(contract.stream("nobody"))) == "UNKNOWN_NAME"
    contract.emit("nobody", 1)
    assert await contract.call("add", {"a": 1, "b": 2}) == 3
    await session.close()


async def events(hub):
    session = Session(hub.url("/contract"), ["long-polling"])
    contract = Contract(session)
    await session.until(lambda: session.is_live_once)
    contract.emit("say", "hi")
    assert await contract.events.get() == ("said", "you said hi")
    await session.close()


async def cancelled(hub):
    says("nobody waits for this call any more")
    session = Session(hub.url("/contract"))
    contract = Contract(session)
    number, _ = contract.start("forever")
    assert not await contract.call("wasAborted")
    contract.cancel(number)
    while not await contract.call("wasAborted"):
        pass
    await session.close()


async def streams(hub):
    says("At first nothing may be sent up, and `window` values down")
    session = Session(hub.url("/contract"))
    contract = Contract(session)
    stream = contract.stream("down", {"to": 100})
    await session.until(lambda: stream.values.qsize() == STREAM_WINDOW)
    assert await contract.call("add", {"a": 1, "b": 2}) == 3
    assert stream.values.qsize() == STREAM_WINDOW, "more than the window"
    assert [value async for value in stream] == list(range(1, 101))
    assert stream.output == "100 values"
    sum_of = contract.stream("sum")

    async def up():
        for value in range(1, 101):
            await sum_of.send(value)
        sum_of.finish()

    sending = asyncio.create_task(up())
    assert [value async for value in sum_of] == [n * (n + 1) // 2 for n in range(1, 101)]
    assert sum_of.output == 5_050
    await sending
    stopped = contract.stream("down", {"to": 100_000})
    assert await anext(stopped) == 1
    stopped.cancel()
    assert await contract.call("add", {"a": 1, "b": 2}) == 3
    await session.close()


FAULTS = {
    "a message that is no array": ("contract", '{"a":1}'),
    "no JSON": ("contract", "[1,"),
    "an unknown kind": ("contract", "[12,1]"),
    "no fields": ("contract", "[2]"),
    "a deadline below 0": ("contract", '[2,1,"add",-1,1]'),
    "a call without what is settled": ("contract", '[2,1,"add",null]'),
    "a name that is no text": ("contract", "[1,5]"),
    "a hello that comes twice": ("contract", '[0,"key",1,1]', '[0,"key",1,1]'),
    "a key of 65 characters": ("contract", f'[0,"{"k" * 65}",1,1]'),
    "a call without a number": ("contract", '[2,"1","add",null,1]'),
    "a call with the number 0": ("contract", '[2,0,"add",null,1]'),
    "an answer that nobody asked for": ("contract", "[3,1,3]"),
    "a stream with the number 0": ("contract/streams", '[6,0,"down",1,{"to":1}]'),
    "a stream with the number of another": ("contract/streams", '[6,2,"down",1,{"to":9}]', '[6,2,"down",1,{"to":9}]'),
    "a stream with a lower number": ("contract/streams", '[6,2,"down",1,{"to":9}]', '[6,1,"down",1,{"to":9}]'),
    "a value of a stream that nobody opened": ("contract/streams", "[7,9,1]"),
    "a value of a stream that the server did not open": ("contract/streams", "[7,-1,1]"),
    "a window of 0": ("contract/streams", '[6,1,"down",0,{"to":1}]'),
    "a window of 65,537": ("contract/streams", '[6,1,"down",65537,{"to":1}]'),
    "a value before there was credit": ("contract/streams", '[6,1,"down",1,{"to":9}]', "[7,1,5]"),
    "bytes without a place": ("contract", b"\x00\x00\x00\x08[[1,2]]\n" + b"x"),
    "a place that is not null": ("contract", b"\x00\x00\x00\x11" + b'[[1,"say"],[1,1]]' + b"x"),
    "sizes that do not add up": ("contract", b"\x00\x00\x00\x16" + b'[[1,"say",null],[2,2]]' + b"x"),
}


async def faults(hub):
    says("These end the session with 4402: a message that is not an array, has an unknown kind, or fields that are missing or of another "
         "type")
    wrong = []
    for title, (channel, *messages) in FAULTS.items():
        session = Session(hub.url("/contract"))
        session.receive("contract", lambda data, _id: None)
        session.receive("contract/streams", lambda data, _id: None)
        for message in messages:
            session.send(message, channel)
        try:
            ended = await asyncio.wait_for(session.until(lambda session=session: session.ended), 20)
        except asyncio.TimeoutError:
            ended = None
        if ended is None or ended.code != 4402:
            wrong.append((title, ended))
        await session.close()
    assert not wrong, wrong


ORDERLY = {
    "more fields": '[2,1,"nothing",null,1,null,5]',
    "a kind of the other channel": '[6,1,"down",1,{"to":0}]',
    "a call that nobody waits for, and that never was": "[5,77]",
    "nothing settled": '[2,1,"nothing",null,9]',
    "a binary message without bytes": b"\x00\x00\x00\x10" + b'[[1,"say","hi"]]',
}


async def orderly(hub):
    says("What stands behind the fields that a message has is skipped.")
    says("A receiver need not look at which of the two a message came on.")
    for title, message in ORDERLY.items():
        session = Session(hub.url("/contract"))
        contract = Contract(session)
        contract.last_call = 100  # below that there is what is sent by hand
        session.send(message, "contract")
        assert await contract.call("add", {"a": 1, "b": 2}) == 3, title
        await session.close()


async def sent_again(hub):
    says("A number that it knows: it sends the outcome, at once or when there is one. The handler is not called again.")
    proxy = await CuttingProxy(hub.port).start()
    session = Session(hub.url("/contract-short", proxy.port))
    contract = Contract(session)
    resets = []
    session.on_reset = resets.append
    first = await contract.call("count")
    # Its answer does not come: it runs, and everything ends behind it.
    _, answer = contract.start("count")
    _, forever = contract.start("forever")
    await session.until(lambda: not session.messages)
    proxy.is_closed_off = True
    proxy.cut_all()
    _, never_sent = contract.start("count")
    await hub.has_noticed()
    await asyncio.sleep(0.3)  # its window is 50 ms
    proxy.is_closed_off = False
    await session.until(lambda: resets)
    found = sorted([await answer, await never_sent])
    assert found == [first + 1, first + 2], (first, found)
    assert not forever.done()
    assert contract.hellos == 2
    await session.close()
    await proxy.stop()


async def unknown_outcome(hub):
    says("One below its _mark_: it answers `OUTCOME_UNKNOWN`, unless the contract says that the call is idempotent.")
    proxy = await CuttingProxy(hub.port).start()
    session = Session(hub.url("/contract", proxy.port))
    contract = Contract(session)
    resets = []
    session.on_reset = resets.append
    await contract.call("nothing")
    _, forever = contract.start("forever")
    await session.until(lambda: not session.messages)
    await hub.kill()
    await hub.start()
    proxy.target = hub.port
    await session.until(lambda: resets)
    assert await fails_with(forever) == "OUTCOME_UNKNOWN"
    assert await contract.call("add", {"a": 1, "b": 2}) == 3
    await session.close()
    await proxy.stop()


async def cuts(hub):
    """Calls and a stream over a connection that is cut: each is answered once."""
    proxy = await CuttingProxy(hub.port, 11, 15, 500, 4_000).start()
    session = Session(hub.url("/contract", proxy.port))
    contract = Contract(session)
    stream = contract.stream("down", {"to": 500})
    first = await contract.call("count")
    read = asyncio.create_task(asyncio.wait_for(_all(stream), 30))
    found = [await contract.call("count") for _ in range(100)]
    assert found == list(range(first + 1, first + 101))
    assert await read == list(range(1, 501))
    assert session.opened == 1
    await session.close()
    await proxy.stop()
    return {"cuts": proxy.cuts, "resumed": session.resumed}


async def _all(stream):
    return [value async for value in stream]


CASES = [
    ("calls", calls),
    ("calls and a stream in MessagePack", in_messagepack),
    ("errors of calls and streams", errors),
    ("events", events),
    ("a call that nobody waits for any more", cancelled),
    ("streams, down and up", streams),
    ("what ends the session with 4402", faults),
    ("what does not", orderly),
    ("calls that are sent again behind a reset", sent_again),
    ("a call whose outcome nobody knows", unknown_outcome),
    ("calls and a stream over connections that are cut", cuts),
]

if __name__ == "__main__":
    asyncio.run(main_of(CASES))
