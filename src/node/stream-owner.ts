import type { Duplex } from "node:stream";

/** Who is told what happens on a stream: one at a time. */
export interface StreamOwner {
  /** Bytes came. Only after {@link readData}. */
  onData(chunk: Buffer): void;
  /** The peer ended its direction. */
  onEnd(): void;
  /** Something failed; `onClose` follows. */
  onError(error: unknown): void;
  /** The stream is gone. */
  onClose(): void;
  /** What was written has left. */
  onDrain(): void;
}

/** Finds the owner of a stream in the listeners that all streams share. */
const OWNER = Symbol("hawser owner");
type OwnedStream = Duplex & { [OWNER]?: StreamOwner | undefined };

/**
 * Makes `owner` the one who is told; whoever was before is told nothing more. The listeners are the same for all streams
 * and stay where they are: one each would cost more than the parser, and to take one off costs Node more than both.
 */
export function ownStream(stream: Duplex, owner: StreamOwner): void {
  const owned = stream as OwnedStream;
  const isNew = owned[OWNER] === undefined;
  owned[OWNER] = owner;
  if (!isNew) return;
  stream.on("end", onEnd);
  stream.on("error", onError);
  stream.on("close", onClose);
  stream.on("drain", onDrain);
}

/** Has the owner told of what comes, by `data` events; the stream flows from now on. */
export function readData(stream: Duplex): void {
  if (!stream.listeners("data").includes(onData)) stream.on("data", onData);
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
