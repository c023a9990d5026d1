import { setTimeout as delay } from "node:timers/promises";
import type { ConnectOptions } from "hawser";
import { FaultProxy } from "#testbed/fault-proxy.js";
import { HttpFaultProxy } from "#testbed/http-fault-proxy.js";
import { until } from "../support/until.js";
import type { TallyCounts } from "./number-tally.js";
import type { PageEmulation, ProofBrowser } from "./proof-browser.js";
import type { PageReport } from "./session-page.js";
import { type SeenSession, SessionSite } from "./session-site.js";
import { SessionTab } from "./session-tab.js";

/** How much of the proof: all of it, or what a test has time for. */
export interface ProofScale {
  readonly cuts: number;
  /** Messages each way, where nothing else says how many. */
  readonly messages: number;
  /** How long the page is frozen, or without a network, in ms. */
  readonly awayMs: number;
}

/** The proof of issue 6 in its full length. */
export const FULL_PROOF: ProofScale = { cuts: 200, messages: 2_000, awayMs: 10_000 };
/** Every scenario, briefly. */
export const SHORT_PROOF: ProofScale = { cuts: 12, messages: 200, awayMs: 700 };

/** What came out. */
export interface ProofResult {
  /** Messages that were sent: by pages, by the server. */
  readonly sent: readonly [number, number];
  /** Both directions, and all tabs, together. */
  readonly counts: Omit<TallyCounts, "got">;
  /** Resets, of pages and on the server; with the ones that have to be. */
  readonly resets: number;
  /** On what the session lived, one after the other. */
  readonly transports: readonly string[];
  readonly firstLiveMs: number;
  readonly outagesMs: readonly number[];
  readonly errors: readonly string[];
  /** What else is worth saying. */
  readonly note?: string;
}

/** One thing that happens to a session in a page. */
export interface Scenario {
  readonly name: string;
  /** It needs what only {@link PageEmulation} can do. */
  readonly isEmulated?: boolean;
  run(browser: ProofBrowser, scale: ProofScale): Promise<ProofResult>;
}

/** Who comes back in a test does so soon. */
const QUICK: ConnectOptions = { reconnectDelayMs: 20, maxReconnectDelayMs: 200 };
/** Who is silent is noticed soon. */
const ATTENTIVE: ConnectOptions = { ...QUICK, pingIntervalMs: 1_000, pongTimeoutMs: 1_000 };

/** A site, a tab that talks to it, and what went to and fro. */
class Talk {
  readonly site: SessionSite;
  readonly tab: SessionTab;
  readonly one: SeenSession;
  #isTalking = true;
  #talking: Promise<void> = Promise.resolve();

  private constructor(site: SessionSite, tab: SessionTab, one: SeenSession) {
    this.site = site;
    this.tab = tab;
    this.one = one;
  }

  static async begin(
    browser: ProofBrowser,
    site: SessionSite,
    port: number,
    options: ConnectOptions,
  ): Promise<Talk> {
    return Talk.beginIn(
      await SessionTab.open(await browser.open(), `http://127.0.0.1:${port}/`),
      site,
      options,
    );
  }

  static async beginIn(tab: SessionTab, site: SessionSite, options: ConnectOptions): Promise<Talk> {
    const known = site.sessions.length;
    await tab.start("/live", options);
    await tab.until(({ state }) => state.status === "live", "the page is live");
    return new Talk(site, tab, site.sessions[known]!);
  }

  /** Both sides talk from now on, some messages at a time. */
  async talk(): Promise<void> {
    this.#isTalking = true;
    await this.tab.pump(10, 10);
    this.#talking = (async () => {
      while (this.#isTalking) {
        await this.site.send(this.one, 10);
        await delay(10);
      }
    })();
  }

  async exchange(count: number): Promise<void> {
    await Promise.all([this.tab.send(count), this.site.send(this.one, count)]);
  }

  /** Nothing more is sent. */
  async hush(): Promise<void> {
    this.#isTalking = false;
    await this.tab.pump(0, 0);
    await this.#talking;
    await delay(50); // the page may be at its last few
  }

  /** Waits until all has come, and says what became of it. */
  async result(note?: string): Promise<ProofResult> {
    await this.hush();
    const { one, tab } = this;
    const report = await tab.until(
      ({ sent, got, state }) => state.status === "live" && got >= one.sent && one.tally.got >= sent,
      "all has come",
    );
    await delay(50); // one too many would come now
    const down = await tab.counts(one.sent);
    const up = one.tally.counts(report.sent);
    const resets = resetsOf(report, one);
    await tab.page.close();
    return resultOf(report, one.sent, [down, up], resets, note);
  }
}

function resetsOf(report: PageReport, one: SeenSession): number {
  return report.resets.length + one.events.filter((event) => event.startsWith("reset")).length;
}

function resultOf(
  report: PageReport,
  sentByServer: number,
  tallies: readonly TallyCounts[],
  resets: number,
  note?: string,
): ProofResult {
  const sum = (name: keyof TallyCounts): number => tallies.reduce((total, tally) => total + tally[name], 0);
  const { sent, transports, firstLiveMs, outagesMs, errors } = report;
  return {
    sent: [sent, sentByServer],
    counts: {
      lost: sum("lost"),
      doubled: sum("doubled"),
      reordered: sum("reordered"),
      altered: sum("altered"),
    },
    resets,
    transports,
    firstLiveMs,
    outagesMs,
    errors,
    ...(note !== undefined && { note }),
  };
}

function emulationOf({ tab }: Talk): PageEmulation {
  if (tab.page.emulation === undefined) throw new Error("this browser cannot be asked to");
  return tab.page.emulation;
}

function cutAgain(
  transport: "websocket" | "stream" | "sse" | "long-polling" | "polling",
  share: number,
): Scenario {
  return {
    name: `${transport}: cut in the middle, again and again`,
    async run(browser, { cuts }) {
      await using site = await SessionSite.start();
      const proxy = await FaultProxy.start({
        targetPort: site.port,
        seed: 6455,
        cutShare: 0,
        cutWithinBytes: transport === "websocket" ? 60_000 : 20_000,
      });
      const tab = await SessionTab.open(await browser.open(), `http://127.0.0.1:${proxy.port}/`);
      const most = Math.ceil(cuts * share);
      proxy.setFaults({ cutShare: 1, cutWithinBytes: transport === "websocket" ? 60_000 : 20_000 });
      proxy.cutAll("fin"); // those that the page came over would go on
      const talk = await Talk.beginIn(tab, site, { ...QUICK, transports: [transport] });
      await talk.talk();
      const before = proxy.counts.fin + proxy.counts.rst;
      const cutsSoFar = (): number => proxy.counts.fin + proxy.counts.rst - before;
      let nextSweep = transport === "websocket" ? Infinity : 2;
      while (cutsSoFar() < most) {
        await delay(20);
        if (cutsSoFar() < nextSweep) continue;
        // The answer that goes on is one connection of many, and may be one that is never cut by chance.
        proxy.cutAll();
        nextSweep = cutsSoFar() + 2;
      }
      const done = cutsSoFar();
      proxy.setFaults({});
      const result = await talk.result(`${done} cuts`);
      await proxy.close();
      return result;
    },
  };
}

/** A site behind a proxy that understands HTTP. */
async function behindProxy(
  options: ConnectOptions,
  browser: ProofBrowser,
  faults: Parameters<HttpFaultProxy["setFaults"]>[0],
  run: (talk: Talk, proxy: HttpFaultProxy) => Promise<ProofResult>,
): Promise<ProofResult> {
  await using site = await SessionSite.start();
  await using proxy = await HttpFaultProxy.start(site.port);
  const tab = await SessionTab.open(await browser.open(), `http://127.0.0.1:${proxy.port}/`);
  proxy.setFaults(faults);
  const result = await run(await Talk.beginIn(tab, site, options), proxy);
  // A session's secret must not stand in what gets logged; its id, which is none, helps balancers.
  const spoken = proxy.seen
    .map(({ url }) => url)
    .filter((url) => !/^\/(live(\?(via=[a-z-]+&)?session=[\da-f]{32})?|[\w/.-]*\.(js|ico)|)$/.test(url));
  return spoken.length === 0
    ? result
    : { ...result, errors: [...result.errors, `URLs: ${spoken.join(" ")}`] };
}

function blocked(how: "refused" | "hanging" | "reset" | "swallowed"): Scenario {
  return {
    name: `WebSocket blocked: ${how}`,
    run: (browser, { messages }) =>
      behindProxy(QUICK, browser, { webSockets: how }, async (talk) => {
        await talk.exchange(messages);
        return talk.result();
      }),
  };
}

/** Everything that is proved. */
export const SCENARIOS: readonly Scenario[] = [
  cutAgain("websocket", 1),
  cutAgain("stream", 0.25),
  cutAgain("sse", 0.25),
  cutAgain("long-polling", 0.25),
  cutAgain("polling", 0.25),
  blocked("refused"),
  blocked("reset"),
  blocked("hanging"),
  blocked("swallowed"),
  {
    name: "WebSocket blocked while it lives, and free again: down and up",
    run: (browser, { messages }) =>
      behindProxy(QUICK, browser, {}, async (talk, proxy) => {
        await talk.exchange(messages);
        await talk.talk();
        proxy.setFaults({ webSockets: "refused" });
        proxy.cutWebSockets();
        await talk.tab.until(
          ({ state }) => state.status === "live" && state.transport !== "websocket",
          "it fell back",
        );
        proxy.setFaults({});
        // What a browser says when it is in another network: no reason to wait until the next look.
        await talk.tab.page.call(() => dispatchEvent(new Event("online")), undefined);
        await talk.tab.until(
          ({ state }) => state.status === "live" && state.transport === "websocket",
          "it moved up",
        );
        return talk.result();
      }),
  },
  {
    name: "WebSocket blocked, and a proxy that holds answers back",
    run: (browser, { messages }) =>
      behindProxy(QUICK, browser, { webSockets: "refused", holdsAnswers: true }, async (talk) => {
        await talk.exchange(messages / 2);
        return talk.result();
      }),
  },
  {
    name: "a proxy that begins to hold answers back",
    run: (browser, { messages }) =>
      behindProxy(ATTENTIVE, browser, { webSockets: "refused" }, async (talk, proxy) => {
        await talk.exchange(messages / 2);
        proxy.setFaults({ webSockets: "refused", holdsAnswers: true });
        await talk.exchange(messages / 2);
        return talk.result();
      }),
  },
  {
    name: "the server is killed, and another one comes",
    async run(browser, { messages }) {
      await using first = await SessionSite.start();
      const { port } = first;
      const talk = await Talk.begin(browser, first, port, { ...QUICK, transports: ["websocket"] });
      await talk.exchange(messages);
      await talk.talk();
      await delay(100);
      await first.kill();
      await delay(100); // what is sent now nobody confirms
      await using second = await SessionSite.start({}, port);
      await talk.hush();
      const report = await talk.tab.until(
        ({ resets, state }) => resets.length === 1 && state.status === "live",
        "the page was told that its session is gone",
      );
      // What the page takes for confirmed was there; what it is told about is the rest, all of it; and what it sent then comes to
      // the new server.
      const { unconfirmed, sent, code } = report.resets[0]!;
      const rest = unconfirmed[0] ?? sent + 1;
      const isWhole =
        unconfirmed.every((number, i) => number === rest + i) && rest + unconfirmed.length === sent + 1;
      const next = second.sessions[0]!;
      next.tally.beginAt(sent + 1);
      await until(() => next.tally.got >= report.sent - sent, "what was sent behind the reset has come");
      const tallies = [talk.one.tally.counts(rest - 1), next.tally.counts(report.sent)];
      const note = `reset ${code}, told of ${unconfirmed.length} unconfirmed messages`;
      const result = resultOf(report, talk.one.sent, tallies, 1, note);
      await talk.tab.page.close();
      return isWhole ? result : { ...result, errors: [...result.errors, "unconfirmed messages have gaps"] };
    },
  },
  {
    name: "the tab frozen and thawed",
    isEmulated: true,
    run: (browser, { awayMs, messages }) =>
      behindProxy(QUICK, browser, {}, async (talk) => {
        await talk.talk();
        await emulationOf(talk).setFrozen(true);
        await talk.site.send(talk.one, messages);
        await delay(awayMs);
        await emulationOf(talk).setFrozen(false);
        return talk.result();
      }),
  },
  {
    name: "the tab frozen, its connection cut, and thawed",
    isEmulated: true,
    run: (browser, { awayMs, messages }) =>
      behindProxy(QUICK, browser, {}, async (talk, proxy) => {
        await talk.talk();
        await emulationOf(talk).setFrozen(true);
        await talk.site.send(talk.one, messages);
        proxy.cutWebSockets();
        await delay(awayMs);
        await emulationOf(talk).setFrozen(false);
        return talk.result();
      }),
  },
  ...(["websocket", "long-polling"] as const).map(
    (transport): Scenario => ({
      name: `offline and online (${transport})`,
      isEmulated: true,
      run: (browser, { awayMs }) =>
        behindProxy({ ...ATTENTIVE, transports: [transport] }, browser, {}, async (talk, proxy) => {
          await talk.talk();
          await emulationOf(talk).setOffline(true);
          proxy.cutWebSockets(); // Chromium lets those that are open go on
          await talk.tab.until(({ state }) => state.status !== "live", "it was noticed");
          await delay(awayMs);
          await emulationOf(talk).setOffline(false);
          return talk.result();
        }),
    }),
  ),
  {
    name: "two tabs",
    run: (browser, { messages }) =>
      behindProxy(QUICK, browser, {}, async (talk, proxy) => {
        const tab = await SessionTab.open(await talk.tab.page.beside(), `http://127.0.0.1:${proxy.port}/`);
        const other = await Talk.beginIn(tab, talk.site, QUICK);
        for (const one of [talk, other]) await one.talk();
        await delay(messages / 4);
        proxy.cutWebSockets();
        await Promise.all([talk.exchange(messages), other.exchange(messages)]);
        const [a, b] = [await talk.result(), await other.result()];
        return {
          ...a,
          sent: [a.sent[0] + b.sent[0], a.sent[1] + b.sent[1]],
          counts: {
            lost: a.counts.lost + b.counts.lost,
            doubled: a.counts.doubled + b.counts.doubled,
            reordered: a.counts.reordered + b.counts.reordered,
            altered: a.counts.altered + b.counts.altered,
          },
          resets: a.resets + b.resets,
          outagesMs: [...a.outagesMs, ...b.outagesMs],
          errors: [...a.errors, ...b.errors],
        };
      }),
  },
];
