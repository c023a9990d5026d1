// Runs in a page, bundled: React with the hooks of hawser/react, in strict mode.
import type { Session } from "hawser";
import { useMessages, useSession, useSessionState } from "hawser/react";
import { createElement, type ReactNode, StrictMode, useState } from "react";
import { flushSync } from "react-dom";
import { createRoot, type Root } from "react-dom/client";

interface AppProps {
  readonly url: string | undefined;
  readonly prefix: string;
  /** What else listens to the channel `side`, each by its name. */
  readonly listeners?: readonly string[];
}

function Listener({ session, add }: { session: Session | undefined; add(data: unknown): void }): ReactNode {
  useMessages(session, "side", add);
  return null;
}

function App({ url, prefix, listeners = [] }: AppProps): ReactNode {
  const [lines, setLines] = useState<readonly string[]>([]);
  const add = (data: string | Uint8Array): void => setLines((before) => [...before, `${prefix}${data}`]);
  const session = useSession(url, {
    message: (_session, data) => add(data),
    state: (_session, { status }) => add(`is ${status}`),
    credentials() {
      add("is asked who it is");
      return "ada";
    },
  });
  const state = useSessionState(session);
  useMessages(session, "news", (data) => add(`news: ${data}`));
  return createElement(
    "main",
    null,
    createElement("p", { id: "state" }, state.status),
    createElement("button", { type: "button", onClick: () => session?.send("clicked") }, "Send"),
    lines.map((line, at) => createElement("li", { key: `${at} ${line}` }, line)),
    listeners.map((key) =>
      createElement(Listener, { key, session, add: (data: unknown) => add(`${key}: ${data}`) }),
    ),
  );
}

let root: Root | undefined;

/** Shows the component, or shows it anew with other properties; it is there, its effects too, when this returns. */
export function show(props: AppProps): void {
  const shown = (root ??= createRoot(document.body));
  flushSync(() => shown.render(createElement(StrictMode, null, createElement(App, props))));
}

/** Takes it away. */
export function hide(): void {
  root?.unmount();
  root = undefined;
}

Object.assign(globalThis, { reactPage: { show, hide } });
