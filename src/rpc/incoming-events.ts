import { checkValue, type SchemaIssue } from "../codec/standard-schema.js";
import { isThenable } from "../core/is-thenable.js";
import { thrownMessage } from "../core/thrown-message.js";
import { CallError } from "./call-error.js";
import type { Message } from "./message-kind.js";
import type { ConversationPort } from "./parts.js";

/** How many wrong events of a session are told: enough to see what is wrong, and too few to fill a log. */
const MAX_TOLD_FAULTS = 16;

type Listener = (value: unknown, context: unknown) => unknown;

/** The events that this side receives, on one session after the other. */
export class IncomingEvents {
  readonly #conversation: ConversationPort;
  #listeners: Map<string, Set<Listener>> | undefined;
  #faultsLeft = MAX_TOLD_FAULTS;

  constructor(conversation: ConversationPort) {
    this.#conversation = conversation;
  }

  listen(name: string, listener: (value: unknown) => unknown): () => void {
    this.#listeners ??= new Map();
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()));
    // One that is given twice is called twice, and each is ended for itself.
    const one = (value: unknown): unknown => listener(value);
    listeners.add(one);
    return () => void listeners.delete(one);
  }

  /** `[event, name, value]`. False if it breaks the rules. */
  receive([, name, value]: Message): boolean {
    if (typeof name !== "string") return false;
    const event = this.#conversation.side.events.get(name);
    if (event === undefined) {
      this.#fault("UNKNOWN_NAME", `an event that this contract does not have: ${name.slice(0, 64)}`);
      return true;
    }
    const checked = checkValue(event.schema, value);
    if (isThenable(checked)) this.#fault("INVALID_INPUT", `event ${name}: its schema is asynchronous`);
    else if (checked.issues !== undefined) {
      this.#fault("INVALID_INPUT", `event ${name}: the value does not fit its schema`, checked.issues);
    } else {
      if (event.handler !== undefined) this.#tell(name, event.handler, checked.value);
      const listeners = this.#listeners?.get(name);
      if (listeners !== undefined)
        for (const listener of listeners) this.#tell(name, listener, checked.value);
    }
    return true;
  }

  /** Another session begins. */
  begin(): void {
    this.#faultsLeft = MAX_TOLD_FAULTS;
  }

  #tell(name: string, listener: Listener, value: unknown): void {
    const failed = (cause: unknown): void => {
      const message = `event ${name}: a listener threw: ${thrownMessage(cause)}`;
      this.#report(new CallError("HANDLER_FAILED", message, { cause }));
    };
    try {
      const returned = listener(value, this.#conversation);
      if (isThenable(returned)) returned.then(undefined, failed);
    } catch (cause) {
      failed(cause);
    }
  }

  #fault(code: "UNKNOWN_NAME" | "INVALID_INPUT", message: string, issues?: readonly SchemaIssue[]): void {
    if (this.#faultsLeft-- > 0) this.#report(new CallError(code, message, { issues }));
  }

  #report(error: CallError): void {
    this.#conversation.side.report(error, this.#conversation.peer);
  }
}
