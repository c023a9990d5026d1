import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ConnectOptions, connect, type Session } from "hawser";
import { accept, createHub, type Hub, type HubOptions } from "hawser/hub";
import { type ListeningServer, serve } from "hawser/server";
import { until } from "../../support/until.js";

interface Served extends AsyncDisposable {
  readonly hub: Hub;
  readonly server: ListeningServer;
  open(options?: ConnectOptions): Promise<Session>;
}

async function served(options: HubOptions = {}): Promise<Served> {
  const hub = createHub(options);
  const server = await serve({ routes: { "/live": hub } });
  const sessions: Session[] = [];
  return {
    hub,
    server,
    async open(clientOptions = {}) {
      const session = connect(`${server.url}/live`, { reconnectDelayMs: 20, ...clientOptions });
      sessions.push(session);
      await until(() => session.state.status === "live", "it is live");
      return session;
    },
    async [Symbol.asyncDispose]() {
      for (const session of hub.sessions.values()) session.end();
      await Promise.all(sessions.map((session) => session.close()));
      await server.shutdown({ drainTimeoutMs: 100 });
    },
  };
}

describe("what an application may do with sessions", () => {
  it("returns from a handler whatever it likes, and the next message comes", async () => {
    const came: unknown[] = [];
    const errors: unknown[] = [];
    await using site = await served({
      // `any`, as of JSON.parse: null, objects, arrays, and one whose `then` is no function.
      message: (_session, data) => {
        came.push(data);
        return JSON.parse(String(data));
      },
      channel: (_session, name) => [name] as unknown as boolean,
      error: (_session, error) => void errors.push(error),
    });
    const session = await site.open();
    const messages = ["{}", "null", "[1]", '{"then":1}', "5", "no JSON", "{}"];
    for (const message of messages) session.send(message);
    session.channel("side").send("refused, since an array is not true");
    await until(() => came.length === messages.length, "all have come");
    assert.deepEqual(came, messages);
    assert.equal(errors.length, 1);
  });

  it("has handlers that reject, at a client", async () => {
    const errors: string[] = [];
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listener);
    const fail = async (what: string): Promise<never> => {
      await null;
      throw new Error(what);
    };
    await using site = await served({ message() {} });
    const session = await site.open({
      reset: (() => fail("reset")) as () => void,
      error: ((_session: Session, error: Error) => {
        errors.push(error.message);
      }) as NonNullable<ConnectOptions["error"]>,
    });
    session.subscribe((() => fail("listener")) as () => void);
    [...site.hub.sessions.values()][0]!.end(4300, "anew");
    await until(() => errors.includes("reset") && errors.includes("listener"), "both were told");
    await delay(20);
    process.off("unhandledRejection", listener);
    assert.deepEqual(unhandled, []);
  });

  it("cannot end a session with a code that is none, and nothing has changed then", async () => {
    await using site = await served({ message() {} });
    const session = await site.open();
    const [other] = site.hub.sessions.values();
    for (const code of [1000, 4600, 4200.5, Number.NaN, 99_999]) {
      assert.throws(() => other!.end(code), { code: "CLOSE_CODE_NOT_ALLOWED" }, String(code));
      assert.throws(() => void other!.close(code), { code: "CLOSE_CODE_NOT_ALLOWED" }, String(code));
      assert.throws(() => void session.close(code), { code: "CLOSE_CODE_NOT_ALLOWED" }, String(code));
    }
    assert.throws(() => other!.end(4400, 5 as unknown as string), { code: "INVALID_OPTION" });
    assert.equal(session.send("on"), "sent");
    assert.equal(site.hub.sessions.size, 1);
  });

  it("is told of a reset behind the messages that came before it, however slow it takes them", async () => {
    const told: string[] = [];
    let go = (): void => {};
    await using site = await served({ message() {} });
    const session = await site.open({
      async message(_session, data) {
        told.push(String(data));
        if (data === "1")
          await new Promise<void>((resolve) => {
            go = resolve;
          });
      },
      reset: () => void told.push("reset"),
    });
    const [other] = site.hub.sessions.values();
    for (const text of ["1", "2", "3"]) other!.send(text);
    await until(() => told.length === 1, "the first one has come");
    await delay(50);
    other!.end(4300);
    await delay(50);
    assert.deepEqual(told, ["1"]);
    go();
    await until(() => session.state.status === "live" && told.length === 4, "a new one has begun");
    assert.deepEqual(told, ["1", "2", "3", "reset"]);
  });

  it("has a new session although a receiver of the old one never ends", async () => {
    await using site = await served({ message() {} });
    const resets: number[] = [];
    const session = await site.open({
      closeTimeoutMs: 100,
      message: () => new Promise<void>(() => {}),
      reset: (_session, { code }) => void resets.push(code),
    });
    const { id } = session;
    const [other] = site.hub.sessions.values();
    other!.send("taken for ever");
    await delay(50);
    other!.end(4300);
    await until(() => session.id !== id && session.state.status === "live", "a new one has begun");
    assert.deepEqual(resets, [4300]);
  });

  it("gives new credentials, and those that were asked for last count", async () => {
    const judged: string[] = [];
    await using site = await served({
      message() {},
      authenticate({ credentials }) {
        judged.push(credentials);
        return accept();
      },
    });
    let asked = 0;
    const session = await site.open({
      async credentials() {
        const number = ++asked;
        await delay(number === 2 ? 100 : 5);
        return `token ${number}`;
      },
    });
    await Promise.all([session.authenticate(), session.authenticate()]);
    await until(() => judged.includes("token 3"), "the newest one was judged");
    await delay(50);
    assert.deepEqual(judged, ["token 1", "token 3"]);
  });

  it("sends while there is room, in a loop that ends when the session is being closed", async () => {
    for (const side of ["client", "server"] as const) {
      let take = (): void => {};
      const taken = new Promise<void>((resolve) => {
        take = resolve;
      });
      await using site = await served({ message: () => taken });
      const session = await site.open({ message: () => taken });
      const [other] = site.hub.sessions.values();
      const [closing, channel] =
        side === "client" ? [session, session.channel("side")] : [other!, other!.channel("side")];
      while (closing.send("x".repeat(10_000)) === "sent");
      const closed = closing.close();
      assert.deepEqual([await closing.ready(), await channel.ready()], [false, false], side);
      assert.equal(closing.send("x"), "closed");
      take();
      assert.equal((await closed).isReset, false);
    }
  });

  it("hears no end of a channel that was refused before anybody took its messages", async () => {
    await using site = await served({ message() {}, error() {} });
    const session = await site.open();
    const [other] = site.hub.sessions.values();
    const heard: string[] = [];
    let isRefused = false;
    other!.receive("late", {
      message() {},
      refused() {
        isRefused = true;
      },
    });
    session.receive("before", {
      message() {
        session.receive("late", {
          message: (data) => void heard.push(String(data)),
          ended: () => void heard.push("ended"),
        });
      },
    });
    // In one block, so that the receiver is there before the refusal is heard and the channel closed.
    other!.channel("late").send("refused");
    other!.channel("before").send("now");
    await until(() => isRefused, "it was refused");
    other!.channel("late").send("taken");
    await until(() => heard.includes("taken"), "what comes behind it");
    assert.deepEqual(heard, ["taken"]);
  });

  it("sends in pieces of no whole number: there are no halves of bytes", async () => {
    const came: unknown[] = [];
    await using site = await served({ message: (_session, data) => void came.push(data) });
    const states: string[] = [];
    const session = await site.open({
      pieceBytes: 1_000.5,
      state: (_session, state) => void states.push(state.status),
    });
    session.send("x".repeat(5_000));
    await until(() => came.length > 0 || states.length > 1, "it comes");
    assert.deepEqual([came, states], [["x".repeat(5_000)], ["live"]]);
  });

  it("is told of channels on which the server takes nothing, unless a receiver wants to know", async () => {
    await using live = await served();
    const errors: string[] = [];
    const refused: string[] = [];
    const session = await live.open({
      error: (_session, error) =>
        void errors.push(`${(error as { code?: unknown }).code} ${(error as Error).message}`),
    });
    session.receive("heard", { message() {}, refused: (name) => void refused.push(name) });
    session.send("to nobody");
    session.channel("news").send("to nobody");
    session.channel("heard").send("to nobody");
    await until(() => errors.length === 2 && refused.length === 1, "all are told");
    assert.deepEqual(errors, [
      'CHANNEL_REFUSED channel "" was refused with 4403',
      'CHANNEL_REFUSED channel "news" was refused with 4403',
    ]);
    assert.deepEqual(refused, ["heard"]);
  });

  it("closes in order, and at once, what was never live and has sent nothing", async () => {
    const session = connect("ws://127.0.0.1:9/", { transports: ["websocket"] });
    session.channel("opened");
    const { isReset, code, unconfirmed } = await session.close();
    assert.deepEqual([isReset, code, unconfirmed], [false, 4400, []]);
  });
});
