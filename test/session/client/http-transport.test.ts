import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, it, mock } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Transport } from "#session/transport-port.js";
import { httpTransport } from "#web/http-transport.js";
import { Inbox } from "../../support/inbox.js";
import { until } from "../../support/until.js";

const BLOCK = new Uint8Array(4_096).fill(1);

interface Fixture {
  readonly transport: Transport;
  readonly blocks: Inbox<Uint8Array>;
  readonly ends: Inbox<string>;
  readonly losses: Inbox<true>;
}

function open(url: string, name: "polling" | "long-polling" | "sse" | "stream"): Fixture {
  const transport = httpTransport(name, url, "omit");
  const fixture: Fixture = {
    transport,
    blocks: new Inbox("block"),
    ends: new Inbox("end"),
    losses: new Inbox("loss"),
  };
  transport.receiver = {
    block: (bytes, start, end) => fixture.blocks.push(bytes.slice(start, end)),
    drained() {},
    lost: () => fixture.losses.push(true),
    closed: (_code, reason) => fixture.ends.push(reason),
  };
  transport.send(new Uint8Array([2, 0]), 0, 2);
  return fixture;
}

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

function close(...servers: Server[]): void {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
}

describe("an HTTP transport of a client", () => {
  it("puts less into a request where requests are slow, and more where they are quick", async () => {
    const lengths: number[] = [];
    const server = await listen(async (request, response) => {
      lengths.push((await buffer(request)).length);
      response.end(Buffer.from([0]));
    });
    const send = async (tookMs: number): Promise<number[]> => {
      lengths.length = 0;
      let nowMs = 0;
      const clock = mock.method(performance, "now", () => (nowMs += tookMs));
      const { transport } = open(urlOf(server), "polling");
      for (let i = 0; i < 50; i++) transport.send(BLOCK, 0, BLOCK.length);
      // Not `until`, whose clock this is.
      for (let i = 0; i < 5_000 && transport.bufferedBytes > 0; i++) await delay(2);
      clock.mock.restore();
      transport.close(0, "");
      return [...lengths];
    };
    const quick = await send(1);
    assert.ok(Math.max(...quick) > 65_536, `quick: ${quick}`);
    const slow = await send(5_000);
    assert.ok(Math.max(...slow) < 32_768 && slow.at(-1)! < 8_192, `slow: ${slow}`);
    close(server);
  });

  it("says once that there is room again, and asks one thing at a time", async () => {
    let asking = 0;
    let most = 0;
    let drains = 0;
    let polls = 0;
    const server = await listen(async (request, response) => {
      most = Math.max(most, ++asking);
      const { length } = await buffer(request);
      if (length === 19 && polls++ === 0) transport.send(BLOCK, 0, 1); // while a request without blocks is on its way
      await delay(5);
      asking--;
      response.end(Buffer.from([0]));
    });
    const { transport } = open(urlOf(server), "polling");
    transport.receiver.drained = () => void drains++;
    for (let i = 0; i < 30; i++) transport.send(BLOCK, 0, BLOCK.length);
    assert.ok(transport.bufferedBytes > 65_536);
    await until(() => {
      transport.send(BLOCK, 0, 1);
      return drains > 0;
    }, "there is room");
    assert.ok(transport.bufferedBytes <= 65_536);
    await until(() => polls > 1 && transport.bufferedBytes === 0, "all has left");
    assert.deepEqual([drains, most], [1, 1]);
    transport.close(0, "");
    close(server);
  });

  // Found by a soak on Node 20, whose `fetch` misses an abort now and then: sockets were left.
  for (const when of ["while it waits for more", "before the answer begins"]) {
    it(`ends an answer that cannot be aborted: closed ${when}`, async () => {
      const real = fetch;
      const unabortable = mock.method(
        globalThis,
        "fetch",
        (url: string, { signal: _, ...init }: RequestInit) => real(url, init),
      );
      let answer: ServerResponse | undefined;
      const closes = new Inbox<true>("close");
      const server = await listen((_request, response) => {
        answer = response;
        response.on("close", () => closes.push(true));
      });
      const { transport, ends, blocks } = open(urlOf(server), "stream");
      await until(() => answer !== undefined, "it was asked");
      if (when === "while it waits for more") {
        answer!.write(Buffer.from([1, 7]));
        assert.deepEqual([...(await blocks.next())], [7]);
        transport.close(0, "");
      } else {
        transport.close(0, "");
        await ends.next();
        answer!.write(Buffer.from([1, 7]));
      }
      await closes.next();
      unabortable.mock.restore();
      close(server);
    });
  }

  it("needs nothing of a browser that older ones do not have", async () => {
    const any = mock.method(AbortSignal, "any", () => assert.fail("not there"));
    const timeout = mock.method(AbortSignal, "timeout", () => assert.fail("not there"));
    const server = await listen((request, response) => {
      request.resume();
      response.end(Buffer.from([1, 1, 7]));
    });
    const { transport, blocks } = open(urlOf(server), "polling");
    assert.deepEqual(await blocks.next(), new Uint8Array([7]));
    transport.close(0, "");
    any.mock.restore();
    timeout.mock.restore();
    close(server);
  });

  it("takes an answer with a number and without blocks for none of a server of sessions", async () => {
    let asked = 0;
    const server = await listen((request, response) => {
      asked++;
      request.resume();
      response.end("\n");
    });
    const { transport, ends } = open(urlOf(server), "long-polling");
    assert.equal(await ends.next(), "status 200");
    await delay(100); // another request would come now
    transport.close(0, "");
    close(server);
    assert.equal(asked, 1);
  });

  for (const [what, answer] of [
    ["without blocks", [0]],
    ["with blocks that it has already", [1, 1, 7]],
  ] as const) {
    it(`asks less and less often when each answer is there at once, ${what}`, async () => {
      for (const name of ["polling", "long-polling"] as const) {
        const askedMs: number[] = [];
        const server = await listen((request, response) => {
          askedMs.push(performance.now());
          request.resume();
          response.end(Buffer.from(answer));
        });
        const { transport } = open(urlOf(server), name);
        await until(() => askedMs.length === 4, "it asks again and again");
        transport.close(0, "");
        close(server);
        // It waits for 200 and 400 ms before the last two at least.
        const tookMs = askedMs[3]! - askedMs[0]!;
        assert.ok(tookMs > 550, `${name}: four requests in ${tookMs} ms`);
      }
    });
  }

  it("gives its last request up when nobody answers it, so that a process can end", async () => {
    const last = new AbortController();
    const limits: number[] = [];
    let asked = 0;
    const closes = new Inbox<true>("close");
    const server = await listen((_request, response) => {
      asked++;
      response.on("close", () => closes.push(true));
    });
    const { transport } = open(urlOf(server), "long-polling");
    await until(() => asked === 1, "it was asked");
    const later = mock.method(AbortSignal, "timeout", (afterMs: number) => {
      limits.push(afterMs);
      return last.signal;
    });
    transport.send(new Uint8Array([9, 0]), 0, 2);
    transport.close(0, "");
    later.mock.restore();
    await closes.next(); // the first one is aborted
    await until(() => asked === 2, "the last block was sent");
    assert.deepEqual(limits, [10_000]);
    last.abort();
    await closes.next();
    close(server);
  });

  it("does not follow a redirect: the secret of the session goes nowhere else", async () => {
    let strayed = 0;
    const other = await listen((_request, response) => {
      strayed++;
      response.end();
    });
    const server = await listen((request, response) => {
      request.resume();
      response.writeHead(307, { location: urlOf(other) }).end();
    });
    const { ends } = open(urlOf(server), "long-polling");
    await ends.next();
    assert.equal(strayed, 0);
    close(server, other);
  });

  it("does not hold an answer without an end", async () => {
    for (const name of ["polling", "sse"] as const) {
      const server = await listen((request, response) => {
        request.resume();
        const piece = Buffer.alloc(65_536, "x");
        const more = (): void => {
          for (let i = 0; i < 16 && !response.destroyed && response.write(piece); i++);
        };
        response.on("drain", more);
        more();
      });
      await open(urlOf(server), name).ends.next();
      close(server);
    }
  });

  it("asks again where a later request finds no room: only the first one is sent away", async () => {
    let requests = 0;
    const server = await listen((request, response) => {
      request.resume();
      requests++;
      if (requests === 2) response.writeHead(503, { "retry-after": "7" }).end();
      else if (requests < 4) response.end(Buffer.from([0]));
    });
    const { transport, blocks, ends } = open(urlOf(server), "long-polling");
    await until(() => requests === 4, "it goes on");
    assert.deepEqual([blocks.size, ends.size], [0, 0]);
    transport.close(0, "");
    close(server);
  });

  it("sends what waited for its first answer, whoever else sends", async () => {
    const lengths: number[] = [];
    const server = await listen(async (request, response) => {
      const body = await buffer(request);
      lengths.push(body.length);
      if (body[0] === 2) response.writeHead(204).end();
      else if (lengths.length === 1) response.end(Buffer.from([0]));
    });
    const { transport } = open(urlOf(server), "long-polling");
    await new Promise((resolve) => setImmediate(resolve));
    transport.send(BLOCK, 0, BLOCK.length); // while the first request is on its way
    await until(() => lengths.some((length) => length > 4_096), "it has left");
    transport.close(0, "");
    close(server);
  });
});
