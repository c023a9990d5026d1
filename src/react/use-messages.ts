import type { Session } from "hawser";
import { useEffect, useRef } from "react";

/**
 * Calls `listener` for the messages of a channel, as long as the component is mounted: that of the last rendering. A channel has
 * one receiver: a second component takes it away from the first, and keeps it when that one is unmounted.
 *
 * @param channel its name; the empty one is the channel that every session has.
 * @param listener a promise that it returns holds the channel back, as with `receive`.
 */
export function useMessages(
  session: Session | undefined,
  channel: string,
  listener: (data: string | Uint8Array) => void | Promise<void>,
): void {
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => {
    if (session === undefined) return;
    return session.receive(channel, { message: (data) => latest.current(data) });
  }, [session, channel]);
}
