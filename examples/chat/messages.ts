// What page and server say to each other: JSON in text messages. An image is a binary message, the file as it is.

/** The longest text of a message, in UTF-16 code units, as `maxlength` of a text field counts. */
export const MAX_TEXT_LENGTH = 4_000;
/** The longest name. */
export const MAX_NAME_LENGTH = 24;
/** The largest image, and so the largest message. */
export const MAX_IMAGE_BYTES = 2 * 1024 * 1024;
/** The images that are let through. No SVG: it is a document that can contain scripts. */
export const IMAGE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"] as const;

export type ImageType = (typeof IMAGE_TYPES)[number];

/** Somebody in the chat: one open tab. */
export interface Person {
  readonly id: number;
  readonly name: string;
}

/** A close code in words; the browser knows only numbers. */
export interface CloseCodeInWords {
  readonly code: number;
  readonly name: string;
  /** Whether a server may send it. Some codes are only ever reported, such as 1006. */
  readonly canBeSent: boolean;
}

/** From the page to the server, at `/chat?name=...`. */
export type ClientMessage =
  | { readonly type: "say"; readonly text: string }
  | { readonly type: "typing" }
  | { readonly type: "rename"; readonly name: string }
  /** Asks the server for a ping: a page cannot send one itself. */
  | { readonly type: "ping" }
  /** Asks the server to close this connection. */
  | { readonly type: "close"; readonly code: number; readonly reason: string };

/** From the server to the page. */
export type ServerMessage =
  | {
      readonly type: "welcome";
      readonly text: string;
      readonly you: Person;
      /** Opens `/wire?id=...`, which shows the frames of this connection. */
      readonly wireId: string;
      readonly closeCodes: readonly CloseCodeInWords[];
    }
  | { readonly type: "people"; readonly people: readonly Person[] }
  | { readonly type: "said"; readonly from: Person; readonly atMs: number; readonly text: string }
  /** Announces an image: the binary message that follows. Messages never overtake one another. */
  | { readonly type: "image"; readonly from: Person; readonly atMs: number; readonly imageType: ImageType }
  | { readonly type: "typing"; readonly from: Person }
  /** The round-trip time of a ping, asked for or of the heartbeat. */
  | { readonly type: "latency"; readonly ms: number }
  | { readonly type: "refused"; readonly why: string };

/** From the server to the page, at `/wire?id=...`: what happens on a connection. Times are since it opened. */
export type WireRecord =
  | { readonly type: "handshake"; readonly request: string; readonly response: string }
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
      readonly type: "close";
      readonly atMs: number;
      readonly by: "server" | "browser";
      readonly code: number;
      readonly name: string;
      readonly reason: string;
      /** Whether both sides sent a close frame. */
      readonly wasClean: boolean;
    };
