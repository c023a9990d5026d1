// hawser/react: sessions in React components. `react` is a peer dependency, of this entry alone.

export { useMessages } from "../react/use-messages.js";
export { useSession } from "../react/use-session.js";
export { useSessionState } from "../react/use-session-state.js";
