import { nodeHost } from "#node/node-host.js";
import { Engine } from "#protocol/engine.js";
import { type EngineConfig, type EngineConfigInput, engineConfig } from "#protocol/engine-config.js";
import type { EngineHandler } from "#protocol/engine-handler.js";
import type { EngineHost } from "#protocol/engine-host.js";
import type { DeflateParameters } from "#protocol/extensions/deflate-negotiation.js";
import { portableHost } from "#protocol/portable-host.js";
import { must } from "./finding.js";
import type { ModelEvent } from "./reference/frame-model.js";

/** Makes the engine that is tested; another one to see whether its faults are found. */
export type EngineMaker = (
  config: EngineConfig<RecordingEngine>,
  owner: RecordingEngine,
  deflate: DeflateParameters | undefined,
) => Engine<RecordingEngine>;

/** The engine as it is. */
export const standardEngine: EngineMaker = (config, owner, deflate) => new Engine(config, owner, deflate);

/** How the engine of one run is made. */
export interface RecordingOptions
  extends Omit<Partial<EngineConfigInput<RecordingEngine>>, "host" | "handler" | "role"> {
  readonly role: "client" | "server";
  readonly deflate?: DeflateParameters | undefined;
  readonly host?: "node" | "portable";
  readonly makeEngine?: EngineMaker;
}

const GUARD_BYTES = 3;
const FILL = 0xa5;

/** An engine, with a handler that writes everything down and holds it against what a handler may rely on. */
export class RecordingEngine {
  readonly engine: Engine<RecordingEngine>;
  readonly role: "client" | "server";
  readonly events: ModelEvent[] = [];
  /** What was handed out of a message that is not complete. */
  partial: Buffer = Buffer.alloc(0);
  nowMs = 1000;
  /** How the engine wants the transport to be ended, each time. */
  readonly disconnects: ("end" | "destroy")[] = [];
  deadlineChanges = 0;
  isGone = false;
  /** Called in every call of the handler that an application may act in. */
  onEvent: (() => void) | undefined;
  readonly #output: Buffer[] = [];
  #partialOpcode: number | undefined;
  #reserved: { bytes: Buffer; byteLength: number } | undefined;

  constructor({ deflate, host, makeEngine = standardEngine, ...config }: RecordingOptions) {
    this.role = config.role;
    this.engine = makeEngine(engineConfig({ ...config, host: this.#host(host), handler }), this, deflate);
  }

  #host(kind: "node" | "portable" | undefined): EngineHost {
    let mask = 0x1234567;
    const platform = {
      nowMs: () => this.nowMs,
      randomMask: () => (mask = (Math.imul(mask, 1_664_525) + 1_013_904_223) | 0),
    };
    return kind === "portable" ? portableHost(platform) : { ...nodeHost, ...platform };
  }

  /** All that was put out so far. */
  get output(): Buffer {
    return Buffer.concat(this.#output);
  }

  /** Takes what was put out since it was last taken. */
  takeOutput(): Buffer {
    return Buffer.concat(this.#output.splice(0));
  }

  record(event: ModelEvent): void {
    must(!this.isGone, "silent behind the end", () => `${event.type} behind transportClosed`);
    must(
      !this.events.some(({ type }) => type === "closing"),
      "closing comes last and once",
      () => `${event.type} behind closing`,
    );
    this.events.push(event);
    this.onEvent?.();
  }

  chunk(opcode: number, bytes: Buffer, last: boolean): void {
    must(!this.isGone, "silent behind the end", () => "a chunk behind transportClosed");
    must(
      this.#partialOpcode === undefined || this.#partialOpcode === opcode,
      "a message has one kind",
      () => `${opcode} behind ${this.#partialOpcode}`,
    );
    this.partial = Buffer.concat([this.partial, bytes]);
    this.#partialOpcode = opcode;
    if (!last) {
      this.onEvent?.();
      return;
    }
    const hex = this.partial.toString("hex");
    this.partial = Buffer.alloc(0);
    this.#partialOpcode = undefined;
    this.record({ type: "message", opcode, hex });
  }

  reserve(byteLength: number): Buffer {
    must(this.#reserved === undefined, "one reservation at a time", () => "reserve inside another");
    const bytes = Buffer.alloc(GUARD_BYTES + byteLength + GUARD_BYTES, FILL);
    this.#reserved = { bytes, byteLength };
    return bytes;
  }

  commit(end: number): void {
    const { bytes, byteLength } = this.#reserved!;
    this.#reserved = undefined;
    const length = end - GUARD_BYTES;
    must(length >= 0 && length <= byteLength, "writes what it reserved", () => `${length} of ${byteLength}`);
    const guards = [...bytes.subarray(0, GUARD_BYTES), ...bytes.subarray(GUARD_BYTES + byteLength)];
    must(
      guards.every((byte) => byte === FILL),
      "writes where it reserved",
      () => bytes.toString("hex"),
    );
    this.write(bytes.subarray(GUARD_BYTES, end));
  }

  write(bytes: Uint8Array): void {
    must(!this.isGone, "silent behind the end", () => "output behind transportClosed");
    must(this.disconnects.length === 0, "writes nothing behind disconnect", () =>
      Buffer.from(bytes).toString("hex"),
    );
    this.#output.push(Buffer.from(bytes));
  }
}

const handler: EngineHandler<RecordingEngine> = {
  reserve: (owner, byteLength) => ({ bytes: owner.reserve(byteLength), position: GUARD_BYTES }),
  commit: (owner, end) => owner.commit(end),
  write: (owner, bytes) => owner.write(bytes),
  message(owner, opcode, bytes, start, end, isAscii) {
    const payload = Buffer.from(bytes.subarray(start, end));
    must(!isAscii || payload.every((byte) => byte < 0x80), "isAscii is ASCII", () => payload.toString("hex"));
    owner.record({ type: "message", opcode, hex: payload.toString("hex") });
  },
  messageChunk: (owner, opcode, bytes, start, end, last) =>
    owner.chunk(opcode, Buffer.from(bytes.subarray(start, end)), last),
  ping(owner, bytes, start, end) {
    owner.record({ type: "ping", hex: Buffer.from(bytes.subarray(start, end)).toString("hex") });
    return true;
  },
  pong: (owner, bytes, start, end) =>
    owner.record({ type: "pong", hex: Buffer.from(bytes.subarray(start, end)).toString("hex") }),
  closing: (owner, { code, reason }) => owner.record({ type: "closing", code, reason }),
  disconnect(owner, how) {
    must(!owner.isGone, "silent behind the end", () => "disconnect behind transportClosed");
    owner.disconnects.push(how);
  },
  deadlineChanged(owner) {
    owner.deadlineChanges++;
  },
};
