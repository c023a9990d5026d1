import type { StandardSchema } from "../codec/standard-schema.js";
import type { CallSettings, StreamSettings } from "./contract-types.js";
import type { Conversation } from "./conversation.js";
import type { CallDefinition, Contract, Role, StreamDefinition } from "./definitions.js";
import { goesTo, schemaOf } from "./directed-event.js";

/** What {@link remoteSurface} makes for one conversation. */
export interface Surface {
  readonly call: object;
  readonly stream: object;
  readonly emit: object;
  readonly on: object;
}

/**
 * What an application sees of the other side, from the names of a contract. A conversation gets an object for each kind,
 * and the functions in it when they are first asked for: most use a few of them, and a server has many conversations.
 */
export function remoteSurface(contract: Contract, other: Role): (conversation: Conversation) => Surface {
  const own: Role = other === "client" ? "server" : "client";
  const calls = byName(contract.calls, (definition) => definition.by === other);
  const streams = byName(contract.streams, (definition) => definition.by === other);
  const sent = byName(contract.events, (event) => goesTo(event, other));
  const heard = byName(contract.events, (event) => goesTo(event, own));

  const call = lazyMembers(calls, (conversation, name, definition: CallDefinition) =>
    definition.input === undefined
      ? (_input: undefined, settings?: CallSettings) =>
          conversation.calls.make(name, definition, undefined, settings)
      : (input: unknown, settings?: CallSettings) =>
          conversation.calls.make(name, definition, input, settings),
  );
  const stream = lazyMembers(streams, (conversation, name, definition: StreamDefinition) =>
    definition.up === undefined
      ? (input: unknown, settings?: StreamSettings) =>
          conversation.opened!.open(name, definition, input, undefined, settings)
      : (input: unknown, values: AsyncIterable<unknown>, settings?: StreamSettings) =>
          conversation.opened!.open(name, definition, input, values, settings),
  );
  const emit = lazyMembers(sent, (conversation, name, event) => {
    const schema = schemaOf(event);
    return (value: unknown) => conversation.emit(name, schema, value);
  });
  const on = lazyMembers(
    heard,
    (conversation, name) => (listener: (value: unknown) => unknown) =>
      conversation.events.listen(name, listener),
  );
  return (conversation) => ({
    call: call(conversation),
    stream: stream(conversation),
    emit: emit(conversation),
    on: on(conversation),
  });
}

function byName<Definition>(
  definitions: Readonly<Record<string, Definition>>,
  isWanted: (definition: Definition) => boolean,
): [string, Definition][] {
  return Object.entries(definitions).filter(([, definition]) => isWanted(definition));
}

const CONVERSATION = Symbol("conversation");

interface LazyObject {
  readonly [CONVERSATION]: Conversation;
}

function lazyMembers<Definition extends CallDefinition | StreamDefinition | StandardSchema | object>(
  definitions: readonly (readonly [string, Definition])[],
  make: (conversation: Conversation, name: string, definition: Definition) => unknown,
): (conversation: Conversation) => object {
  // Without a prototype: a call may be named `constructor`.
  const prototype: object = Object.create(null) as object;
  for (const [name, definition] of definitions) {
    Object.defineProperty(prototype, name, {
      enumerable: true,
      get(this: LazyObject) {
        const value = make(this[CONVERSATION], name, definition);
        Object.defineProperty(this, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return (conversation) => Object.create(prototype, { [CONVERSATION]: { value: conversation } }) as object;
}
