import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createHub } from "hawser/hub";
import { serve } from "hawser/server";
import { WebSocket as UndiciWebSocket } from "undici";
import { connect } from "#session/universal/connect-web.js";
import { until } from "../support/until.js";

const SESSIONS = 5;
const TURNS = 60;

/** The client of pages, with a `WebSocket` that offers permessage-deflate as a browser's does, in a world without events of a page. */
describe("sessions over compressed WebSockets", () => {
  const extensions = new Set<string>();
  const own = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");

  class ObservedWebSocket extends UndiciWebSocket {
    constructor(url: string, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("open", () => extensions.add(this.extensions));
    }
  }

  before(() =>
    Object.defineProperty(globalThis, "WebSocket", { value: ObservedWebSocket, configurable: true }),
  );
  after(() => {
    if (own === undefined) delete (globalThis as { WebSocket?: unknown }).WebSocket;
    else Object.defineProperty(globalThis, "WebSocket", own);
  });

  it("get broadcasts and their own messages whole and in order", async () => {
    const hub = createHub({
      compression: true,
      message(session, data) {
        session.send(`echo of ${data}`);
      },
    });
    await using server = await serve({ port: 0, routes: { "/live": hub } });
    const inboxes = Array.from({ length: SESSIONS }, (): string[] => []);
    const sessions = inboxes.map((inbox) =>
      connect(`http://127.0.0.1:${server.port}/live`, {
        transports: ["websocket"],
        message: (_session, data) => void inbox.push(String(data)),
      }),
    );
    await until(() => sessions.every(({ state }) => state.status === "live"), "all are live");
    const text = "there and back ".repeat(80);
    const sent: string[] = [];
    const asked = inboxes.map((): string[] => []);
    for (let turn = 0; turn < TURNS; turn++) {
      for (const part of ["a", "b", "c"]) {
        const message = `${turn} ${part} ${text}`;
        sent.push(message);
        hub.broadcast(message);
      }
      if (turn % 7 === 0) {
        const question = `${turn} ${text}`;
        asked[turn % SESSIONS]!.push(`echo of ${question}`);
        sessions[turn % SESSIONS]!.send(question);
      }
      await new Promise(setImmediate);
      if (turn === TURNS / 2) for (const socket of server.connections) socket.terminate(); // they come back
    }
    const expected = (i: number): number => sent.length + asked[i]!.length;
    await until(() => inboxes.every((inbox, i) => inbox.length === expected(i)), "all has come");
    for (const [i, inbox] of inboxes.entries()) {
      assert.deepEqual(
        inbox.filter((line) => !line.startsWith("echo")),
        sent,
      );
      assert.deepEqual(
        inbox.filter((line) => line.startsWith("echo")),
        asked[i],
      );
    }
    assert.deepEqual([...extensions], ["permessage-deflate"]);
    await Promise.all(sessions.map((session) => session.close()));
  });
});
