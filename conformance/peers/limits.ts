/** Above the largest message of the suite. */
export const MAX_MESSAGE_BYTES: number = 32 * 1_048_576;

/** As many as a message of `--full` has, and more than `ws` takes by default. */
export const MAX_FRAGMENTS: number = 65_536;

/** What Hawser has to be told to take the messages of the suite. */
export const ECHO_LIMITS = {
  maxMessageBytes: MAX_MESSAGE_BYTES,
  maxFrameBytes: MAX_MESSAGE_BYTES,
  maxBufferedBytes: 2 * MAX_MESSAGE_BYTES,
};
