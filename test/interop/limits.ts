/** What both sides must be told to accept, since some scenarios send as much as this. */
export const MAX_MESSAGE_BYTES: number = 64 * 1024 * 1024;
