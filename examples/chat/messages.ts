// What page and server of the chat say to each other: JSON in text messages. An image is a binary message, the file as it
// is. Numbered messages go on a channel of their own.
import type { NumberCounts } from "./number-tally.js";

/** The longest text of a message, in UTF-16 code units, as `maxlength` of a text field counts. */
export const MAX_TEXT_LENGTH = 4_000;
/** The longest name. */
export const MAX_NAME_LENGTH = 24;
/** The largest image, and so the largest message. */
export const MAX_IMAGE_BYTES = 2 * 1024 * 1024;
/** What may wait to be confirmed, either way: some images. */
export const MAX_OUTBOX_BYTES = 8 * 1024 * 1024;
/** The images that are let through. No SVG: it is a document that can contain scripts. */
export const IMAGE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"] as const;

/** The channel of the numbered messages. What is sent on it does not hold up the chat. */
export const NUMBERS_CHANNEL = "numbers";
/** How often one goes each way, in ms. */
export const NUMBERS_INTERVAL_MS = 200;

export type ImageType = (typeof IMAGE_TYPES)[number];

/** Somebody in the chat: one open tab. */
export interface Person {
  readonly id: number;
  readonly name: string;
}

/** Somebody who is in the chat, reached just now or not. */
export interface PersonHere extends Person {
  /** The session has no transport: what is said waits for them. */
  readonly isAway: boolean;
}

/** From the page to the server, at `/chat?tab=...`. */
export type ClientMessage =
  /** `number` comes back with the message, so that the page knows which of its own it is. */
  | { readonly type: "say"; readonly text: string; readonly number: number }
  | { readonly type: "typing" }
  | { readonly type: "rename"; readonly name: string }
  /** Whether the server is to send numbered messages. */
  | { readonly type: "traffic"; readonly isOn: boolean }
  /** Asks the server to destroy the sockets that carry this session. */
  | { readonly type: "cut" }
  /** Asks the server to refuse WebSockets of this tab, as some networks do. */
  | { readonly type: "block"; readonly isBlocked: boolean };

/** From the server to the page. */
export type ServerMessage =
  | { readonly type: "welcome"; readonly text: string; readonly you: Person; readonly isBlocked: boolean }
  | { readonly type: "people"; readonly people: readonly PersonHere[] }
  | {
      readonly type: "said";
      readonly from: Person;
      readonly atMs: number;
      readonly text: string;
      readonly number: number;
    }
  /** Announces an image: the binary message that follows. Messages never overtake one another. */
  | { readonly type: "image"; readonly from: Person; readonly atMs: number; readonly imageType: ImageType }
  | { readonly type: "typing"; readonly from: Person }
  | { readonly type: "blocked"; readonly isBlocked: boolean }
  | { readonly type: "refused"; readonly why: string };

/** A numbered message of the server: its number, and what it has seen of those of the page. */
export interface NumberedMessage {
  readonly number: number;
  readonly seen: NumberCounts;
}

/** From the server to the page, at `/wire?tab=...`: what happens on the sockets of a tab. Times are since its first one. */
export type WireRecord =
  | { readonly type: "handshake"; readonly atMs: number; readonly request: string; readonly response: string }
  | {
      readonly type: "frame";
      readonly atMs: number;
      readonly to: "server" | "browser";
      readonly opcode: string;
      readonly fin: boolean;
      /** The bit that marks a compressed message (RFC 7692 §6). */
      readonly rsv1: boolean;
      readonly masked: boolean;
      /** On the wire: after compressing. */
      readonly payloadBytes: number;
      /** The frame's header, with the masking key. */
      readonly headerBytes: number;
    }
  | {
      /** A request or an answer of a transport over HTTP; with `piece`, a part of an answer that goes on. */
      readonly type: "http";
      readonly atMs: number;
      readonly to: "server" | "browser";
      readonly what: "POST" | "piece" | "answer";
      /** What it is part of. */
      readonly via: string;
      /** The body. */
      readonly payloadBytes: number;
      /** Everything else: request line, status line, header fields, lengths of pieces. */
      readonly headerBytes: number;
    }
  | {
      readonly type: "close";
      readonly atMs: number;
      readonly by: "server" | "browser";
      readonly code: number;
      readonly name: string;
      readonly reason: string;
      /** Whether both sides sent a close frame. */
      readonly wasClean: boolean;
    }
  /** What the buttons did, and what came of it. */
  | { readonly type: "note"; readonly atMs: number; readonly text: string };
