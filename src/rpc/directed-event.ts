import type { StandardSchema } from "../codec/standard-schema.js";
import type { DirectedEvent, Role } from "./definitions.js";

/** An event that the client sends and the server receives. */
export function toServer<Schema extends StandardSchema>(schema: Schema): DirectedEvent<Schema, "server"> {
  return { kind: "event", to: "server", schema };
}

/** An event that the server sends and the client receives. */
export function toClient<Schema extends StandardSchema>(schema: Schema): DirectedEvent<Schema, "client"> {
  return { kind: "event", to: "client", schema };
}

/** The schema of an event, directed or not. */
export function schemaOf(event: StandardSchema | DirectedEvent): StandardSchema {
  return isDirected(event) ? event.schema : event;
}

/** Whether an event goes to a side. */
export function goesTo(event: StandardSchema | DirectedEvent, role: Role): boolean {
  return !isDirected(event) || event.to === role;
}

function isDirected(event: StandardSchema | DirectedEvent): event is DirectedEvent {
  return (event as { readonly kind?: unknown } | null)?.kind === "event";
}
