/**
 * What became of a message:
 * - `sent`: taken, and less than the high-water mark is buffered;
 * - `queued`: taken, but more than the high-water mark is buffered: wait for `drain` or `ready()`;
 * - `dropped`: not taken, since it did not fit within `maxBufferedBytes`;
 * - `closed`: not taken, since the connection is closing or gone.
 */
export type SendStatus = "sent" | "queued" | "dropped" | "closed";
