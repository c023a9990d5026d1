/** A channel as its receiver sees it. The fields are the session's to change. */
export class IncomingChannel {
  /** Its name; empty for the one that every session has. */
  readonly name: string;
  /** Its number on the wire. */
  readonly number: number;
  /** Whether it was refused: what still comes is skipped. */
  isRefused = false;
  /** Yours: what the layer above keeps with it, such as who takes its messages. */
  data: unknown = undefined;

  constructor(name: string, number: number) {
    this.name = name;
    this.number = number;
  }
}
