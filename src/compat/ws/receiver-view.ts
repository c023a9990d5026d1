import { EventEmitter } from "node:events";

/** What of a receiver can be changed while it works. */
export interface ReceiverSettings {
  maxPayload: number;
  skipUTF8Validation: boolean;
  binaryType: string;
}

/**
 * What programs look for in `_receiver` of a `WebSocket`: its limit, which some raise once a peer has shown who it is. The
 * receiving itself is done by the engine, and no event is emitted here.
 */
export class ReceiverView extends EventEmitter {
  readonly #settings: ReceiverSettings;
  readonly #apply: () => void;
  readonly _isServer: boolean;
  readonly _extensions: object;
  readonly _writableState: {
    readonly needDrain: boolean;
    readonly finished: boolean;
    readonly errorEmitted: boolean;
  };

  /** @param apply called after a change. */
  constructor(settings: ReceiverSettings, isServer: boolean, extensions: object, apply: () => void) {
    super();
    this.#settings = settings;
    this.#apply = apply;
    this._isServer = isServer;
    this._extensions = extensions;
    this._writableState = { needDrain: false, finished: false, errorEmitted: false };
  }

  get _maxPayload(): number {
    return this.#settings.maxPayload;
  }

  set _maxPayload(value: number) {
    this.#settings.maxPayload = value;
    this.#apply();
  }

  get _skipUTF8Validation(): boolean {
    return this.#settings.skipUTF8Validation;
  }

  set _skipUTF8Validation(value: boolean) {
    this.#settings.skipUTF8Validation = value;
    this.#apply();
  }

  get _binaryType(): string {
    return this.#settings.binaryType;
  }
}
