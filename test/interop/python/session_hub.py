"""What the tests of sessions share: the hub in a process of its own, and what came of each case."""

import asyncio
import http.client
import json
import os
import subprocess
import sys
import traceback

NUMBER_BYTES = 4
PATTERN = bytes(range(256))
CASE_S = 60


def numbered(index, length):
    """Bytes that follow from their number, as the hub makes them."""
    length = max(length, NUMBER_BYTES)
    start = (index * 31 + NUMBER_BYTES) % 256
    filler = (PATTERN * (length // 256 + 2))[start : start + length - NUMBER_BYTES]
    return index.to_bytes(NUMBER_BYTES, "big") + filler


class Hub:
    """test/interop/session-hub.ts. It ends with its input, and so with this process."""

    def __init__(self, node, program):
        self.node = node
        self.program = program
        self.port = 0
        self.process = None

    async def start(self):
        """On any port that is free: the one that it had before may be another's by now."""
        self.process = subprocess.Popen(
            [self.node, self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = await asyncio.to_thread(self.process.stdout.readline)
        self.port = json.loads(line)["port"]
        return self

    async def kill(self):
        self.process.kill()
        await asyncio.to_thread(self.process.wait)

    async def stop(self):
        self.process.stdin.close()
        await asyncio.to_thread(self.process.wait)

    async def has_noticed(self):
        """When it has looked at all that happened to its connections before: it answers one that is made now."""
        await asyncio.to_thread(self.ask_nothing)

    def ask_nothing(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=CASE_S)
        try:
            connection.request("GET", "/nowhere")
            connection.getresponse().read()
        finally:
            connection.close()

    def url(self, path="/live", port=None):
        return f"ws://127.0.0.1:{port or self.port}{path}"


def report(**line):
    print(json.dumps(line), flush=True)


async def run_cases(cases, hub):
    """Each case is (name, function of the hub). A line of JSON says what came of it."""
    only = os.environ.get("HAWSER_SESSION_CASE", "")
    for name, case in cases:
        if only not in name:
            continue
        try:
            facts = await asyncio.wait_for(case(hub), CASE_S)
            report(case=name, facts=facts)
        except Exception as error:  # the case says why; the others go on
            where = "".join(traceback.format_exception(error)[-3:])
            report(case=name, error=f"{type(error).__name__}: {error}", where=where)


async def main_of(cases):
    """The program: `python3 session_x.py <node> <session-hub.js>`."""
    hub = await Hub(*sys.argv[1:3]).start()
    try:
        await run_cases(cases, hub)
    finally:
        await hub.stop()
