/** Called when what was sent has left for the operating system, or with why it cannot any more. */
export type SentCallback = (error?: Error) => void;
