import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { createHub, type HubOptions } from "hawser/hub";
import { serve } from "hawser/server";
import { leakCheck } from "../support/leak-check.js";
import { TestSession, type TestSessionOptions } from "../support/session/test-session.js";
import { rounds, until } from "../support/until.js";

async function connected(options: HubOptions, client: TestSessionOptions = {}) {
  const hub = createHub(options);
  const server = await serve({ routes: { "/live": hub } });
  const session = await TestSession.open(`${server.url}/live`, client);
  const end = async (): Promise<void> => {
    await session.close();
    await server.shutdown();
  };
  const [served] = hub.sessions.values();
  return { hub, client: session, session: served!, end };
}

describe("channels of a session on a server", () => {
  after(leakCheck());

  it("are refused unless somebody takes them", async () => {
    const heard: string[] = [];
    const { client, end } = await connected({
      open: (session) =>
        session.receive("known", {
          message: (data, _id, channel) => void heard.push(`${channel}: ${data}`),
          ended: (channel) => void heard.push(`${channel} ended`),
        }),
      message: (_session, data) => void heard.push(String(data)),
    });
    const unknown = client.channel("unknown");
    unknown.send("lost");
    assert.equal(await unknown.ready(), true);
    await until(() => unknown.send("again") === "closed", "it was refused");
    const known = client.channel("known");
    known.send("hello");
    client.send("main");
    known.close();
    await until(() => heard.length === 3, "what was allowed");
    assert.deepEqual(heard.toSorted(), ["known ended", "known: hello", "main"]);
    await end();
  });

  it("are allowed, or not, by the application, which may take its time", async () => {
    const heard: string[] = [];
    const asked: string[] = [];
    let decide = (_isAllowed: boolean): void => {};
    const { client, end } = await connected({
      channel(_session, name) {
        asked.push(name);
        if (name === "no") return false;
        if (name === "yes") return true;
        return new Promise((resolve) => {
          decide = resolve;
        });
      },
      message: (_session, data, channel) => void heard.push(`${channel}: ${data}`),
    });
    client.channel("no").send("1");
    client.channel("yes").send("2");
    client.channel("later").send("3");
    client.channel("later").send("4");
    await until(() => asked.length === 3 && heard.length === 1, "all were asked for");
    await rounds(5);
    assert.deepEqual(heard, ["yes: 2"]);
    decide(true);
    await until(() => heard.length === 3, "what waited");
    assert.deepEqual(heard.slice(1), ["later: 3", "later: 4"]);
    const never = client.channel("never");
    never.send("5");
    await until(() => asked.includes("never"), "it was asked for");
    decide(false);
    await until(() => never.send("6") === "closed", "it was refused");
    assert.equal(heard.length, 3);
    await end();
  });

  it("wait for a promise of the handler, each by itself, and hold the sender back", async () => {
    const heard: string[] = [];
    const waiting: (() => void)[] = [];
    const { hub, client, end } = await connected(
      {
        windowBytes: 4_096,
        channel: () => true,
        message(_session, _data, channel) {
          heard.push(channel);
          if (channel !== "slow") return undefined;
          return new Promise<void>((resolve) => void waiting.push(resolve));
        },
      },
      { maxOutboxBytes: 65_536 },
    );
    const slow = client.channel("slow");
    for (let i = 0; i < 20; i++) slow.send("x".repeat(1_000));
    client.send("quick");
    await until(() => heard.length === 2, "one of each");
    await rounds(10);
    assert.deepEqual(heard.toSorted(), ["", "slow"]);
    const [session] = hub.sessions.values();
    assert.ok(session!.heldBytes > 1_000 && session!.heldBytes < 10_000, `${session!.heldBytes} wait`);
    assert.ok(slow.queuedBytes > 10_000, "the rest waits at the sender");
    while (heard.length < 21) {
      await until(() => waiting.length > 0, "the next one");
      waiting.shift()!();
    }
    await until(() => session!.heldBytes === 0, "nothing waits");
    await end();
  });

  it("hand over what came before the end, and then tell it", async () => {
    const seen: string[] = [];
    let release = (): void => {};
    const { client, hub, end } = await connected({
      async message(_session, data) {
        seen.push(String(data));
        if (data !== "1") return;
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      },
      closed: () => void seen.push("closed"),
    });
    for (const data of ["1", "2", "3"]) client.send(data);
    await until(() => seen.length === 1, "the first");
    await client.close();
    assert.equal(hub.sessions.size, 0);
    await rounds(3);
    assert.deepEqual(seen, ["1"]);
    release();
    await until(() => seen.length === 4, "the rest");
    assert.deepEqual(seen, ["1", "2", "3", "closed"]);
    await end();
  });

  it("go on when a handler fails, and `error` is told", async () => {
    const errors: string[] = [];
    const heard: string[] = [];
    const { client, end } = await connected({
      message(_session, data) {
        heard.push(String(data));
        if (data === "throw") throw new Error("thrown");
        return data === "reject" ? Promise.reject(new Error("rejected")) : undefined;
      },
      error: (_session, error) => void errors.push((error as Error).message),
    });
    for (const data of ["throw", "reject", "fine"]) client.send(data);
    await until(() => heard.length === 3 && errors.length === 2, "all of them");
    assert.deepEqual(errors, ["thrown", "rejected"]);
    assert.equal(client.state, "live");
    await end();
  });

  it("are refused where the answer fails, or comes too late", async () => {
    const heard: string[] = [];
    const errors: unknown[] = [];
    let decide = (_isAllowed: boolean): void => {};
    const { client, end } = await connected({
      channel: (_session, name) =>
        name === "fails"
          ? Promise.reject(new Error("the database is down"))
          : new Promise((resolve) => {
              decide = resolve;
            }),
      message: (_session, data, channel) => void heard.push(`${channel}: ${data}`),
      closed: () => void heard.push("closed"),
      error: (_session, error) => void errors.push((error as Error).message),
    });
    const fails = client.channel("fails");
    await until(() => fails.send("1") === "closed", "it was refused");
    assert.deepEqual(errors, ["the database is down"]);
    client.channel("late").send("2");
    await client.close();
    decide(false);
    await until(() => heard.length > 0, "the end");
    assert.deepEqual(heard, ["closed"]);
    await end();
  });

  it("count until their handlers are done with them, also where the client closed them", async () => {
    let asked = 0;
    const decisions: ((isAllowed: boolean) => void)[] = [];
    const { client, end } = await connected({
      maxChannels: 4,
      channel: () => {
        asked++;
        return new Promise((resolve) => void decisions.push(resolve));
      },
      message() {},
    });
    for (let i = 0; i < 12; i++) {
      const channel = client.channel(`${i}`);
      channel.send("x");
      channel.close();
    }
    await until(() => asked >= 4, "they came");
    await rounds(5);
    assert.equal(asked, 4);
    for (const decide of decisions.splice(0)) decide(true);
    await rounds(5);
    client.channel("another").send("x");
    await until(() => asked === 5, "there is room again");
    decisions[0]!(true);
    await end();
  });

  it("that the client takes nothing on are told to `error`, unless a receiver wants to know", async () => {
    const errors: unknown[] = [];
    const refused: string[] = [];
    const { client, session, end } = await connected({
      error: (_session, error) => void errors.push((error as { code?: unknown }).code),
    });
    client.refuses.add("a").add("b");
    session.receive("b", { message() {}, refused: (name) => void refused.push(name) });
    session.channel("a").send("1");
    session.channel("b").send("2");
    await until(() => refused.length === 1 && errors.length === 1, "both were told");
    assert.deepEqual([refused, errors], [["b"], ["CHANNEL_REFUSED"]]);
    await end();
  });

  it("that were refused do not end for whoever takes their messages since then", async () => {
    const heard: string[] = [];
    const { client, end } = await connected({
      channel(session) {
        session.receive("late", {
          message: (data) => void heard.push(String(data)),
          ended: () => void heard.push("ended"),
        });
        return false;
      },
    });
    const first = client.channel("late");
    await until(() => first.send("lost") === "closed", "it was refused, and is closed");
    const second = client.channel("late");
    second.send("taken");
    await until(() => heard.includes("taken"), "what comes behind it");
    assert.deepEqual(heard, ["taken"]);
    second.close();
    await until(() => heard.length > 1, "this one ends");
    assert.deepEqual(heard, ["taken", "ended"]);
    await end();
  });
});
