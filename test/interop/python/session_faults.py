"""Sessions of the Python client with a real hub, through faults: what is lost, doubled or out of order is counted."""

import asyncio
import json

from session_client import Session
from session_hub import NUMBER_BYTES, main_of, numbered
from session_proxy import CuttingProxy

CHANNELS = 3
MESSAGES = 120
EVERY_NTH_IS_LONG = 30
LONG_BYTES = 150_000


class Counter:
    """What came on a channel: all numbers are to come once, in their order, with what belongs to them."""

    def __init__(self):
        self.next = 0
        self.lost = self.doubled = self.wrong = 0

    def take(self, data, _id=None):
        index = int.from_bytes(data[:NUMBER_BYTES], "big")
        self.lost += max(0, index - self.next)
        self.doubled += index < self.next
        self.wrong += data != numbered(index, len(data))
        self.next = max(self.next, index + 1)


class Traffic:
    """Numbered messages both ways, on several channels at a time, long ones among them."""

    def __init__(self, session, messages=MESSAGES):
        self.session = session
        self.messages = messages
        self.down = [Counter() for _ in range(CHANNELS)]
        self.replies = asyncio.Queue()
        session.receive("", lambda data, _id: self.replies.put_nowait(data))
        for channel, counter in enumerate(self.down):
            session.receive(f"down{channel}", counter.take)

    def start(self):
        for channel in range(CHANNELS):
            self.session.send(f"numbers down{channel} {self.messages} {EVERY_NTH_IS_LONG} {LONG_BYTES}")
        for index in range(self.messages):
            for channel in range(CHANNELS):
                length = LONG_BYTES if index % EVERY_NTH_IS_LONG == 0 else index % 300
                self.session.send(numbered(index, length), f"count{channel}")

    @property
    def total(self):
        return CHANNELS * self.messages

    @property
    def came(self):
        return sum(counter.next for counter in self.down)

    async def finish(self):
        """Both directions are through: what came of them."""
        session = self.session
        await session.until(lambda: session.ended or self.came == self.total and not session.messages)
        assert not session.ended, session.ended
        session.send("counts")
        up = json.loads(await self.replies.get())
        assert sorted(up) == [f"count{channel}" for channel in range(CHANNELS)], up
        return {
            "messages": 2 * self.total,
            "lost": sum(c.lost for c in self.down) + sum(self.messages - c["next"] for c in up.values()),
            "doubled": sum(c.doubled for c in self.down),
            "wrong": sum(c.wrong for c in self.down) + sum(c["wrong"] for c in up.values()),
            "resumed": session.resumed,
        }


def judge(facts):
    assert (facts["lost"], facts["doubled"], facts["wrong"]) == (0, 0, 0), facts
    return facts


def cut_many_times(way, cuts, seed):
    async def case(hub):
        proxy = await CuttingProxy(hub.port, seed, cuts).start()
        session = Session(hub.url(port=proxy.port), [way])
        traffic = Traffic(session)
        traffic.start()
        facts = judge(await traffic.finish())
        assert proxy.cuts == cuts, f"{proxy.cuts} cuts"
        assert session.opened == 1, "it was reset"
        ended = await session.close()
        assert not ended.is_reset and not ended.unconfirmed, ended
        await proxy.stop()
        return facts | {"cuts": proxy.cuts}

    return case


async def changes_its_way(hub):
    """Moves while both directions are busy; each move begins when more has come."""
    proxy = await CuttingProxy(hub.port).start()
    session = Session(hub.url(port=proxy.port), ["websocket"])
    traffic = Traffic(session, 400)
    traffic.start()
    ways = ["long-polling", "websocket", "sse", "stream", "polling", "websocket"]
    for way in ways:
        before = traffic.came
        await session.until(lambda: session.active and traffic.came > min(before + 20, traffic.total - 1))
        assert await session.migrate(way), way
        assert session.way == way
    facts = judge(await traffic.finish())
    assert facts["resumed"] == len(ways), facts
    await session.close()
    await proxy.stop()
    return facts


async def moves_and_is_cut(hub):
    """The same between two ways, while connections are cut."""
    proxy = await CuttingProxy(hub.port, 7, 12, 30_000, 300_000).start()
    session = Session(hub.url(port=proxy.port), ["websocket", "long-polling"])
    traffic = Traffic(session, 300)
    traffic.start()
    moves = 0
    for way in ["long-polling", "websocket"] * 3:
        before = traffic.came
        await session.until(lambda: session.active and traffic.came > min(before + 10, traffic.total - 1))
        moves += await session.migrate(way)
    facts = judge(await traffic.finish())
    assert session.opened == 1, "it was reset"
    await session.close()
    await proxy.stop()
    return facts | {"moves": moves, "cuts": proxy.cuts}


async def expires(hub):
    """Away for longer than the resume window: a reset, with what was not confirmed, and a new session."""
    proxy = await CuttingProxy(hub.port).start()
    session = Session(hub.url("/short", proxy.port), ["websocket"])
    resets, echoed = [], []
    session.on_reset = resets.append
    session.receive("echo", lambda data, id: echoed.append((data, id)))
    session.send("before", "echo", b"1")
    await session.until(lambda: echoed and not session.messages)
    proxy.is_closed_off = True
    proxy.cut_all()
    await session.until(lambda: session.active is None)
    session.send("while away", "echo", b"2")
    session.send("x" * 100_000, "echo", b"3")
    await hub.has_noticed()
    await asyncio.sleep(0.3)  # the window of /short is 50 ms
    proxy.is_closed_off = False
    await session.until(lambda: resets)
    [ended] = resets
    assert (ended.code, ended.is_reset) == (4200, True), ended
    assert [(m.channel, m.data, m.id) for m in ended.unconfirmed] == [
        ("echo", "while away", b"2"), ("echo", "x" * 100_000, b"3"),
    ], ended.unconfirmed
    for message in ended.unconfirmed:
        session.send(message.data, message.channel, message.id)
    await session.until(lambda: len(echoed) == 3)
    assert [id for _, id in echoed] == [b"1", b"2", b"3"]
    await session.close()
    await proxy.stop()


async def server_is_restarted(hub):
    """The process that had the session is gone: a reset, and on with the next one."""
    proxy = await CuttingProxy(hub.port).start()
    session = Session(hub.url(port=proxy.port), ["websocket", "long-polling"])
    resets, echoed = [], []
    session.on_reset = resets.append
    session.receive("echo", lambda data, _id: echoed.append(data))
    session.send("before", "echo")
    await session.until(lambda: echoed and not session.messages)
    await hub.kill()
    await session.until(lambda: session.active is None)
    session.send("while it was down", "echo")
    await hub.start()
    proxy.target = hub.port
    await session.until(lambda: resets)
    [ended] = resets
    assert (ended.code, ended.is_reset) == (4202, True), ended
    assert [message.data for message in ended.unconfirmed] == ["while it was down"], ended
    traffic = Traffic(session, 20)
    traffic.start()
    facts = judge(await traffic.finish())
    await session.close()
    await proxy.stop()
    return facts


async def stays_away(hub):
    """`leave` says when to come back, and over how long that is spread."""
    session = Session(hub.url(), ["long-polling"])
    replies = []
    session.receive("", lambda data, _id: replies.append(data))
    session.send("away 100 50")
    await session.until(lambda: session.resumed == 1)
    [away] = session.stays_away
    assert 0.1 <= away <= 0.15, away
    session.send("say back")
    await session.until(lambda: replies == ["back"])
    await session.close()


async def server_closes(hub):
    """In order, with a code and a reason, behind what it said before."""
    for way in ("websocket", "long-polling", "stream", "sse"):
        session = Session(hub.url(), [way])
        replies = []
        session.receive("", lambda data, _id, replies=replies: replies.append(data))
        session.send("say last")
        session.send("close 4500 that was all")
        ended = await session.until(lambda: session.ended)
        assert (ended.code, ended.reason, ended.is_reset) == (4500, "that was all", False), ended
        assert replies == ["last"], replies
        await session.close()


async def credentials(hub):
    """Asked once for a session, and again when the server wants to know."""
    session = Session(hub.url("/locked"), ["websocket"], credentials=b"user Ada")
    replies, signals = asyncio.Queue(), []
    session.receive("", lambda data, _id: replies.put_nowait(data))
    session.on_signal = lambda code, content: signals.append(code)
    session.send("user")
    assert await replies.get() == "Ada"
    session.credentials = b"user Eve"
    session.send("ask")
    await session.until(lambda: signals == [2] and not session.kept)
    answer = "Ada"
    while answer == "Ada":  # it may still be judging
        session.send("user")
        answer = await replies.get()
    assert answer == "Eve"
    session.authenticate(b"nobody")
    ended = await session.until(lambda: session.ended)
    assert (ended.code, ended.is_reset) == (4401, True), ended
    await session.close()
    refused = Session(hub.url("/locked"), ["long-polling"], credentials=b"forbidden")
    assert (await refused.until(lambda: refused.ended)).code == 4403
    await refused.close()


async def pings(hub):
    """Both sides ask, and both answer."""
    for way in ("websocket", "long-polling", "stream"):
        answering = Session(hub.url("/alert"), [way])
        asking = Session(hub.url(), [way], ping_interval=0.03)
        await answering.until(lambda: answering.pings_answered >= 4)
        await asking.until(lambda: asking.pongs >= 4)
        assert (answering.resumed, asking.resumed) == (0, 0)
        await answering.close()
        await asking.close()


async def no_credit_to_the_server(hub):
    """What is not taken makes the server wait, on this channel alone."""
    session = Session(hub.url(), ["websocket"], window=20_000)
    released, slow, replies = asyncio.Event(), Counter(), []

    async def take(data, _id):
        await released.wait()
        slow.take(data)

    session.receive("down0", take)
    session.receive("", lambda data, _id: replies.append(data))
    session.send("numbers down0 500 1 200")
    await session.until(lambda: any(c.count >= 20_000 for c in session.incoming.values()))
    session.send("say others go on")
    await session.until(lambda: replies)
    assert slow.next == 0
    released.set()
    await session.until(lambda: slow.next == 500)
    assert (slow.lost, slow.doubled, slow.wrong) == (0, 0, 0)
    await session.close()


async def no_credit_from_the_server(hub):
    """What the server does not take waits here, and channels beside it go on."""
    session = Session(hub.url(), ["websocket"])
    replies = []
    session.receive("", lambda data, _id: replies.append(data))
    for _ in range(60):
        session.send(bytes(10_000), "held")
    out = session.channel("held")
    await session.until(lambda: out.limit and out.count >= out.limit)
    assert len(out.waiting) > 10
    session.send("say others go on")
    await session.until(lambda: replies)
    while session.messages:
        session.send("release")
        session.send(f"say {len(replies)}")
        count = len(replies)
        await session.until(lambda: len(replies) > count)
    await session.close()


async def refused_channel(hub):
    """A channel that nobody takes; the others do not notice."""
    session = Session(hub.url(), ["websocket"])
    echoed = []
    session.receive("echo", lambda data, _id: echoed.append(data))
    out = session.channel("secret")
    session.send("nobody takes this", "secret")
    await session.until(lambda: out.refused_with is not None)
    assert out.refused_with == 4403
    session.send("here", "echo")
    await session.until(lambda: echoed == ["here"])
    # It refuses as well: what the server opens here has no receiver.
    session.send("numbers unwanted 3 1 10")
    await session.until(lambda: any(c.is_refused for c in session.incoming.values()))
    await session.until(lambda: not any(c.is_refused for c in session.incoming.values()))
    session.close_channel("echo")
    await session.close()


async def text_and_ids(hub):
    """Text that is cut within its characters, and ids of 1 to 32 bytes."""
    session = Session(hub.url(), ["sse"])
    echoed = []
    session.receive("echo", lambda data, id: echoed.append((data, id)))
    sent = [("€😀é" * 9_000, b"\0"), ("", bytes(range(32))), (b"", None), ("x" + "😀" * 10_000, None)]
    for data, id in sent:
        session.send(data, "echo", id)
    await session.until(lambda: len(echoed) == len(sent))
    assert echoed == sent
    await session.close()


CASES = [
    ("a WebSocket is cut 24 times", cut_many_times("websocket", 24, 1)),
    ("long polling is cut 24 times", cut_many_times("long-polling", 24, 2)),
    ("polling is cut 15 times", cut_many_times("polling", 15, 3)),
    ("a stream is cut 24 times", cut_many_times("stream", 24, 4)),
    ("server-sent events are cut 24 times", cut_many_times("sse", 24, 5)),
    ("changes its way while it is live", changes_its_way),
    ("changes its way while connections are cut", moves_and_is_cut),
    ("is reset when it was away for too long", expires),
    ("comes back to a server that was restarted", server_is_restarted),
    ("stays away for as long as it is told", stays_away),
    ("is closed by the server in order", server_closes),
    ("says who it is, again when it is asked", credentials),
    ("pings and answers pings", pings),
    ("holds the server back on a channel", no_credit_to_the_server),
    ("is held back by the server on a channel", no_credit_from_the_server),
    ("lives with channels that are refused", refused_channel),
    ("sends text and ids of all lengths", text_and_ids),
]

if __name__ == "__main__":
    asyncio.run(main_of(CASES))
