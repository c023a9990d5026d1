import { createHash } from "node:crypto";
import type { SeededRandom } from "#testbed/seeded-random.js";

/** Whose sequence a message is in: that of its connection, or that of the server's broadcasts. */
export type Channel = "C" | "B";

/** The other channel of a session, beside the one that each has. */
export const SIDE_CHANNEL = "side";
/** How the sessions of the soak are closed, so that it is known whose count is in the reason. */
export const CLOSED_BY_CLIENT = 4500;
export const CLOSED_BY_SERVER = 4501;

/** A message: text or bytes. */
export type Payload = string | Buffer;

const HASH_CHARACTERS = 16;
/** Channel, sequence number, checksum. */
const HEADER_CHARACTERS = 1 + 8 + HASH_CHARACTERS;
const MAX_BODY_CHARACTERS = 1024 * 1024;

/** What bodies are cut from: text with characters of one to four bytes, and bytes that do not compress. */
export class Bodies {
  readonly #text: string;
  readonly #bytes: Buffer;
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
    const words = Array.from({ length: 500 }, () => random.bytes(random.integer(1, 9)).toString("base64url"));
    words.push("grün", "кот", "水母", "🦑", " ", "\n");
    let text = "";
    while (text.length < 2 * MAX_BODY_CHARACTERS) text += `${random.pick(words)} `;
    this.#text = text;
    this.#bytes = random.bytes(2 * MAX_BODY_CHARACTERS);
  }

  /** Mostly short, seldom up to 1 MiB; text or bytes, a part of which compresses well. */
  next(): Payload {
    const random = this.#random;
    const most = random.chance(0.8) ? 1_000 : random.chance(0.9) ? 65_536 : MAX_BODY_CHARACTERS;
    const length = random.chance(0.03) ? 0 : random.integer(0, most);
    const start = random.integer(0, MAX_BODY_CHARACTERS);
    if (random.chance(0.3)) return this.#bytes.subarray(start, start + length);
    const text = wellFormed(this.#text.slice(start, start + length));
    return random.chance(0.3) ? Buffer.from(text) : text;
  }
}

/** A body with its place in the sequence and its checksum in front. */
export function sealed(channel: Channel, sequence: number, body: Payload): Payload {
  const header = `${channel}${sequence.toString(36).padStart(8, "0")}${checksum(body)}`;
  return typeof body === "string" ? header + body : Buffer.concat([Buffer.from(header, "latin1"), body]);
}

/** Checks that what comes over a connection is a prefix of what was sent: nothing lost, doubled, swapped or altered. */
export class SequenceChecker {
  /** How many messages of the connection's own came. */
  received = 0;
  #nextBroadcast: number | undefined = undefined;
  readonly #mayMissBroadcasts: boolean;

  /** @param mayMissBroadcasts whether a broadcast is left out where there is no room for it, as with sessions. */
  constructor(mayMissBroadcasts = false) {
    this.#mayMissBroadcasts = mayMissBroadcasts;
  }

  /** What is wrong with the message, or undefined. */
  check(message: Payload): string | undefined {
    const isText = typeof message === "string";
    const header = isText
      ? message.slice(0, HEADER_CHARACTERS)
      : message.toString("latin1", 0, HEADER_CHARACTERS);
    const body = isText ? message.slice(HEADER_CHARACTERS) : message.subarray(HEADER_CHARACTERS);
    const sequence = Number.parseInt(header.slice(1, 9), 36);
    if (checksum(body) !== header.slice(9)) return `message ${header} was altered (${body.length} long)`;
    if (header.startsWith("B")) {
      const expected = this.#nextBroadcast ?? sequence; // who connects later hears no earlier ones
      this.#nextBroadcast = sequence + 1;
      if (this.#mayMissBroadcasts && sequence > expected) return undefined;
      return sequence === expected ? undefined : `broadcast ${sequence} came instead of ${expected}`;
    }
    const expected = this.received++;
    return sequence === expected ? undefined : `message ${sequence} came instead of ${expected}`;
  }
}

/** What the reason of a close frame says: how many messages were sent before it. */
export function countReason(count: number): string {
  return `sent=${count}`;
}

/** What is wrong with a clean close that says how much was sent, or undefined. */
export function checkCount(reason: string, received: number): string | undefined {
  const sent = /^sent=(\d+)$/.exec(reason)?.[1];
  if (sent === undefined || Number(sent) === received) return undefined;
  return `closed cleanly after ${sent} messages, of which ${received} came`;
}

function checksum(body: Payload): string {
  return createHash("sha1").update(body).digest("hex").slice(0, HASH_CHARACTERS);
}

/** A slice may begin or end inside of a surrogate pair. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
