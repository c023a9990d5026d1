import { SharedPieces } from "../../core/shared-pieces.js";
import { nextTick } from "../next-tick.js";

/** Something that gathers output during a turn of the event loop. */
export interface Flushable {
  flush(): void;
}

let waiting: Flushable[] = [];
let depth = 0;
/** Whether the end of this turn is to come, or is here. */
let isScheduled = false;
let isExiting = false;
/** What the latest output of this turn that is shared begins with. */
let shared: SharedPieces | undefined;

/**
 * Runs `flush` when this turn ends: when the chunk that is being handled is done, or else as soon as the running
 * callback returns. Never later: there is no timer in it.
 */
export function endOfTurn(output: Flushable): void {
  waiting.push(output);
  if (isExiting) flushAll();
  else if (depth === 0 && !isScheduled) schedule();
}

function schedule(): void {
  isScheduled = true;
  nextTick(flushAll);
}

/** Output that begins with this piece, and may be that of other connections in this turn as well. */
export function firstShared(piece: Uint8Array): SharedPieces {
  return (shared = SharedPieces.of(piece, shared));
}

/** A chunk of input is going to be handled: output waits for its end. */
export function beginTurn(): void {
  depth++;
}

/** The chunk is done. */
export function endTurn(): void {
  if (--depth === 0 && waiting.length > 0) flushAll();
}

/** Ends the turn now. */
export function flushTurn(): void {
  flushAll();
}

/** For a process that exits, where no turn ends any more: this one does now, and what follows is flushed at once. */
export function flushFromNowOn(): void {
  isExiting = true;
  flushAll();
}

function flushAll(): void {
  isScheduled = true;
  try {
    // What is flushed may give others something to send, as sessions do to their sockets; and a stream that is no socket may hand on
    // what it is given at once, and its peer answer: go on until nothing is left.
    while (waiting.length > 0) {
      const outputs = waiting;
      waiting = [];
      for (const output of outputs) output.flush();
    }
  } finally {
    isScheduled = false;
    shared = undefined;
    if (waiting.length > 0) schedule();
  }
}
