"""Python's `websockets` as a peer of the suite: `server` prints its port and echoes; `client URL AGENT` is driven."""

import asyncio
import sys
import urllib.parse

import websockets

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
OPTIONS = {"max_size": MAX_MESSAGE_BYTES, "ping_interval": None, "close_timeout": 3}


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def serve():
    async with websockets.serve(echo, "127.0.0.1", 0, **OPTIONS) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()


async def run(url):
    text = None
    try:
        async with websockets.connect(url, **OPTIONS) as socket:
            async for message in socket:
                text = message
                await socket.send(message)
    except Exception:
        # The suite has seen on the wire what went wrong.
        pass
    return text


async def drive(server, agent):
    agent = urllib.parse.quote(agent)
    count = int(await run(f"{server}/getCaseCount"))
    cases = iter(range(1, count + 1))

    async def work():
        for case in cases:
            await run(f"{server}/runCase?case={case}&agent={agent}")

    await asyncio.gather(*(work() for _ in range(4)))
    await run(f"{server}/updateReports?agent={agent}")


if sys.argv[1] == "version":
    print(websockets.__version__)
elif sys.argv[1] == "server":
    asyncio.run(serve())
else:
    asyncio.run(drive(sys.argv[2], sys.argv[3]))
