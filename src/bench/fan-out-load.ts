import type { LoadMeter } from "./load-meter.js";
import type { LoadPeer } from "./load-peer.js";
import type { MessageCycle } from "./message-cycle.js";

/** How long a sender may wait for its own message before it is taken for one that gets none. */
const SELF_WAIT_MS = 250;

/**
 * Has the first connection send its windows, the next when every receiver has all of the one before. The first message
 * finds out whether the sender is a receiver, too.
 */
export function startFanOut(
  connections: readonly LoadPeer[],
  cycle: MessageCycle,
  meter: LoadMeter,
): () => void {
  const { window, first, again } = cycle;
  const sender = connections[0]!;
  const received = new Float64Array(connections.length);
  let isSenderServed: boolean | undefined;
  let writes = first;
  let next = 0;
  let missing = connections.length * window;
  let missingOfOthers = missing - window;
  let sentAt = 0;
  let isOver = false;

  const send = (now: number): void => {
    const write = writes[next]!;
    if (++next === writes.length) {
      next = 0;
      writes = again;
    }
    missing = (isSenderServed === false ? connections.length - 1 : connections.length) * window;
    missingOfOthers = (connections.length - 1) * window;
    sentAt = now;
    sender.write(write);
  };
  const askForSender = (): void => {
    setTimeout(() => {
      if (isSenderServed !== undefined || isOver) return;
      isSenderServed = false;
      if (meter.isRunning) send(performance.now());
    }, SELF_WAIT_MS);
  };

  connections.forEach((connection, index) => {
    connection.onAnswers = (count) => {
      const now = performance.now();
      meter.record(now - sentAt, count);
      received[index]! += count;
      missing -= count;
      if (index === 0) isSenderServed = true;
      else missingOfOthers -= count;
      if (!meter.isRunning) return;
      if (missing === 0) send(now);
      else if (missing < 0) connection.onGone?.("the peer sent more than it was given");
      else if (missingOfOthers === 0 && isSenderServed === undefined) askForSender();
    };
    connection.onGone = (reason) => {
      if (isOver || !meter.isRunning) return;
      isOver = true; // Without one of the receivers no window is ever complete.
      meter.fault(reason);
      meter.onStall?.();
    };
  });
  send(performance.now());
  return () => {
    const silent = received.filter((count, index) => count === 0 && index > 0).length;
    for (let i = 0; i < silent; i++) meter.fault("a connection got no message at all");
  };
}
