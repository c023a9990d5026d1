import type { LoadMeter } from "./load-meter.js";
import type { LoadPeer } from "./load-peer.js";
import type { MessageCycle } from "./message-cycle.js";

/** Has each connection send its windows and wait for them. Gives a check of who was never answered. */
export function startEcho(
  connections: readonly LoadPeer[],
  cycle: MessageCycle,
  meter: LoadMeter,
): () => void {
  const { window, first, again } = cycle;
  const answered = new Float64Array(connections.length);
  const isAlive = new Uint8Array(connections.length).fill(1);
  let alive = connections.length;
  connections.forEach((connection, index) => {
    let writes = first;
    let next = 0;
    let waiting = window;
    let sentAt = 0;
    const send = (now: number): void => {
      const write = writes[next]!;
      if (++next === writes.length) {
        next = 0;
        writes = again;
      }
      waiting = window;
      sentAt = now;
      connection.write(write);
    };
    connection.onAnswers = (count) => {
      const now = performance.now();
      meter.record(now - sentAt, count);
      answered[index]! += count;
      waiting -= count;
      if (waiting > 0 || !meter.isRunning) return;
      if (waiting < 0) connection.onGone?.("the peer sent more than answers");
      else send(now);
    };
    connection.onGone = (reason) => {
      if (meter.isRunning) meter.fault(reason);
      if (isAlive[index] === 0) return;
      isAlive[index] = 0;
      connection.destroy();
      if (--alive === 0) meter.onStall?.();
    };
    send(performance.now());
  });
  return () => {
    const silent = answered.filter((count, index) => count === 0 && isAlive[index] === 1).length;
    for (let i = 0; i < silent; i++) meter.fault("a connection got no answer at all");
  };
}
