import type { WindowBits } from "hawser/server";
import type { Payload, Received } from "./payload.js";

/** How a connection ended, as an end reports it. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
  /** Not every peer says it. */
  readonly wasClean?: boolean;
}

/** One end of an open connection, of whatever implementation. */
export interface End {
  /** The subprotocol agreed on, empty if none. */
  readonly protocol: string;
  /** The extensions agreed on, as far as the peer tells; empty if none. */
  readonly extensions: string;
  /** Sends messages, one after the other. */
  send(...messages: readonly Payload[]): Promise<void>;
  /** Sends one message, each piece a frame. */
  sendFragments(pieces: readonly Payload[]): Promise<void>;
  /** The next messages that arrived. */
  receive(count: number): Promise<Received[]>;
  /** Sends a ping; resolves when its pong is there. */
  ping(payload: string): Promise<void>;
  /** The payload of the next ping that arrived. */
  receivePing(): Promise<string>;
  /** Begins the closing handshake. Without a code the close frame is empty. */
  close(code?: number, reason?: string): Promise<void>;
  /** Drops the connection without a closing handshake. */
  terminate(): Promise<void>;
  /** How it ended. Resolves when it has. */
  closed(): Promise<Closed>;
}

/** What is asked of permessage-deflate, in the words of RFC 7692 §7.1. What is left out is not asked for. */
export interface Deflate {
  readonly serverNoContextTakeover?: boolean;
  readonly clientNoContextTakeover?: boolean;
  readonly serverMaxWindowBits?: WindowBits;
  readonly clientMaxWindowBits?: WindowBits;
}

/** How an end is to be opened. */
export interface EndOptions {
  /** The subprotocols that a client offers, or a server chooses from. */
  readonly protocols: readonly string[];
  /** permessage-deflate, if it is to be used. */
  readonly deflate: Deflate | undefined;
  readonly isSecure: boolean;
}

/** A server of a peer, on a free port of the loopback interface. */
export interface Listener {
  readonly url: string;
  /** The next connection that was opened. */
  accept(): Promise<End>;
  /** Stops listening and drops what is open. */
  stop(): Promise<void>;
}

/** What not every peer can do. Scenarios that need more of a peer than it has are left out for it. */
export type Ability =
  /** Sends messages in several frames. */
  | "fragments"
  /** Sends pings. */
  | "pings"
  /** Tells of the pings it receives. */
  | "sees-pings"
  /** Closes with any code, as opposed to what the web's API allows: 1000 and 3000-4999. */
  | "any-close-code"
  /** Sends a close frame without a code. */
  | "empty-close"
  | "terminate"
  /** Connects by TLS, and trusts the certificate of the tests. */
  | "tls"
  /** Uses permessage-deflate. */
  | "deflate"
  /** Can be told the parameters of permessage-deflate. */
  | "deflate-parameters"
  /** Sends a lone surrogate as U+FFFD. */
  | "lone-surrogates";

/** An implementation of WebSocket, as a client, as a server or both. */
export interface Peer {
  readonly name: string;
  readonly abilities: ReadonlySet<Ability>;
  /** Starts the process it needs, if it needs one; called before everything else. */
  start?(): Promise<void>;
  /** Ends that process. */
  stop?(): Promise<void>;
  /** Opens a connection; rejects where it cannot be opened. */
  connect?(url: string, options: EndOptions): Promise<End>;
  serve?(options: EndOptions): Promise<Listener>;
}
