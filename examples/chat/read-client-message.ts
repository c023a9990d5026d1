import { isCloseCodeAllowed } from "hawser/protocol";
import { type ClientMessage, MAX_NAME_LENGTH, MAX_TEXT_LENGTH } from "./messages.js";

/** A close frame has 125 bytes, and the code takes two of them (RFC 6455 §5.5.1). */
const MAX_REASON_BYTES = 123;

/** What the page said, or undefined if it is nothing that our page would say. A peer's bytes are never trusted. */
export function readClientMessage(json: string): ClientMessage | undefined {
  const { type, text, name, code, reason } = fieldsOf(json);
  switch (type) {
    case "say":
      if (typeof text !== "string" || text.trim() === "" || text.length > MAX_TEXT_LENGTH) return undefined;
      return { type, text };
    case "rename":
      return typeof name === "string" ? { type, name: cleanName(name) } : undefined;
    case "close":
      if (typeof code !== "number" || !isCloseCodeAllowed(code, "server")) return undefined;
      if (typeof reason !== "string" || Buffer.byteLength(reason) > MAX_REASON_BYTES) return undefined;
      return { type, code, reason };
    case "typing":
    case "ping":
      return { type };
    default:
      return undefined;
  }
}

/** One line without invisible characters, neither empty nor too long. */
export function cleanName(name: string): string {
  const line = name.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  return [...line].slice(0, MAX_NAME_LENGTH).join("") || "Somebody";
}

function fieldsOf(json: string): Readonly<Partial<Record<string, unknown>>> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
