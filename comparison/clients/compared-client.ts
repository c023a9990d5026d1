/** A client of any of the libraries, as far as it is compared. */
export interface ComparedClient {
  /** Sends text; while it is not connected, as the library does it. */
  send(text: string): void;
  close(): void;
}

/** What a {@link ComparedClient} tells. */
export interface ComparedClientEvents {
  opened(): void;
  message(text: string): void;
}

/** How quickly clients come back, in ms: the same for all. */
export const RECONNECT_MS = 50;
export const MAX_RECONNECT_MS = 200;
