import { type ClientConnection, connect } from "hawser/client";
import type { TransportReceiver } from "#session/transport-port.js";
import { SessionCode } from "#session/wire/session-code.js";
import type { TestDialer, TestTransport } from "./test-dialer.js";

const NOBODY: TransportReceiver = { block() {}, drained() {}, lost() {}, closed() {} };

class TestWebSocket implements TestTransport {
  readonly name = "websocket";
  receiver: TransportReceiver = NOBODY;
  socket!: ClientConnection;

  get bufferedBytes(): number {
    return this.socket.bufferedBytes;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    this.socket.send(Buffer.from(bytes.subarray(start, end)));
  }

  close(code: number, reason: string): void {
    void this.socket.close(code, reason);
  }

  cut(): void {
    this.socket.terminate();
  }
}

/** `websocket`, over Hawser's own client. */
export const WEBSOCKET_DIALER: TestDialer = {
  name: "websocket",
  async dial(url, headers = {}) {
    const transport = new TestWebSocket();
    transport.socket = await connect(url.replace(/^http/, "ws"), {
      protocols: ["hawser.1"],
      headers,
      message: (_socket, data) => {
        const bytes = data as Buffer;
        transport.receiver.block(bytes, 0, bytes.length);
      },
      drain: () => transport.receiver.drained(),
      close: (_socket, { code, reason }) => {
        transport.receiver.closed(code >= SessionCode.fenced ? code : 0, reason);
      },
    });
    return transport;
  },
};
