import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type SessionState } from "hawser";
import { accept, createHub, type HubOptions, refuse } from "hawser/hub";
import { serve } from "hawser/server";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { TestSession } from "../support/session/test-session.js";
import { until } from "../support/until.js";
import { warnings } from "../support/warnings.js";

async function served<Data>(options: HubOptions<Data>) {
  const hub = createHub(options);
  const server = await serve({ routes: { "/live": hub } });
  return { hub, server, url: `${server.url}/live` };
}

describe("authentication of sessions", () => {
  after(leakCheck());

  it("asks once for a session, whatever transports it travels on", async () => {
    const asked: string[] = [];
    const { hub, server, url } = await served({
      authenticate: ({ credentials, request, session }) => {
        asked.push(`${credentials} ${request.headers.get("x-name")} ${request.path} ${session}`);
        return accept({ name: credentials });
      },
    });
    const headers = { "x-name": "Ada" };
    const client = await TestSession.open(url, { credentials: "ada", headers, via: "long-polling" });
    const [session] = hub.sessions.values();
    assert.deepEqual(session!.data, { name: "ada" });
    client.cut();
    await until(() => hub.counts.resumed === 1, "it is back");
    await client.moveTo("websocket");
    assert.deepEqual(asked, ["ada Ada /live undefined"]);
    await client.close();
    await server.shutdown();
  });

  it("asks once where two transports race for a session that is not there yet", async () => {
    let asked = 0;
    let answer = (): void => {};
    const { hub, server, url } = await served({
      async authenticate() {
        asked++;
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return accept({});
      },
    });
    const client = TestSession.begin(url);
    await until(() => asked === 1, "the first asks");
    client.via = "sse";
    await client.dial();
    await until(() => hub.counts.transports.sse === 1, "the second is there");
    answer();
    await client.isLive();
    await until(() => hub.sessions.size === 1, "there is one session");
    assert.equal(asked, 1);
    await client.close();
    await server.shutdown();
  });

  for (const via of ["websocket", "stream", "long-polling"] as const) {
    it(`refuses in words that the client understands: ${via}`, async () => {
      const { hub, server, url } = await served({
        authenticate: ({ credentials }) => refuse(Number(credentials), { body: "no" }),
      });
      for (const [status, code] of [
        [401, 4401],
        [403, 4403],
        [418, 4403],
      ] as const) {
        const client = TestSession.begin(url, { credentials: String(status), via });
        const end = await client.ended();
        assert.deepEqual([end.code, end.reason], [code, "no"]);
      }
      assert.deepEqual(Object.entries(hub.counts.refused), [
        ["unauthorized", 1],
        ["forbidden", 2],
      ]);
      assert.equal(hub.sessions.size, 0);
      await server.shutdown();
    });
  }

  it("sends a client away for a while with 429 and 503", async () => {
    let asked = 0;
    const { server, url } = await served({
      authenticate: () => {
        asked++;
        return asked === 1 ? refuse(503, { headers: { "retry-after": "0.2" } }) : accept({});
      },
    });
    const client = await TestSession.open(url);
    assert.deepEqual(client.codes, [4005]);
    assert.ok(client.waitingMs >= 100, `it waited ${client.waitingMs} ms`);
    assert.equal(asked, 2);
    await client.close();
    await server.shutdown();
  });

  it("sends a client away for a day at most, and not for no time at all, with more than a day", async () => {
    const { server, url } = await served({
      authenticate: () => refuse(503, { headers: { "retry-after": "100000" } }),
    });
    const states = new Inbox<SessionState>("state");
    const session = connect(url, { state: (_session, state) => states.push(state) });
    const state = await states.next();
    assert.ok(state.status === "waiting" && state.untilMs - Date.now() > 80_000_000);
    await session.close();
    await server.shutdown();
  });

  it("lets a client come back later when the application's code fails", async () => {
    let asked = 0;
    using seen = warnings();
    const { server, url } = await served({
      authenticate: () => {
        asked++;
        throw new Error("the database is gone");
      },
    });
    const client = TestSession.begin(url);
    await until(() => client.codes.length === 1, "it was sent away");
    assert.deepEqual(client.codes, [4005]);
    assert.equal(asked, 1);
    await until(() => seen.messages.length === 1, "the warning");
    assert.match(seen.messages[0]!, /the database is gone/);
    await client.close();
    await server.shutdown();
  });

  it("judges new credentials of a session, and ends it if they are not accepted", async () => {
    const { hub, server, url } = await served({
      authenticate: async ({ credentials, session }) => {
        await new Promise(setImmediate);
        return credentials === "bad"
          ? refuse(401)
          : accept({ credentials, before: (session?.data as { credentials: string })?.credentials });
      },
    });
    const client = await TestSession.open(url, { credentials: "one" });
    const [session] = hub.sessions.values();
    session!.askForCredentials();
    await until(() => client.asked === 1, "it was asked");
    client.renew("two");
    client.renew("three");
    client.renew("four");
    await until(() => session!.data.credentials === "four", "the last ones count");
    assert.equal(session!.data.before, "two", "three was never judged");
    client.renew("bad");
    assert.equal((await client.ended()).code, 4401);
    await server.shutdown();
  });

  it("lets everybody in where nobody is asked, with undefined as data", async () => {
    const { hub, server, url } = await served({});
    const client = await TestSession.open(url, { credentials: "whoever" });
    assert.equal([...hub.sessions.values()][0]!.data, undefined);
    await client.close();
    await server.shutdown();
  });

  it("leaves a session as it is whose new credentials cannot be judged just now, and asks for them again", async () => {
    let answers = 0;
    const hub = createHub<string>({
      authenticate: ({ credentials, session }) =>
        session !== undefined && answers++ === 0
          ? refuse(503, { headers: { "Retry-After": "0.05" } })
          : accept(credentials),
    });
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`, { credentials: "first" });
    client.renew("second");
    await until(() => answers === 1, "it was judged");
    const [session] = hub.sessions.values();
    assert.equal(session!.data, "first");
    await until(() => client.asked === 1, "it is asked again");
    client.renew("third");
    await until(() => session!.data === "third", "it is accepted");
    assert.deepEqual([client.state, client.states], ["live", ["live"]]);
    await client.close();
    await server.shutdown();
  });

  it("gives up a question that is never answered: neither the address nor the session is held up", async () => {
    let asked = 0;
    const hub = createHub<string>({
      attachTimeoutMs: 1_000,
      maxSessionsPerAddress: 1,
      authenticate: ({ credentials }) => (asked++ === 0 ? new Promise(() => {}) : accept(credentials)),
    });
    const server = await serve({ routes: { "/live": hub } });
    const url = `${server.url}/live`;
    const client = await TestSession.open(url, { credentials: "x", reconnectDelayMs: 20 });
    assert.equal(asked, 2, "it was asked again");
    assert.equal(client.state, "live");
    assert.equal(hub.counts.sessions, 1);
    await client.close();
    await until(() => hub.sessions.size === 0, "there is room");
    const another = await TestSession.open(url);
    await another.close();
    await server.shutdown();
  });

  it("gives up a question about a session that is never answered: those that come behind it are judged", async () => {
    const asked: string[] = [];
    const hub = createHub<string>({
      attachTimeoutMs: 200,
      authenticate: ({ credentials }) => {
        asked.push(credentials);
        if (credentials === "hangs") return new Promise(() => {});
        return credentials === "bad" ? refuse(401) : accept(credentials);
      },
    });
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`, { credentials: "good" });
    client.renew("hangs");
    await until(() => asked.length === 2, "it was asked");
    client.renew("bad");
    assert.equal((await client.ended()).code, 4401);
    assert.deepEqual(asked, ["good", "hangs", "bad"]);
    await server.shutdown();
  });

  it("asks a session once whose credentials could not be judged, however often it sent some", async () => {
    const judged: string[] = [];
    const hub = createHub<string>({
      authenticate({ credentials }) {
        judged.push(credentials);
        return credentials === "good"
          ? accept(credentials)
          : refuse(503, { headers: { "Retry-After": "0.2" } });
      },
      message: (session, data) => void session.send(data),
    });
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`, { credentials: "good" });
    // All in one turn: nobody is asked again in between, however busy the machine is.
    for (let i = 0; i < 5; i++) client.renew(`later ${i}`);
    await until(() => client.asked > 0, "it is asked again");
    client.send("asked no more before this is back");
    await client.messages(1);
    assert.deepEqual([judged, client.asked], [["good", "later 0", "later 4"], 1]);
    client.renew("one more");
    client.renew("good");
    await until(() => judged.length === 5, "they are judged");
    await delay(400);
    assert.equal(client.asked, 1, "it was accepted meanwhile");
    await client.close();
    await server.shutdown();
  });

  it("asks a session again when the application's code fails", { timeout: 15_000 }, async () => {
    let isBroken = false;
    const hub = createHub<string>({
      authenticate: ({ credentials }) => {
        if (isBroken) throw new Error("the database is gone");
        return accept(credentials);
      },
    });
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`, { credentials: "first" });
    using seen = warnings();
    isBroken = true;
    client.renew("second");
    await until(() => seen.messages.length === 1, "it is a warning");
    isBroken = false;
    await until(() => client.asked === 1, "it is asked again", 8_000);
    assert.equal([...hub.sessions.values()][0]!.data, "first");
    await client.close();
    await server.shutdown();
  });

  it("tells a client the code with which its session was ended while it opened", async () => {
    const hub = createHub({ open: (session) => session.end(4500, "banned") });
    const server = await serve({ routes: { "/live": hub } });
    const client = await TestSession.open(`${server.url}/live`);
    const { code, reason, isReset } = await client.ended();
    assert.deepEqual([code, reason, isReset], [4500, "banned", true]);
    assert.equal(hub.counts.opened, 1);
    await server.shutdown();
  });
});
