// Command: what the session machine costs a message, in memory: no socket, no WebSocket. Needs the build.
//   node build/bench/session-machine.js [--seconds N]
// A client and a server machine; the client sends batches of texts, the server reads each as a string and sends it back. Beside
// it the same echo with the WebSocket engine alone, whose part of it a session over a WebSocket saves or pays as well.
import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import process from "node:process";
import { parseArgs } from "node:util";
import { Engine, engineConfig, Opcode } from "hawser/protocol";
import { nodeHost } from "#node/node-host.js";
import { nodeClientHost } from "#node/session/node-client-host.js";
import { ServerMachine } from "#session/machine/server-machine.js";
import {
  DEFAULT_RECONNECT_DELAYS,
  DEFAULT_SERVER_DEADLINES,
  sessionConfig,
} from "#session/machine/session-config.js";
import type { SessionHandler } from "#session/machine/session-handler.js";
import type { SessionHost } from "#session/machine/session-host.js";
import type { SessionEnd } from "#session/peer-port.js";
import type { Transport, TransportReceiver } from "#session/transport-port.js";
import { readOpen } from "#session/wire/open-packet.js";
import { SteppedClient, type SteppedClientHandler } from "#testing/stepped-client.js";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "2" } } });
const SECONDS = Number(values.seconds);
const TEXT = "x".repeat(128);

interface NativeBuffer extends Uint8Array {
  latin1Slice(start: number, end: number): string;
  utf8Write(text: string, position: number): number;
  utf8Slice(start: number, end: number): string;
}

const host: SessionHost = {
  nowMs: () => performance.now(),
  random: Math.random,
  randomBytes: (length) => randomBytes(length),
  allocate: (length) => Buffer.allocUnsafeSlow(length),
  utf8Write: (text, bytes, position) => (bytes as NativeBuffer).utf8Write(text, position),
  utf8Decode: (bytes, start, end) => {
    const text = (bytes as NativeBuffer).utf8Slice(start, end);
    return text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end)) ? undefined : text;
  },
};

/** What is sent lies in one buffer until the other side is given it, as in that of a socket. */
class MemoryTransport implements Transport {
  readonly name = "websocket";
  readonly bufferedBytes = 0;
  receiver!: TransportReceiver;
  readonly bytes = Buffer.allocUnsafeSlow(1 << 20);
  readonly ends: number[] = [];

  send(bytes: Uint8Array, start: number, end: number): void {
    const at = this.ends.at(-1) ?? 0;
    this.bytes.set(bytes.subarray(start, end), at);
    this.ends.push(at + end - start);
  }

  close(): void {}

  deliverTo(receiver: TransportReceiver): void {
    const ends = this.ends.splice(0);
    let at = 0;
    for (const end of ends) {
      receiver.block(this.bytes, at, end);
      at = end;
    }
  }
}

interface Side {
  machine: SteppedClient | ServerMachine<Side>;
  received: number;
  echoes: boolean;
}

const handler: SessionHandler<Side> & SteppedClientHandler<Side> = {
  wantsFlush() {},
  deadlineChanged() {},
  message(side, _channel, isText, bytes, start, end) {
    side.received++;
    if (!side.echoes) return true;
    if (isText) {
      const text = host.utf8Decode(bytes, start, end);
      if (text !== undefined) side.machine.send(side.machine.channel as never, text);
    }
    return true;
  },
  channelOpened() {},
  channelClosed: () => undefined,
  channelRefused() {},
  dropped() {},
  ready() {},
  signal() {},
  live() {},
  suspended() {},
  ended(_side, end: SessionEnd) {
    throw new Error(`ended: ${end.code}`);
  },
  dial() {},
  waiting() {},
  linkLost() {},
  report() {},
  credentials: () => new Uint8Array(0),
};

function sessionEcho(batch: number): { both: number; server: number } {
  const client = { received: 0, echoes: false } as Side;
  const server = { received: 0, echoes: true } as Side;
  const up = new MemoryTransport();
  const down = new MemoryTransport();
  const config = sessionConfig<typeof handler>({ host, handler });
  const clientMachine = new SteppedClient(
    config,
    client,
    DEFAULT_RECONNECT_DELAYS,
    0,
    nodeClientHost.utf8Encode,
  );
  client.machine = clientMachine;
  clientMachine.attach(up, false);
  const open = readOpen(up.bytes, 0, up.ends.splice(0)[0]!)!;
  const serverMachine = new ServerMachine<Side>(
    config,
    DEFAULT_SERVER_DEADLINES,
    server,
    open,
    new Uint8Array(1),
  );
  server.machine = serverMachine;
  serverMachine.attach(down, open);
  down.deliverTo(up.receiver);

  const turn = (): number => {
    for (let i = 0; i < batch; i++) clientMachine.send(clientMachine.channel, TEXT);
    clientMachine.flush();
    const startedMs = performance.now();
    up.deliverTo(down.receiver);
    serverMachine.flush();
    const endedMs = performance.now();
    down.deliverTo(up.receiver);
    return endedMs - startedMs;
  };
  for (let i = 0; i < 20_000; i++) turn();
  const before = client.received;
  const startedMs = performance.now();
  let serverMs = 0;
  while (performance.now() - startedMs < SECONDS * 1_000) for (let i = 0; i < 200; i++) serverMs += turn();
  const messages = client.received - before;
  return {
    both: ((performance.now() - startedMs) * 1_000) / messages,
    server: (serverMs * 1_000) / messages,
  };
}

/** Each message a frame of its own, as a raw socket has it. */
function engineEcho(batch: number): number {
  const output = Buffer.allocUnsafeSlow(1 << 20);
  const place = { bytes: output as Uint8Array, position: 0 };
  let received = 0;
  const config = engineConfig<null>({
    role: "server",
    host: nodeHost,
    handler: {
      reserve: () => place,
      commit: (_owner, end) => {
        place.position = end;
      },
      write() {},
      message: (_owner, opcode, bytes, start, end, isAscii) => {
        received++;
        const native = bytes as NativeBuffer;
        const text = isAscii ? native.latin1Slice(start, end) : native.utf8Slice(start, end);
        engine.send(text, opcode);
      },
      messageChunk() {},
      ping: () => true,
      pong() {},
      closing() {},
      disconnect() {},
      deadlineChanged() {},
    },
  });
  const engine = new Engine(config, null);
  // Masked frames; the engine unmasks in place, so that each round begins with a copy.
  const frame = Buffer.concat([
    Buffer.from([0x80 | Opcode.text, 0xfe, 0, 128, 1, 2, 3, 4]),
    Buffer.from(TEXT),
  ]);
  for (let i = 0; i < 128; i++) frame[8 + i]! ^= (i % 4) + 1;
  const chunk = Buffer.concat(Array.from({ length: batch }, () => frame));
  const input = Buffer.allocUnsafeSlow(chunk.length);
  const turn = (): number => {
    chunk.copy(input);
    place.position = 0;
    const startedMs = performance.now();
    engine.receive(input);
    return performance.now() - startedMs;
  };
  for (let i = 0; i < 20_000; i++) turn();
  received = 0;
  let engineMs = 0;
  const startedMs = performance.now();
  while (performance.now() - startedMs < SECONDS * 1_000) for (let i = 0; i < 200; i++) engineMs += turn();
  return (engineMs * 1_000) / received;
}

console.log(`Node ${process.version}; microseconds a message, echo of ${TEXT.length} characters`);
for (const batch of [1, 16, 128]) {
  const { both, server } = sessionEcho(batch);
  const engine = engineEcho(batch);
  console.log(
    `${String(batch).padStart(4)} a batch: session, server side ${server.toFixed(3)}, both sides ${both.toFixed(3)}; engine alone ${engine.toFixed(3)}`,
  );
}
