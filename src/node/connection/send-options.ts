/** How a message is sent. */
export interface SendOptions {
  /**
   * Send as binary, or as text. By default strings are text and bytes binary, which is what they nearly always are. Text
   * given as bytes must be UTF-8.
   */
  readonly binary?: boolean | undefined;
  /**
   * Compress it, or do not, where permessage-deflate is in use. By default if it is at least `compressFromBytes` long: below,
   * the gain rarely pays the time.
   */
  readonly compress?: boolean | undefined;
}
