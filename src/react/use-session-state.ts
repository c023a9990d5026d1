import type { Session, SessionState } from "hawser";
import { useCallback, useSyncExternalStore } from "react";

const CONNECTING: SessionState = { status: "connecting" };

/**
 * What a session is doing; the component is rendered anew when that changes. Without a session, and on a server that renders:
 * `connecting`.
 */
export function useSessionState(session: Session | undefined): SessionState {
  return useSyncExternalStore(
    useCallback((changed) => session?.subscribe(changed) ?? (() => {}), [session]),
    () => session?.state ?? CONNECTING,
    () => CONNECTING,
  );
}
