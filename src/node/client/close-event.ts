import {
  dictionary,
  domString,
  exposeInterface,
  requireArguments,
  unsignedShort,
  usvString,
} from "./web-idl.js";

type EventInit = NonNullable<ConstructorParameters<typeof Event>[1]>;

/** What a {@link CloseEvent} is made with. */
export interface CloseEventInit extends EventInit {
  readonly wasClean?: boolean | undefined;
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
}

/**
 * The event of a connection that is gone (WebSockets Standard §6). Node has a global of this name from 23 on, which is
 * another class.
 */
export class CloseEvent extends Event {
  readonly #wasClean: boolean;
  readonly #code: number;
  readonly #reason: string;

  constructor(type: string, init: CloseEventInit = {}) {
    // biome-ignore lint/complexity/noArguments: Web IDL tells a missing argument from undefined.
    requireArguments("new CloseEvent", 1, arguments.length);
    const {
      wasClean = false,
      code = 0,
      reason = "",
      ...rest
    } = dictionary<CloseEventInit>(init, "CloseEventInit");
    super(domString(type), rest);
    this.#wasClean = Boolean(wasClean);
    this.#code = unsignedShort(code);
    this.#reason = usvString(reason);
  }

  /** Whether both sides sent a close frame. */
  get wasClean(): boolean {
    return this.#wasClean;
  }

  /** The close code of the peer; 1005 if it gave none, 1006 if there was no close frame. */
  get code(): number {
    return this.#code;
  }

  /** The reason of the peer, possibly empty. */
  get reason(): string {
    return this.#reason;
  }
}

exposeInterface(CloseEvent, "CloseEvent", ["wasClean", "code", "reason"]);
