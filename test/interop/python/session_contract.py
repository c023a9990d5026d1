"""Calls, events and streams over a session, written from docs/wire/contract-v1.md alone."""

import asyncio
import json
import secrets

HELLO, EVENT, CALL, RESULT, ERROR, CANCEL, OPEN, VALUE, CREDIT, END, FAIL, STOP = range(12)
ABSENT = object()
STREAM_WINDOW = 8


class JsonCodec:
    """JSON, and bytes beside it."""

    def encode(self, value):
        places, found = [], []

        def without(part, way):
            if isinstance(part, bytes):
                places.append([len(part), *way])
                found.append(part)
                return None
            if isinstance(part, dict):
                return {key: without(inner, [*way, key]) for key, inner in part.items()}
            if isinstance(part, list):
                return [without(inner, [*way, index]) for index, inner in enumerate(part)]
            return part

        plain = without(value, [])
        if not places:
            return self.text(plain)
        text = self.text([plain, *places]).encode()
        return len(text).to_bytes(4, "big") + text + b"".join(found)

    @staticmethod
    def text(value):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def decode(self, message):
        if isinstance(message, str):
            return json.loads(message)
        length = int.from_bytes(message[:4], "big")
        text, rest = message[4 : 4 + length], message[4 + length :]
        if len(message) < 4 or len(text) < length:
            raise ValueError("a message that ends too early")
        value, *places = json.loads(text)
        holder = [value]
        for size, *way in places:
            part, key = holder, 0
            for next_key in way:
                part, key = part[key], next_key
            if part[key] is not None or size > len(rest):
                raise ValueError("bytes that have no place")
            part[key], rest = rest[:size], rest[size:]
        if rest:
            raise ValueError("bytes behind all places")
        return holder[0]


class CallFailed(Exception):
    def __init__(self, code, data=None):
        super().__init__(code)
        self.code = code
        self.data = data


class Stream:
    """One that this side opened: values come down by `async for`, `send` sends them up."""

    def __init__(self, contract, number):
        self.contract = contract
        self.number = number
        self.values = asyncio.Queue()
        self.read = 0
        self.may_send = 0
        self.sendable = asyncio.Event()
        self.output = None

    def __aiter__(self):
        return self

    async def __anext__(self):
        kind, content = await self.values.get()
        if kind == VALUE:
            self.read += 1
            if self.read >= STREAM_WINDOW // 2:
                self.contract.say(self.contract.streams_name, CREDIT, self.number, self.read)
                self.read = 0
            return content
        if kind == FAIL:
            raise CallFailed(*content)
        self.output = content
        raise StopAsyncIteration

    async def send(self, value):
        while self.may_send == 0:
            self.sendable.clear()
            await self.sendable.wait()
        self.may_send -= 1
        self.contract.say(self.contract.streams_name, VALUE, self.number, value)

    def finish(self):
        self.contract.say(self.contract.streams_name, END, self.number)

    def cancel(self):
        self.contract.streams.pop(self.number, None)
        self.contract.say(self.contract.streams_name, STOP, self.number)


class Contract:
    """The client's side of a contract. Calls that wait are sent again behind a reset."""

    def __init__(self, session, codec=None, name="contract"):
        self.session = session
        self.codec = codec or JsonCodec()
        self.name = name
        self.streams_name = f"{name}/streams"
        self.key = secrets.token_urlsafe(24)
        self.hellos = 0
        self.is_greeted = False
        self.last_call = 0
        self.highest_sent = 0
        self.last_stream = 0
        self.waiting = {}
        self.streams = {}
        self.events = asyncio.Queue()
        session.receive(self.name, self.main_message)
        session.receive(self.streams_name, self.stream_message)
        session.on_session = lambda _session: self.begin()
        if session.is_live_once:
            self.begin()

    def say(self, channel, *fields):
        self.session.send(self.codec.encode([field for field in fields if field is not ABSENT]), channel)

    def begin(self):
        """A session is live: those that wait are called again, the lowest first."""
        self.hellos += 1
        self.is_greeted = True
        self.say(self.name, HELLO, self.key, self.hellos, self.highest_sent + 1)
        for number in sorted(self.waiting):
            self.send_call(number)

    def emit(self, name, value=ABSENT):
        self.say(self.name, EVENT, name, value)

    def start(self, name, input=ABSENT, deadline_ms=30_000):
        """Calls: the number of the call, for `cancel`, and a future of its output."""
        self.last_call += 1
        answer = asyncio.get_running_loop().create_future()
        self.waiting[self.last_call] = (name, deadline_ms, input, answer)
        if self.session.is_live_once and self.is_greeted:
            self.send_call(self.last_call)
        return self.last_call, answer

    async def call(self, name, input=ABSENT, deadline_ms=30_000):
        return await self.start(name, input, deadline_ms)[1]

    def send_call(self, number):
        name, deadline_ms, input, _ = self.waiting[number]
        self.highest_sent = max(self.highest_sent, number)
        self.say(self.name, CALL, number, name, deadline_ms, min(self.waiting), input)

    def cancel(self, number):
        self.waiting.pop(number)
        self.say(self.name, CANCEL, number)

    def stream(self, name, input=ABSENT):
        self.last_stream += 1
        stream = self.streams[self.last_stream] = Stream(self, self.last_stream)
        self.say(self.streams_name, OPEN, stream.number, name, STREAM_WINDOW, input)
        return stream

    def main_message(self, message, _id):
        kind, *fields = self.codec.decode(message)
        if kind == EVENT:
            self.events.put_nowait((fields[0], fields[1] if len(fields) > 1 else None))
        elif kind in (RESULT, ERROR):
            call = self.waiting.pop(fields[0], None)
            if call is None:
                return  # nobody waits for it any more
            if kind == ERROR:
                call[3].set_exception(CallFailed(*fields[1:]))
            else:
                call[3].set_result(fields[1] if len(fields) > 1 else None)

    def stream_message(self, message, _id):
        kind, number, *fields = self.codec.decode(message)
        # The number is negative where the receiver opened it.
        stream = self.streams.get(-number)
        if stream is None:
            return
        if kind == CREDIT:
            stream.may_send += fields[0]
            stream.sendable.set()
        elif kind in (VALUE, END):
            stream.values.put_nowait((kind, fields[0] if fields else None))
        elif kind == FAIL:
            stream.values.put_nowait((kind, fields))
        if kind in (END, FAIL):
            del self.streams[-number]
