import { Duplex, type DuplexOptions } from "node:stream";
import { nextTick } from "../../node/next-tick.js";
import type { WebSocket } from "./websocket.js";

/**
 * A `Duplex` over a WebSocket. Each chunk that is written is a message; each message that comes is a chunk. Reading too
 * slowly pauses the socket; `end` closes it, destroying drops it.
 * @param options those of `Duplex`, but without `objectMode`, which only `readableObjectMode` can set.
 */
export function createWebSocketStream(websocket: WebSocket, options?: DuplexOptions): Duplex {
  /** Not where the socket failed: a close frame that tells the peer why may be on its way. */
  let isDroppedWhenDestroyed = true;

  const duplex = new Duplex({
    ...options,
    autoDestroy: false,
    emitClose: false,
    objectMode: false,
    writableObjectMode: false,

    read() {
      if (websocket.isPaused) websocket.resume();
    },

    write(chunk: Buffer, _encoding, callback) {
      whenOpen(() => websocket.send(chunk, callback));
    },

    final(callback) {
      whenOpen(() => {
        const socket = websocket._socket;
        if (socket === null) return; // the opening failed; `error` follows
        if (socket.writableFinished) {
          callback();
          if (duplex.readableEnded) duplex.destroy();
          return;
        }
        // Not destroyed here: the end of what is read comes with the close of the socket.
        socket.once("finish", () => callback());
        websocket.close();
      });
    },

    destroy(error, callback) {
      if (websocket.readyState === websocket.CLOSED) {
        callback(error);
        nextTick(() => duplex.emit("close"));
        return;
      }
      let isCalled = false;
      websocket.once("error", (failure) => {
        isCalled = true;
        callback(failure);
      });
      websocket.once("close", () => {
        if (!isCalled) callback(error);
        nextTick(() => duplex.emit("close"));
      });
      if (isDroppedWhenDestroyed) websocket.terminate();
    },
  });

  function whenOpen(action: () => void): void {
    if (websocket.readyState === websocket.CONNECTING) websocket.once("open", action);
    else action();
  }

  websocket.on("message", (data, isBinary) => {
    const chunk: unknown = !isBinary && duplex.readableObjectMode ? String(data) : data;
    if (!duplex.push(chunk)) websocket.pause();
  });
  websocket.once("error", (error) => {
    if (duplex.destroyed) return;
    isDroppedWhenDestroyed = false;
    duplex.destroy(error);
  });
  websocket.once("close", () => {
    if (!duplex.destroyed) duplex.push(null);
  });
  duplex.on("end", () => {
    if (!duplex.destroyed && duplex.writableFinished) duplex.destroy();
  });
  duplex.on("error", destroyOnError);
  return duplex;
}

function destroyOnError(this: Duplex, error: Error): void {
  this.removeListener("error", destroyOnError);
  this.destroy();
  // Nobody else listens: it is to be thrown, as every error without a listener.
  if (this.listenerCount("error") === 0) this.emit("error", error);
}
