/** The states of a `WebSocket`, as in the HTML standard. */
export const ReadyState = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;

/** One of the states. */
export type ReadyStateValue = (typeof ReadyState)[keyof typeof ReadyState];

const NAMES: readonly string[] = Object.keys(ReadyState);

/** The message of the errors that say that a socket is not open. */
export function notOpenMessage(state: ReadyStateValue): string {
  return `WebSocket is not open: readyState ${state} (${NAMES[state]})`;
}
