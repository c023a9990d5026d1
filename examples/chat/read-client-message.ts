import { type ClientMessage, MAX_NAME_LENGTH, MAX_TEXT_LENGTH } from "./messages.js";

/** What the page said, or undefined if it is nothing that our page would say. A peer's bytes are never trusted. */
export function readClientMessage(json: string): ClientMessage | undefined {
  const { type, text, name, number, isOn, isBlocked } = fieldsOf(json);
  switch (type) {
    case "say":
      if (typeof text !== "string" || text.trim() === "" || text.length > MAX_TEXT_LENGTH) return undefined;
      return typeof number === "number" ? { type, text, number } : undefined;
    case "rename":
      return typeof name === "string" ? { type, name: cleanName(name) } : undefined;
    case "traffic":
      return typeof isOn === "boolean" ? { type, isOn } : undefined;
    case "block":
      return typeof isBlocked === "boolean" ? { type, isBlocked } : undefined;
    case "typing":
    case "cut":
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
