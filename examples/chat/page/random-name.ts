/** 32 hexadecimal digits that nobody guesses. `crypto.randomUUID` is for pages over TLS only, and a phone in the same room has none. */
export function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
