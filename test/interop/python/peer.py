"""An end of the interop tests: Python's `websockets`, told what to do by lines of JSON on standard input.

Each line is a request {"id", "op", ...}; its answer is a line {"id", "result"} or {"id", "error"} on standard output.
Ends and servers are named by numbers that this side gives.
"""

import asyncio
import hashlib
import json
import ssl
import sys
import tempfile

import websockets
from websockets.extensions import permessage_deflate

MAX_LINE_BYTES = 64 * 1024 * 1024
COMPARED_WHOLE_BYTES = 64


def content_of(payload):
    """A message as test/interop/payload.ts describes it."""
    content = payload["content"]
    if payload["isText"]:
        if isinstance(content, str):
            return content
        printable = bytes(range(32, 127)).decode()
        return (printable * (content // 95 + 1))[:content]
    if isinstance(content, str):
        return bytes.fromhex(content)
    return (bytes(range(251)) * (content // 251 + 1))[:content]


def received_as(message):
    is_text = isinstance(message, str)
    data = message.encode() if is_text else message
    return {
        "isText": is_text,
        "byteLength": len(data),
        "beginning": data[:COMPARED_WHOLE_BYTES].hex(),
        "hash": "" if len(data) <= COMPARED_WHOLE_BYTES else hashlib.sha256(data).hexdigest(),
    }


def deflate_of(options, factory, client_max_window_bits):
    if options is None:
        return None
    return [
        factory(
            server_no_context_takeover=options.get("serverNoContextTakeover", False),
            client_no_context_takeover=options.get("clientNoContextTakeover", False),
            server_max_window_bits=options.get("serverMaxWindowBits"),
            client_max_window_bits=options.get("clientMaxWindowBits", client_max_window_bits),
        )
    ]


class Peer:
    def __init__(self):
        self.ends = []
        self.servers = []
        self.finished = []

    def add(self, socket):
        self.ends.append(socket)
        extensions = ", ".join(extension.name for extension in socket.extensions)
        return {"end": len(self.ends) - 1, "protocol": socket.subprotocol or "", "extensions": extensions}

    def common(self, request):
        return {
            "subprotocols": request["protocols"] or None,
            "compression": None,
            "max_size": request["maxMessageBytes"],
            "max_queue": None,
            "ping_interval": None,
            "close_timeout": 3,
        }

    async def connect(self, request):
        tls = None
        if request["tls"] is not None:
            tls = ssl.create_default_context(cadata=request["tls"]["ca"])
        socket = await websockets.connect(
            request["url"],
            ssl=tls,
            extensions=deflate_of(request["deflate"], permessage_deflate.ClientPerMessageDeflateFactory, True),
            **self.common(request),
        )
        return self.add(socket)

    async def serve(self, request):
        opened = asyncio.Queue()

        async def handler(socket):
            opened.put_nowait(self.add(socket))
            await socket.wait_closed()

        tls = None
        if request["tls"] is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(request["tls"]["key"] + request["tls"]["cert"])
                file.flush()
                tls.load_cert_chain(file.name)
        server = await websockets.serve(
            handler,
            "127.0.0.1",
            0,
            ssl=tls,
            extensions=deflate_of(request["deflate"], permessage_deflate.ServerPerMessageDeflateFactory, None),
            **self.common(request),
        )
        self.servers.append((server, opened))
        return {"server": len(self.servers) - 1, "port": server.sockets[0].getsockname()[1]}

    async def accept(self, request):
        return await self.servers[request["server"]][1].get()

    async def stop(self, request):
        server, _ = self.servers[request["server"]]
        server.close()
        await server.wait_closed()

    async def send(self, request):
        for message in request["messages"]:
            await self.ends[request["end"]].send(content_of(message))

    async def sendFragments(self, request):
        await self.ends[request["end"]].send([content_of(piece) for piece in request["pieces"]])

    async def receive(self, request):
        socket = self.ends[request["end"]]
        return [received_as(await socket.recv()) for _ in range(request["count"])]

    async def ping(self, request):
        await (await self.ends[request["end"]].ping(request["payload"]))

    async def close(self, request):
        # It waits for the end of the connection; the answer must not.
        task = asyncio.create_task(self.ends[request["end"]].close(request["code"], request["reason"]))
        self.finished.append(task)

    async def terminate(self, request):
        self.ends[request["end"]].transport.abort()

    async def closed(self, request):
        socket = self.ends[request["end"]]
        await socket.wait_closed()
        return {"code": socket.close_code, "reason": socket.close_reason}


async def answer(peer, request):
    try:
        outcome = {"result": await getattr(peer, request["op"])(request)}
    except Exception as error:
        outcome = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps({"id": request["id"], **outcome}) + "\n")
    sys.stdout.flush()


async def main():
    lines = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    peer = Peer()
    tasks = set()
    while line := await lines.readline():
        task = asyncio.create_task(answer(peer, json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
