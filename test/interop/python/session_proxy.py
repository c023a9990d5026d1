"""A proxy that cuts connections wherever it happens to be in them: within frames, headers and answers."""

import asyncio
import random


class CuttingProxy:
    """Each connection is cut when so many bytes went through it one way or the other, until there were `cuts`."""

    def __init__(self, port, seed=1, cuts=0, fewest=4_000, most=60_000):
        self.target = port
        self.random = random.Random(seed)
        self.cuts_left = cuts
        self.cuts = 0
        self.fewest = fewest
        self.most = most
        self.is_closed_off = False
        self.writers = set()

    async def start(self):
        self.server = await asyncio.start_server(self.connection, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def stop(self):
        self.server.close()
        self.cut_all()

    def cut_all(self):
        for writer in list(self.writers):
            writer.transport.abort()

    async def connection(self, reader, writer):
        if self.is_closed_off:
            writer.transport.abort()
            return
        try:
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, other_writer}
        self.writers |= pair
        up, down = (self.random.randint(self.fewest, self.most) for _ in range(2))
        await asyncio.gather(self.pump(reader, other_writer, pair, up), self.pump(other_reader, writer, pair, down))
        self.writers -= pair

    async def pump(self, reader, writer, pair, left):
        try:
            while data := await reader.read(16_384):
                if left < len(data) and self.cuts_left > 0:
                    self.cuts_left -= 1
                    self.cuts += 1
                    writer.write(data[:left])  # a part of it arrives
                    await writer.drain()
                    break
                left -= len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        for end in pair:
            end.close()
