import { Buffer } from "node:buffer";
import type { CloseResult } from "../../protocol/closing-handshake.js";
import { PreparedMessage } from "../../protocol/prepared-message.js";
import { DRAIN_ABOVE_BYTES, type Transport, type TransportReceiver } from "../../session/transport-port.js";
import { MAX_BLOCK_BYTES } from "../../session/wire/packet-type.js";
import { SessionCode } from "../../session/wire/session-code.js";
import type { Connection } from "../connection/connection.js";
import type { ConnectionOptions, InternalHandlers } from "../connection/connection-options.js";
import { nextTick } from "../next-tick.js";
import { nodeHost } from "../node-host.js";
import { NOBODY } from "./http-transport.js";

/** RFC 6455 §5.5: a control frame has 125 bytes, two of them for the code. */
const MAX_CLOSE_REASON_BYTES = 123;

/** Bytes above this a connection hands on by reference: see `Connection.send`. */
const COPIED_UP_TO_BYTES = 16_384;

/** The latest block that many are sent, and the message that it is. */
let latestBlock: Uint8Array | undefined;
let latestMessage: PreparedMessage | undefined;

/** A WebSocket that carries a session: a block is a binary message. `data` of its connection is the transport. */
export class WebSocketTransport implements Transport {
  readonly name = "websocket";
  receiver: TransportReceiver = NOBODY;
  readonly #socket: Connection<unknown>;

  constructor(socket: Connection<unknown>) {
    this.#socket = socket;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    // Not `subarray`: that of a Buffer takes twice the time.
    const block = new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
    this.#socket.send(block.length <= COPIED_UP_TO_BYTES ? block : Buffer.from(block));
  }

  sendShared(block: Uint8Array): void {
    if (block !== latestBlock || latestMessage === undefined) {
      latestBlock = block;
      latestMessage = new PreparedMessage(block, nodeHost);
    }
    this.#socket.sendPrepared(latestMessage, undefined);
  }

  pause(): void {
    if (this.#socket.state === "open") this.#socket.pause();
  }

  resume(): void {
    if (this.#socket.state === "open") this.#socket.resume();
  }

  close(code: number, reason: string): void {
    const fits =
      3 * reason.length <= MAX_CLOSE_REASON_BYTES || Buffer.byteLength(reason) <= MAX_CLOSE_REASON_BYTES;
    if (this.#socket.state === "open") void this.#socket.close(code, fits ? reason : "");
    // Not when the client has answered: it may take its time, and what the receiver holds would be kept until then.
    const { receiver } = this;
    this.receiver = NOBODY;
    if (receiver !== NOBODY) nextTick(() => receiver.closed(code, reason));
  }
}

/** What the connections of an endpoint for sessions share. The session looks after liveness and the rest. */
export const SESSION_CONNECTION_OPTIONS: ConnectionOptions = {
  maxMessageBytes: MAX_BLOCK_BYTES,
  highWaterMarkBytes: DRAIN_ABOVE_BYTES,
  // The session stops at its mark; what comes above it is a block or two, and answers to pings.
  maxBufferedBytes: 16 * MAX_BLOCK_BYTES,
  pingIntervalMs: 0,
  idleTimeoutMs: 0,
};

/**
 * The handlers of connections that carry sessions.
 * @param opened told of each one; it sets `receiver` before it returns.
 */
export function webSocketHandlers<Socket extends Connection<unknown>>(
  opened: (transport: WebSocketTransport, socket: Socket) => void,
): InternalHandlers<Socket> {
  return {
    open(socket) {
      const transport = new WebSocketTransport(socket);
      socket.data = transport;
      opened(transport, socket);
    },
    messageBytes(socket, bytes, start, end, isBinary) {
      const { receiver } = socket.data as WebSocketTransport;
      if (isBinary && end > start) receiver.block(bytes, start, end);
      else void socket.close(SessionCode.badPacket, "a message that is not a block");
    },
    drain(socket) {
      (socket.data as WebSocketTransport).receiver.drained();
    },
    close(socket, { code, reason }: CloseResult) {
      const transport = socket.data as WebSocketTransport;
      const { receiver } = transport;
      transport.receiver = NOBODY;
      const isSessionCode = code >= 4000 && code < 4600;
      receiver.closed(isSessionCode ? code : 0, reason);
    },
  };
}
