import type { Duplex } from "node:stream";
import type { ByteStream } from "./byte-stream.js";
import { RawSocket } from "./raw-socket.js";
import type { StreamOwner } from "./stream-owner.js";

/** Finds the owner of a stream in the listeners that all streams share. */
const OWNER = Symbol("hawser owner");
type OwnedStream = Duplex & { [OWNER]?: StreamOwner | undefined };

/**
 * Makes `owner` the one who is told; whoever was before is told nothing more. The listeners are the same for all streams
 * and stay where they are: one each would cost more than the parser, and to take one off costs Node more than both.
 */
export function ownStream(stream: ByteStream, owner: StreamOwner): void {
  if (stream instanceof RawSocket) {
    stream.owner = owner;
    return;
  }
  const owned = stream as OwnedStream;
  const isNew = owned[OWNER] === undefined;
  owned[OWNER] = owner;
  if (!isNew) return;
  owned.on("end", onEnd);
  owned.on("error", onError);
  owned.on("close", onClose);
  owned.on("drain", onDrain);
}

/** Has the owner told of what comes, once the stream is resumed: by `data` events, where it is a stream of Node. */
export function readData(stream: ByteStream): void {
  if (stream instanceof RawSocket) return;
  const duplex = stream as Duplex;
  if (!duplex.listeners("data").includes(onData)) duplex.on("data", onData);
}

/** Takes all listeners off again: the stream is handed to somebody who knows nothing of owners. */
export function disownStream(stream: Duplex): void {
  (stream as OwnedStream)[OWNER] = undefined; // to delete it would make an object with slow fields of the stream
  stream.off("data", onData);
  stream.off("end", onEnd);
  stream.off("error", onError);
  stream.off("close", onClose);
  stream.off("drain", onDrain);
}

/** The owner, for callbacks of Node that give the stream only. */
export function ownerOf(stream: Duplex): StreamOwner {
  return (stream as OwnedStream)[OWNER]!;
}

function onData(this: Duplex, chunk: Buffer): void {
  ownerOf(this).onData(chunk);
}

function onEnd(this: Duplex): void {
  ownerOf(this).onEnd();
}

function onError(this: Duplex, error: unknown): void {
  ownerOf(this).onError(error);
}

function onClose(this: Duplex): void {
  ownerOf(this).onClose();
}

function onDrain(this: Duplex): void {
  ownerOf(this).onDrain();
}
