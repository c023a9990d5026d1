import { createHmac } from "node:crypto";
import { cannotBe } from "../core/cannot-be.js";
import { UsageError } from "../core/hawser-error.js";
import type { UpgradeRequest } from "../node/server/upgrade-request.js";
import type { HttpTransports, TransportsElsewhere } from "../node/transports/http-transports.js";
import { assertBroker } from "../pubsub/broker-port.js";
import type { AskedResult } from "../session/relay/asked-request.js";
import { openBlock } from "../session/relay/open-block.js";
import { MAC_BYTES, type RelayMac } from "../session/relay/relay-envelope.js";
import { SessionRelay } from "../session/relay/session-relay.js";
import { OpenRate } from "../session/server/open-rate.js";
import type { SessionServer } from "../session/server/session-server.js";
import type { SessionsElsewhere } from "../session/server/sessions-elsewhere.js";
import { LONG_POLL_MS } from "../session/wire/http-request.js";
import type { HubRelayOptions } from "./hub-options.js";
import { nodeSessionHost } from "./node-session-host.js";
import { decodeRequest, encodeRequest } from "./relayed-request.js";

/** The default of `relayTimeoutMs`. */
export const DEFAULT_RELAY_TIMEOUT_MS = 2_500;
const MIN_KEY_BYTES = 16;
const NO_BYTES = new Uint8Array(0);
/** What became of a request of a client if no answer came. */
const STATUSES: Readonly<Record<Extract<AskedResult, string>, number>> = {
  gone: 410,
  full: 503,
  silent: 504,
};

/** What a {@link HubRelay} needs of its hub. */
export interface HubRelayParts {
  readonly server: Pick<SessionServer<unknown, UpgradeRequest>, "accept" | "hasSession" | "ownerName">;
  readonly http: HttpTransports;
  readonly maxRelays: number;
  readonly maxOpensPerSecond: number;
  addressOf(request: UpgradeRequest): string;
}

/** The way from a hub to those of other nodes, through a broker. */
export class HubRelay implements SessionsElsewhere<UpgradeRequest>, TransportsElsewhere {
  /** The relays. */
  readonly relays: SessionRelay;
  readonly #parts: HubRelayParts;
  readonly #findRate: OpenRate;

  /** @throws {@link UsageError} `INVALID_OPTION`. */
  constructor(options: HubRelayOptions, parts: HubRelayParts) {
    const { broker, brokerTopic = "hawser", brokerKey, relayTimeoutMs = DEFAULT_RELAY_TIMEOUT_MS } = options;
    assertBroker(broker);
    if (typeof brokerTopic !== "string" || brokerTopic === "")
      throw new UsageError("INVALID_OPTION", "brokerTopic must be a string that is not empty");
    if (!(typeof relayTimeoutMs === "number" && relayTimeoutMs > 0 && relayTimeoutMs < Infinity))
      throw cannotBe("INVALID_OPTION", "relayTimeoutMs", relayTimeoutMs);
    const { server, http, maxRelays, maxOpensPerSecond } = parts;
    this.#parts = parts;
    this.#findRate = new OpenRate(maxOpensPerSecond);
    this.relays = new SessionRelay({
      host: nodeSessionHost,
      broker,
      topic: brokerTopic,
      mac: brokerKey === undefined ? undefined : macOf(brokerKey),
      name: server.ownerName,
      timeoutMs: relayTimeoutMs,
      maxRelays,
      longestRequestMs: LONG_POLL_MS + relayTimeoutMs,
      opened: (transport, request) => server.accept(transport, decodeRequest(request), true),
      hasSession: (id) => server.hasSession(id),
      hasTransport: (id) => http.has(id),
      requested: (body, request) => http.answer(body, request),
    });
  }

  relay(...[opening, open, owner, failed]: Parameters<SessionsElsewhere<UpgradeRequest>["relay"]>): void {
    const request = encodeRequest(opening.request);
    opening.request.incoming = undefined; // it holds some kilobytes
    this.relays.relay(opening.transport, owner, request, openBlock(open), failed);
  }

  find(...[id, done]: Parameters<SessionsElsewhere<UpgradeRequest>["find"]>): void {
    this.relays.findSession(id, done);
  }

  ask(...[transport, body, request, done]: Parameters<TransportsElsewhere["ask"]>): () => void {
    const { addressOf } = this.#parts;
    // To invent names is cheap, and each is a question to all nodes.
    if (
      !this.relays.knows(transport) &&
      !this.#findRate.admits(addressOf(request), nodeSessionHost.nowMs())
    ) {
      done(503, NO_BYTES);
      return () => {};
    }
    return this.relays.ask(transport, body, (result) => {
      if (typeof result === "string") done(STATUSES[result], NO_BYTES);
      else done(result.status, result.body);
    });
  }
}

function macOf(key: string | Uint8Array): RelayMac {
  // Of a number, a key of so many zeros would be made.
  if (typeof key !== "string" && !(key instanceof Uint8Array))
    throw new UsageError("INVALID_OPTION", "brokerKey must be a string or bytes");
  const bytes = typeof key === "string" ? Buffer.from(key) : new Uint8Array(key);
  if (bytes.length < MIN_KEY_BYTES)
    throw new UsageError("INVALID_OPTION", `brokerKey must have ${MIN_KEY_BYTES} bytes at least`);
  // The topic goes in, so that what was published to one node is of no use for another.
  return (topic, message) =>
    createHmac("sha256", bytes).update(`${topic}\n`).update(message).digest().subarray(0, MAC_BYTES);
}
