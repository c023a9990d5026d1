/** Above the largest message of the suite. */
export const MAX_MESSAGE_BYTES: number = 32 * 1_048_576;

/** What Hawser has to be told to take the messages of the suite. */
export const ECHO_LIMITS = {
  maxMessageBytes: MAX_MESSAGE_BYTES,
  maxFrameBytes: MAX_MESSAGE_BYTES,
  maxBufferedBytes: 2 * MAX_MESSAGE_BYTES,
};
