type EventInit = NonNullable<ConstructorParameters<typeof Event>[1]>;

/** What a {@link CloseEvent} is made with. */
export interface CloseEventInit extends EventInit {
  readonly wasClean?: boolean | undefined;
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
}

/** The event of a connection that is gone (WebSockets Standard §6). Node has a global of this name from 23 on only. */
export class CloseEvent extends Event {
  /** Whether both sides sent a close frame. */
  readonly wasClean: boolean;
  /** The close code of the peer; 1005 if it gave none, 1006 if there was no close frame. */
  readonly code: number;
  /** The reason of the peer, possibly empty. */
  readonly reason: string;

  constructor(type: string, init: CloseEventInit = {}) {
    super(type, init);
    this.wasClean = init.wasClean ?? false;
    this.code = init.code ?? 0;
    this.reason = init.reason ?? "";
  }

  get [Symbol.toStringTag](): string {
    return "CloseEvent";
  }
}
