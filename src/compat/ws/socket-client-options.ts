import type { Buffer } from "node:buffer";
import type { Agent, ClientRequest } from "node:http";
import type { createConnection } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { SocketOptions } from "./socket-options.js";

/** A certificate or key. */
export type CertMeta = string | string[] | Buffer | Buffer[];

/** The options of a client; all of `http.request` are taken besides. */
export interface SocketClientOptions<Socket> extends SocketOptions, SecureContextOptions {
  protocol?: string | undefined;
  /** Whether redirects are followed. Default false. */
  followRedirects?: boolean | undefined;
  /** Fills the four bytes of a masking key. Default: random ones. */
  generateMask?(mask: Buffer): void;
  /** How long the opening handshake may take, in ms. Default: as long as it takes. */
  handshakeTimeout?: number | undefined;
  /** Default 10. */
  maxRedirects?: number | undefined;
  localAddress?: string | undefined;
  /** 13 or 8. Default 13. */
  protocolVersion?: number | undefined;
  headers?: { [key: string]: string } | undefined;
  /** The header `Origin`. Default: none. */
  origin?: string | undefined;
  agent?: Agent | undefined;
  host?: string | undefined;
  family?: number | undefined;
  checkServerIdentity?(servername: string, cert: CertMeta): boolean;
  rejectUnauthorized?: boolean | undefined;
  createConnection?: typeof createConnection | undefined;
  /** Is given the request before it leaves, and has to end it. */
  finishRequest?: ((request: ClientRequest, websocket: Socket) => void) | undefined;
}
