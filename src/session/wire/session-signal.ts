// Numbers that stand alone, for bundlers.

/** Client: new credentials for this session; they are the rest of the signal. */
export const CREDENTIALS_SIGNAL = 1;
/** Server: new credentials, please. */
export const ASK_FOR_CREDENTIALS_SIGNAL = 2;

/** What the layers above the sessions tell each other (`docs/wire/session-v1.md` §5.5). */
export const SessionSignal = {
  /** Client: new credentials for this session; they are the rest of the signal. */
  credentials: 1,
  /** Server: new credentials, please. */
  askForCredentials: 2,
} as const;
