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

  const call = lazyMembers(calls, (conversation, name, definition: CallDefinition) => {
    const sent = withInput(definition);
    return (input: unknown, settings?: CallSettings) =>
      conversation.calls.make(name, sent, passed(conversation, definition, input), settings);
  });
  const stream = lazyMembers(streams, (conversation, name, definition: StreamDefinition) => {
    const sent = withInput(definition);
    const open = (input: unknown, values?: AsyncIterable<unknown>, settings?: StreamSettings): object =>
      conversation.opened!.open(name, sent, passed(conversation, definition, input), values, settings);
    return definition.up === undefined
      ? (input: unknown, settings?: StreamSettings) => open(input, undefined, settings)
      : open;
  });
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

/** Settings stand behind the input: who passes them in its place would else not hear that they count for nothing. */
const NO_INPUT: StandardSchema = {
  "~standard": {
    version: 1,
    vendor: "hawser",
    validate: (value) =>
      value === undefined
        ? { value }
        : { issues: [{ message: "it has no input: pass undefined before the settings" }] },
  },
};

function withInput<Definition extends CallDefinition | StreamDefinition>(definition: Definition): Definition {
  return definition.input === undefined ? { ...definition, input: NO_INPUT } : definition;
}

/** Where nobody checks it, what has no schema is not sent. */
function passed(
  { side }: Conversation,
  { input: schema }: CallDefinition | StreamDefinition,
  input: unknown,
): unknown {
  return schema === undefined && !side.checkSent ? undefined : input;
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
