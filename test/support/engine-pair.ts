import assert from "node:assert/strict";
import { nodeHost } from "#node/node-host.js";
import type { CloseResult } from "#protocol/closing-handshake.js";
import { Engine } from "#protocol/engine.js";
import { type EngineConfigInput, engineConfig } from "#protocol/engine-config.js";
import type { EngineHandler, WritePosition } from "#protocol/engine-handler.js";
import type { EngineHost } from "#protocol/engine-host.js";
import type { DeflateParameters } from "#protocol/extensions/deflate-negotiation.js";
import { portableHost } from "#protocol/portable-host.js";
import { type ReadFrame, readFrames } from "./frames.js";

/** What an engine told its handler, apart from output. Payloads are copies. */
export type EngineEvent =
  | { readonly type: "message"; readonly opcode: number; readonly data: Buffer }
  | { readonly type: "chunk"; readonly opcode: number; readonly data: Buffer; readonly last: boolean }
  | { readonly type: "ping"; readonly data: Buffer }
  | { readonly type: "pong"; readonly data: Buffer; readonly roundTripMs: number | undefined }
  | { readonly type: "closing"; readonly code: number; readonly reason: string }
  | { readonly type: "disconnect"; readonly how: "end" | "destroy" }
  | { readonly type: "deadline" };

export type Role = "client" | "server";
export type HostName = "portable" | "node";

/** The clock of a test. */
export interface Clock {
  ms: number;
}

export interface EndpointOptions
  extends Omit<Partial<EngineConfigInput<Endpoint>>, "role" | "host" | "handler"> {
  readonly host?: HostName;
  readonly deflate?: Partial<DeflateParameters> | undefined;
  readonly clock?: Clock;
  readonly seed?: number;
  /** What the output buffers hold before anything is written to them. */
  readonly fill?: number;
  /** Whether pings are answered. Default true. */
  readonly answersPings?: boolean;
}

/** permessage-deflate without any restriction. */
export const DEFLATE: DeflateParameters = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

/** A host whose time and chance are those of the test. */
export function testHost(name: HostName, clock: Clock, seed: number): EngineHost {
  let state = seed | 0;
  const platform = {
    nowMs: () => clock.ms,
    randomMask: () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return state;
    },
  };
  return name === "node" ? { ...nodeHost, ...platform } : portableHost(platform);
}

const GUARD_BYTES = 5;

/** One engine with a handler that records, and a transport that collects. */
export class Endpoint {
  readonly engine: Engine<Endpoint>;
  readonly role: Role;
  readonly host: EngineHost;
  readonly clock: Clock;
  readonly events: EngineEvent[] = [];
  readonly fill: number;
  readonly answersPings: boolean;
  /** Called for every event, after it was recorded. */
  onEvent: ((event: EngineEvent) => void) | undefined = undefined;
  /** What was output by reference. */
  readonly references: Uint8Array[] = [];
  #pieces: Uint8Array[] = [];
  #reserved: { position: WritePosition; byteLength: number } | undefined = undefined;

  constructor(role: Role, options: EndpointOptions = {}) {
    const { host = "portable", deflate, clock = { ms: 1000 }, seed = 1, fill = 0xa5, ...rest } = options;
    const { answersPings = true, ...config } = rest;
    this.role = role;
    this.clock = clock;
    this.fill = fill;
    this.answersPings = answersPings;
    this.host = testHost(host, clock, seed);
    const parameters = deflate && { ...DEFLATE, ...deflate };
    this.engine = new Engine(engineConfig({ ...config, role, host: this.host, handler }), this, parameters);
  }

  /** Takes everything that was output, in the order of output. */
  take(): Buffer {
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [];
    return all;
  }

  /** Takes what was output, as frames. */
  takeFrames(): ReadFrame[] {
    return readFrames(this.take());
  }

  /** Takes the events. */
  takeEvents(): EngineEvent[] {
    return this.events.splice(0);
  }

  /** Gives the engine a copy, all of which must be taken. */
  receive(...chunks: Uint8Array[]): void {
    for (const chunk of chunks) {
      assert.equal(this.engine.receive(new Uint8Array(chunk)), chunk.length, "all of the chunk is taken");
    }
  }

  /** Gives the engine the bytes one at a time. */
  receiveBytewise(bytes: Uint8Array): void {
    for (const byte of bytes) this.receive(Uint8Array.of(byte));
  }

  /** The messages so far. Pieces count as part of theirs. */
  get messages(): { opcode: number; data: Buffer }[] {
    const messages: { opcode: number; data: Buffer }[] = [];
    let pieces: Buffer[] = [];
    for (const event of this.events) {
      if (event.type === "message") messages.push({ opcode: event.opcode, data: event.data });
      if (event.type !== "chunk") continue;
      pieces.push(event.data);
      if (!event.last) continue;
      messages.push({ opcode: event.opcode, data: Buffer.concat(pieces) });
      pieces = [];
    }
    return messages;
  }

  /** The texts of {@link messages}. */
  get texts(): string[] {
    return this.messages.map(({ data }) => data.toString());
  }

  record(event: EngineEvent): void {
    this.events.push(event);
    this.onEvent?.(event);
  }

  reserve(byteLength: number): WritePosition {
    assert.ok(Number.isSafeInteger(byteLength) && byteLength >= 0, `room for ${byteLength} bytes`);
    const bytes = new Uint8Array(byteLength + 2 * GUARD_BYTES).fill(this.fill);
    const position = { bytes, position: GUARD_BYTES };
    this.#reserved = { position, byteLength };
    return position;
  }

  commit(end: number): void {
    const reserved = this.#reserved;
    assert.ok(reserved !== undefined, "commit follows reserve");
    this.#reserved = undefined;
    const { bytes } = reserved.position;
    const limit = GUARD_BYTES + reserved.byteLength;
    assert.ok(end >= GUARD_BYTES && end <= limit, "no more is committed than was reserved");
    for (const [i, byte] of bytes.entries()) {
      if (i < GUARD_BYTES || i >= limit) assert.equal(byte, this.fill, "nothing is written outside the room");
    }
    this.#pieces.push(bytes.subarray(GUARD_BYTES, end));
  }

  write(bytes: Uint8Array): void {
    this.references.push(bytes);
    this.#pieces.push(bytes);
  }
}

function copyOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.subarray(start, end));
}

const handler: EngineHandler<Endpoint> = {
  reserve: (endpoint, byteLength) => endpoint.reserve(byteLength),
  commit: (endpoint, end) => endpoint.commit(end),
  write: (endpoint, bytes) => endpoint.write(bytes),
  message(endpoint, opcode, bytes, start, end, isAscii) {
    const data = copyOf(bytes, start, end);
    if (isAscii)
      assert.ok(
        data.every((byte) => byte < 128),
        "what is called ASCII is ASCII",
      );
    endpoint.record({ type: "message", opcode, data });
  },
  messageChunk: (endpoint, opcode, bytes, start, end, last) =>
    endpoint.record({ type: "chunk", opcode, data: copyOf(bytes, start, end), last }),
  ping(endpoint, bytes, start, end) {
    endpoint.record({ type: "ping", data: copyOf(bytes, start, end) });
    return endpoint.answersPings;
  },
  pong: (endpoint, bytes, start, end, roundTripMs) =>
    endpoint.record({ type: "pong", data: copyOf(bytes, start, end), roundTripMs }),
  closing: (endpoint, { code, reason }) => endpoint.record({ type: "closing", code, reason }),
  disconnect: (endpoint, how) => endpoint.record({ type: "disconnect", how }),
  deadlineChanged: (endpoint) => endpoint.record({ type: "deadline" }),
};

/** A client and a server with a transport between them that loses nothing, and cuts where the test says. */
export class EnginePair {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly clock: Clock;
  /** How both ended, once the transport is gone. */
  results: { client: CloseResult; server: CloseResult } | undefined = undefined;
  readonly #ended = { client: false, server: false };

  constructor(options: EndpointOptions & { client?: EndpointOptions; server?: EndpointOptions } = {}) {
    const { client, server, ...both } = options;
    this.clock = both.clock ?? { ms: 1000 };
    this.client = new Endpoint("client", { ...both, clock: this.clock, seed: 11, ...client });
    this.server = new Endpoint("server", { ...both, clock: this.clock, seed: 23, ...server });
  }

  /** Carries what one side has put out to the other, in pieces of these sizes, over and over. */
  carry(from: Role, sizes: readonly number[] = [Infinity]): void {
    const to = from === "client" ? this.server : this.client;
    const bytes = this[from].take();
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const end = Math.min(bytes.length, at + sizes[i % sizes.length]!);
      to.receive(bytes.subarray(at, end));
      at = end;
    }
  }

  /** Carries in both directions until nothing moves, and ends the transport where an engine asked for it. */
  settle(sizes?: readonly number[]): void {
    for (let round = 0; round < 100; round++) {
      const before = this.client.events.length + this.server.events.length;
      this.carry("client", sizes);
      this.carry("server", sizes);
      this.#endWhereAsked("client");
      this.#endWhereAsked("server");
      if (before === this.client.events.length + this.server.events.length) return;
    }
    assert.fail("the pair does not come to rest");
  }

  #endWhereAsked(role: Role): void {
    if (this.results !== undefined) return;
    const { events } = this[role];
    const isDropped = events.some((event) => event.type === "disconnect" && event.how === "destroy");
    const other: Role = role === "client" ? "server" : "client";
    if (!isDropped && !this.#ended[role]) {
      if (!events.some((event) => event.type === "disconnect")) return;
      this.#ended[role] = true;
      this[other].engine.receiveEnd();
    }
    if (!isDropped && !this.#ended[other]) return;
    this.results = {
      client: this.client.engine.transportClosed(),
      server: this.server.engine.transportClosed(),
    };
  }
}
