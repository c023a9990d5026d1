import { isUtf8 } from "node:buffer";
import type { IncomingChannel } from "#session/machine/incoming-channel.js";
import { ServerMachine } from "#session/machine/server-machine.js";
import {
  DEFAULT_RECONNECT_DELAYS,
  type SessionConfig,
  sessionConfig,
} from "#session/machine/session-config.js";
import type { Transport, TransportReceiver } from "#session/transport-port.js";
import type { OpenPacket } from "#session/wire/open-packet.js";
import { writeVarint } from "#session/wire/varint.js";
import { welcomeBlock } from "#session/wire/welcome-packet.js";
import { SteppedClient, type SteppedClientHandler } from "#testing/stepped-client.js";
import { must } from "../finding.js";
import { type Effort, type FuzzTarget, fuzzTarget } from "../fuzz-target.js";
import { anyBytes, anyText } from "../generate/payload.js";
import type { Random } from "../random.js";
import { SessionModel, type SessionModelEvent } from "../reference/session-model.js";

/** The blocks that come over the transport of a session, in hexadecimal. */
export type SessionInput = { readonly blocks: readonly string[] };

const LIMITS = { maxMessageBytes: 300, maxChannels: 3, sent: 5 };
/** Never reached by what is made here: how credit is given is the receiver's own business. */
const WINDOW_BYTES = 10_000_000;

/** What the other side may send to a session of a server and of a client, against a second reading of `docs/wire/session-v1.md`. */
export function sessionTarget(): FuzzTarget {
  return fuzzTarget<SessionInput>({ name: "session", share: 1, generate, run });
}

/** One side of a session, and what it was told. */
class Recording implements Transport {
  readonly name = "websocket";
  readonly bufferedBytes = 0;
  receiver!: TransportReceiver;
  readonly events: SessionModelEvent[] = [];
  readonly machine: ServerMachine<Recording> | SteppedClient;
  #wantsFlush = false;

  constructor(isServer: boolean) {
    if (isServer) {
      const machine = new ServerMachine(config, { resumeWindowMs: 1_000 }, this, OPEN, new Uint8Array(0));
      this.machine = machine;
      machine.attach(this, OPEN);
      for (let i = 0; i < LIMITS.sent; i++) machine.send(machine.channel, `${i}`);
    } else {
      const machine = new SteppedClient(config, this, DEFAULT_RECONNECT_DELAYS);
      this.machine = machine;
      machine.attach(this, false);
      this.give(WELCOME);
      for (let i = 0; i < LIMITS.sent; i++) machine.send(machine.channel, `${i}`);
    }
    this.flush();
  }

  give(block: Buffer): void {
    this.receiver.block(block, 0, block.length);
    this.flush();
  }

  flush(): void {
    if (this.#wantsFlush) this.machine.flush();
    this.#wantsFlush = false;
  }

  wantFlush(): void {
    this.#wantsFlush = true;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    const block = Buffer.from(bytes.subarray(start, end));
    if (block[0] === 0x07) this.events.push({ type: "pong", hex: block.toString("hex", 2) });
  }

  close(): void {}
}

const OPEN: OpenPacket = {
  version: 1,
  isResume: false,
  isProbe: false,
  id: new Uint8Array(16),
  token: new Uint8Array(16),
  epoch: 1,
  received: 0,
  windowBytes: WINDOW_BYTES,
  maxMessageBytes: WINDOW_BYTES,
  owner: new Uint8Array(0),
  credentials: new Uint8Array(0),
};
const WELCOME: Buffer = Buffer.from(
  welcomeBlock({
    received: 0,
    windowBytes: WINDOW_BYTES,
    maxMessageBytes: WINDOW_BYTES,
    resumeWindowMs: 1_000,
    owner: new Uint8Array(0),
  }),
);

const named = (channel: IncomingChannel): { channel: string } => ({ channel: channel.name });
const handler: SteppedClientHandler<Recording> = {
  wantsFlush: (one) => one.wantFlush(),
  deadlineChanged() {},
  message(one, channel, isText, bytes, start, end, id) {
    const hex = Buffer.from(bytes.subarray(start, end)).toString("hex");
    one.events.push({
      type: "message",
      ...named(channel),
      isText,
      hex,
      id: Buffer.from(id ?? []).toString("hex"),
    });
    return true;
  },
  channelOpened: (one, channel) => void one.events.push({ type: "opened", ...named(channel) }),
  channelClosed: (one, channel) => void one.events.push({ type: "closed", ...named(channel) }),
  channelRefused() {},
  dropped() {},
  ready() {},
  signal: (one, code, bytes, start, end) =>
    void one.events.push({
      type: "signal",
      code,
      hex: Buffer.from(bytes.subarray(start, end)).toString("hex"),
    }),
  live() {},
  suspended: (one, code) => void one.events.push({ type: "dropped", code }),
  ended: (one, { code }) => void one.events.push({ type: "ended", code }),
  dial() {},
  waiting() {},
  linkLost() {},
  report() {},
  credentials: () => new Uint8Array(0),
};
const config: SessionConfig<SteppedClientHandler<Recording>> = sessionConfig({
  ...LIMITS,
  windowBytes: WINDOW_BYTES,
  handler,
  host: {
    nowMs: () => 1,
    random: () => 0,
    randomBytes: (length) => new Uint8Array(length),
    allocate: (length) => Buffer.alloc(length),
    utf8Write: (text, bytes, position) => Buffer.from(bytes.buffer, bytes.byteOffset).write(text, position),
    utf8Decode: (bytes, start, end) => {
      const part = Buffer.from(bytes.subarray(start, end));
      return isUtf8(part) ? part.toString() : undefined;
    },
  },
});

function run(input: SessionInput, effort: Effort): string {
  const blocks = input.blocks.map((block) => Buffer.from(block, "hex"));
  const outcome = compare(blocks);
  // What is cut off has to come to the same in both as well.
  const last = blocks.at(-1);
  if (effort.everyCut && last !== undefined) {
    for (let cut = 0; cut < last.length; cut++) compare([...blocks.slice(0, -1), last.subarray(0, cut)]);
  }
  return outcome;
}

function compare(blocks: readonly Buffer[]): string {
  compareSide(blocks, false);
  const model = compareSide(blocks, true);
  const last = model.events.at(-1);
  const ended =
    last !== undefined && "code" in last && last.type !== "signal" ? `${last.type}-${last.code}` : "goes-on";
  return `${ended} ${model.events.map(({ type }) => type[0]).join("")}`;
}

function compareSide(blocks: readonly Buffer[], isServer: boolean): SessionModel {
  const recording = new Recording(isServer);
  const model = new SessionModel(LIMITS, isServer);
  for (const block of blocks) {
    if (model.isOver) break;
    model.block(block);
    recording.give(block);
  }
  must(
    JSON.stringify(recording.events) === JSON.stringify(model.events),
    "the machine and the model come to the same",
    () =>
      JSON.stringify({
        isServer,
        blocks: blocks.map((b) => b.toString("hex")),
        machine: recording.events,
        model: model.events,
      }),
  );
  return model;
}

/** Made with the rules of the format in mind, and now and then against one of them. */
function generate(random: Random): SessionInput {
  let next = 1;
  const channels = [0];
  const number = (usual: number): Buffer => {
    const value = random.chance(6) ? random.pick([0, 1, 5, 6, 127, 128, 300, 2 ** 31, 2 ** 53 - 1]) : usual;
    const bytes = new Uint8Array(9);
    let end = writeVarint(bytes, 0, value);
    if (random.chance(1)) {
      bytes[end - 1]! |= 0x80;
      bytes[end++] = 0;
    }
    return Buffer.from(bytes.subarray(0, end));
  };
  const field = (bytes: Buffer): Buffer => Buffer.concat([number(bytes.length), bytes]);
  const end = (): Buffer =>
    Buffer.concat([
      number(random.between(3_990, 4_610)),
      number(0),
      number(0),
      anyText(random).subarray(0, 100),
    ]);
  const record = (): Buffer => {
    const kind = random.below(20);
    if (kind === 0) return Buffer.concat([Buffer.of(random.below(256)), field(anyBytes(random))]);
    if (kind === 1) return Buffer.concat([Buffer.of(0x85), field(end())]);
    if (kind <= 3) {
      const channel = random.pick([1, 2, 3, 4, 1]);
      channels.push(channel);
      return Buffer.concat([
        Buffer.of(0x80),
        field(Buffer.concat([number(channel), anyText(random).subarray(0, 260)])),
      ]);
    }
    if (kind === 4) return Buffer.concat([Buffer.of(0x81), field(number(random.pick(channels)))]);
    if (kind === 5) {
      const head = random.pick([0x82, 0x83]);
      return Buffer.concat([
        Buffer.of(head),
        field(Buffer.concat([number(random.pick(channels)), number(4_403)])),
      ]);
    }
    if (kind === 6)
      return Buffer.concat([Buffer.of(0x84), field(Buffer.concat([number(7), anyBytes(random)]))]);
    const channel = random.pick(channels);
    const isLong = random.chance(25);
    const hasId = random.chance(15);
    let head = random.below(2) | (channel > 0 ? 0x08 : 0) | (isLong ? 0x02 : 0) | (hasId ? 0x10 : 0);
    if (random.chance(15)) head ^= 0x04;
    if (random.chance(3)) head ^= 1 << random.below(8);
    return Buffer.concat([
      Buffer.of(head),
      channel > 0 ? number(channel) : Buffer.alloc(0),
      hasId
        ? field(random.bytes(random.between(random.chance(10) ? 0 : 1, random.chance(10) ? 40 : 20)))
        : Buffer.alloc(0),
      field(anyBytes(random).subarray(0, 320)),
    ]);
  };
  const packet = (): Buffer => {
    const kind = random.below(14);
    if (kind === 0) return Buffer.concat([Buffer.of(random.below(256)), field(anyBytes(random))]);
    if (kind === 1)
      return Buffer.concat([Buffer.of(random.pick([0x04, 0x05])), field(number(random.below(6)))]);
    if (kind === 2) return Buffer.concat([Buffer.of(0x06), field(random.bytes(random.between(1, 9)))]);
    if (kind === 3) return Buffer.concat([Buffer.of(random.pick([0x08, 0x09])), field(end())]);
    if (kind === 4 && random.chance(20))
      return Buffer.concat([
        Buffer.of(0x03),
        field(Buffer.concat([...Array.from({ length: 5 }, () => number(1)), field(random.bytes(9))])),
      ]);
    if (kind === 4)
      return Buffer.concat([Buffer.of(random.pick([0x07, 0x80, 0xff])), field(anyBytes(random))]);
    const records = Array.from({ length: random.between(1, 5) }, record);
    const first = random.chance(15) ? Math.max(1, next - random.below(4)) : next;
    next = Math.max(next, first + records.length);
    return Buffer.concat([Buffer.of(0x01), number(random.below(6)), number(first), ...records]);
  };
  const blocks = Array.from({ length: random.between(1, 8) }, () =>
    Buffer.concat(Array.from({ length: random.chance(20) ? 2 : 1 }, packet)).toString("hex"),
  );
  return { blocks };
}
