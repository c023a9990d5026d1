import { isUtf8 } from "node:buffer";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { buildFrame, FrameReader, type ReceivedFrame } from "hawser/conformance";
import { extensionText, readExtensions } from "#conformance/deflate-parameters.js";
import { closePayload } from "#conformance/frame.js";
import { acceptFor, fieldValues, type HttpHead, headText, takeHead } from "#conformance/http-head.js";
import { MessageDeflater, MessageInflater } from "#conformance/message-deflate.js";

/** What a server can get wrong; without any, it gets right what the table of the test asks of it. */
export type Fault =
  | "cuts long echoes"
  | "ignores pings"
  | "ignores reserved bits"
  | "ignores opcodes"
  | "continues anything"
  | "takes any text"
  | "takes any close frame"
  | "loses large messages"
  | "echoes fragments"
  | "flips compressed bytes"
  | "answers any parameters"
  | "takes any request"
  | "accepts any extension"
  | "misreads 16-bit lengths"
  | "expects whole frames"
  | "echoes after close"
  | "takes any mask"
  | "swallows bad data";

/** A small echo server for the suite to find faults in. */
export async function sloppyServer(
  ...faults: readonly Fault[]
): Promise<{ url: string; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    new SloppyConnection(socket, new Set(faults)).start();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

class SloppyConnection {
  readonly #socket: Socket;
  readonly #faults: ReadonlySet<Fault>;
  #reader = new FrameReader((frame) => this.#onFrame(frame));
  #message: { opcode: number; isCompressed: boolean; pieces: Buffer[] } | undefined;
  #isClosing = false;
  #inflater: MessageInflater | undefined;
  #deflater: MessageDeflater | undefined;

  constructor(socket: Socket, faults: ReadonlySet<Fault>) {
    this.#socket = socket;
    this.#faults = faults;
  }

  start(): void {
    let received = Buffer.alloc(0);
    const onData = (bytes: Buffer): void => {
      received = Buffer.concat([received, bytes]);
      const taken = takeHead(received);
      if (taken === undefined) return;
      this.#socket.off("data", onData);
      if (!this.#open(taken.head)) return;
      this.#socket.on("data", (more: Buffer) => {
        if (this.#faults.has("expects whole frames"))
          this.#reader = new FrameReader((frame) => this.#onFrame(frame));
        this.#reader.push(more);
      });
      this.#reader.push(taken.rest);
    };
    this.#socket.on("data", onData);
  }

  #open(head: HttpHead): boolean {
    const key = fieldValues(head, "sec-websocket-key").join();
    if (!this.#faults.has("takes any request") && !head.startLine.startsWith("GET ")) {
      this.#socket.end("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
      return false;
    }
    const fields: [string, string][] = [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Accept", acceptFor(key)],
    ];
    const [offer] = readExtensions(fieldValues(head, "sec-websocket-extensions").join(", ")) ?? [];
    if (offer !== undefined && this.#faults.has("accepts any extension")) {
      fields.push(["Sec-WebSocket-Extensions", extensionText(offer)]);
    } else if (offer?.name === "permessage-deflate") {
      const bits = this.#faults.has("answers any parameters") ? "; server_max_window_bits=16" : "";
      fields.push(["Sec-WebSocket-Extensions", `permessage-deflate; server_no_context_takeover${bits}`]);
      this.#inflater = new MessageInflater(15, true);
      this.#deflater = new MessageDeflater(15, false);
    }
    this.#socket.write(headText("HTTP/1.1 101 Switching Protocols", fields));
    return true;
  }

  #onFrame(frame: ReceivedFrame): void {
    const { opcode, payload } = frame;
    if (this.#isClosing && !this.#faults.has("echoes after close")) return;
    const isReserved = (opcode > 2 && opcode < 8) || opcode > 10;
    if (frame.rsv !== 0 && !(frame.rsv === 4 && this.#inflater) && !this.#faults.has("ignores reserved bits"))
      this.#fail(1002);
    else if (!frame.isMasked && !this.#faults.has("takes any mask")) this.#fail(1002);
    else if (isReserved && !this.#faults.has("ignores opcodes")) this.#fail(1002);
    else if (frame.lengthBits === 16 && this.#faults.has("misreads 16-bit lengths")) this.#fail(1009);
    else if (opcode === 8) this.#onClose(payload);
    else if (opcode === 9 && !this.#faults.has("ignores pings")) this.#send(10, payload);
    else if (opcode < 3) this.#onData(frame);
  }

  #onData({ opcode, fin, rsv, payload }: ReceivedFrame): void {
    const isWrong = (opcode === 0) !== (this.#message !== undefined);
    if (isWrong && !this.#faults.has("continues anything")) {
      this.#fail(1002);
      return;
    }
    if (this.#faults.has("echoes fragments")) {
      this.#send(opcode || 1, payload);
      return;
    }
    this.#message ??= { opcode: opcode || 1, isCompressed: rsv === 4, pieces: [] };
    this.#message.pieces.push(payload);
    if (!fin) return;
    const { opcode: kind, isCompressed, pieces } = this.#message;
    this.#message = undefined;
    this.#echo(kind, isCompressed, Buffer.concat(pieces));
  }

  #echo(opcode: number, isCompressed: boolean, payload: Buffer): void {
    let content = payload;
    if (isCompressed && this.#inflater !== undefined) {
      try {
        content = this.#inflater.inflate(payload);
      } catch {
        if (this.#faults.has("swallows bad data")) {
          this.#send(opcode, Buffer.alloc(0));
          return;
        }
        this.#fail(1007);
        return;
      }
    }
    if (opcode === 1 && !isUtf8(content) && !this.#faults.has("takes any text")) {
      this.#fail(1007);
      return;
    }
    if (content.length > 60_000 && this.#faults.has("loses large messages")) {
      this.#fail(1009);
      return;
    }
    if (content.length > 125 && this.#faults.has("cuts long echoes")) content = content.subarray(1);
    if (!isCompressed || this.#deflater === undefined) {
      this.#send(opcode, content);
      return;
    }
    const deflated = this.#deflater.deflate(content);
    if (this.#faults.has("flips compressed bytes")) deflated[0]! ^= 0x06;
    this.#send(opcode, deflated, 4);
  }

  #onClose(payload: Buffer): void {
    const code = payload.length < 2 ? 0 : payload.readUInt16BE();
    const isBad =
      payload.length === 1 || (payload.length > 1 && (code < 1000 || code > 4999 || code === 1005));
    if (isBad && !this.#faults.has("takes any close frame")) {
      this.#fail(1002);
      return;
    }
    this.#send(8, isBad ? closePayload(1000) : payload.subarray(0, 2));
    this.#isClosing = true;
    if (!this.#faults.has("echoes after close")) this.#socket.end();
  }

  #fail(code: number): void {
    this.#send(8, closePayload(code));
    this.#isClosing = true;
    this.#socket.end();
  }

  #send(opcode: number, payload: Uint8Array, rsv = 0): void {
    if (this.#socket.writable) this.#socket.write(buildFrame({ opcode, payload, rsv }));
  }
}
