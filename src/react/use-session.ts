import { type ConnectOptions, connect, type Session } from "hawser";
import { useEffect, useRef, useState } from "react";

/**
 * A session that lives as long as the component: it begins when the component is mounted, and is closed when it is unmounted or
 * has another `url`. Undefined before that, and on a server that renders: {@link useSessionState} says `connecting` then. In
 * React's strict mode the first one is closed before it has said anything. Behind that, `message`, `state` and `reset` hear nothing of
 * it any more.
 *
 * @param url as for `connect`; undefined for no session, as long as nobody is logged in, say.
 * @param options as for `connect`. Of handlers and of the `credentials` function it is those of the last rendering that are
 * called; all else counts when the session begins. A component that is to begin another one is given another `key`.
 * @throws `UsageError` as `connect`, when the component is mounted.
 */
export function useSession(url: string | undefined, options: ConnectOptions = {}): Session | undefined {
  const [session, setSession] = useState<Session>();
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    if (url === undefined) return;
    const { credentials, message } = latest.current;
    /** What the component said last, once it has let go of the session: what is another one's then is not for this session. */
    let left: ConnectOptions | undefined;
    const now = (): ConnectOptions => left ?? latest.current;
    const listening = (): ConnectOptions | undefined => (left === undefined ? latest.current : undefined);
    const begun = connect(url, {
      ...latest.current,
      // Without a handler messages are refused, so there is one only where there was one.
      ...(message !== undefined && {
        message: (one: Session, data: string | Uint8Array) => listening()?.message?.(one, data),
      }),
      ...(typeof credentials === "function" && {
        async credentials() {
          // In strict mode the session of the first mounting is closed in the very turn in which it begins: nobody is asked for it.
          await undefined;
          if (begun.state.status === "closed") return "";
          const given = now().credentials;
          return await (typeof given === "function" ? given() : (given ?? ""));
        },
      }),
      state: (one, state) => listening()?.state?.(one, state),
      reset: (one, reset) => listening()?.reset?.(one, reset),
      error(one, error) {
        const options = now();
        if (options.error !== undefined) options.error(one, error);
        else reportError(error);
      },
    });
    setSession(begun);
    return () => {
      left = latest.current;
      setSession(undefined);
      void begun.close();
    };
  }, [url]);
  return session;
}
