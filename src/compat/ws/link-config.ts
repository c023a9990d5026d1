import { Buffer } from "node:buffer";
import { type EngineConfig, engineConfig, FRAGMENT_OVERHEAD_BYTES } from "../../protocol/engine-config.js";
import type { EngineHandler } from "../../protocol/engine-handler.js";
import type { EngineHost } from "../../protocol/engine-host.js";
import { readMaskKey } from "../../protocol/mask.js";
import { wholeNumber } from "./number-options.js";
import { deflateHost, type PerMessageDeflateOptions } from "./per-message-deflate.js";
import type { SocketSettings } from "./socket-settings.js";

/** What `ws` sets for a connection, complete. 0 is no limit. */
export interface LinkOptions {
  readonly role: "client" | "server";
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly closeTimeoutMs: number;
  readonly skipsUtf8: boolean;
  readonly generateMask: ((mask: Buffer) => void) | undefined;
  readonly deflate: PerMessageDeflateOptions | undefined;
}

/** What the options of a program come to. */
export function linkOptions(
  isServer: boolean,
  closeTimeout: number,
  settings: SocketSettings,
  deflate: PerMessageDeflateOptions | undefined,
): LinkOptions {
  return {
    role: isServer ? "server" : "client",
    maxPayload: wholeNumber(settings.maxPayload),
    maxFragments: wholeNumber(settings.maxFragments),
    closeTimeoutMs: Number(closeTimeout),
    skipsUtf8: Boolean(settings.skipUTF8Validation),
    generateMask: settings.generateMask,
    deflate,
  };
}

/** Configurations that were made, by what they say: connections of one server share one. */
type Cache<Owner> = Map<string, EngineConfig<Owner>>;
/** Enough for every program that does not make a new limit for each connection. */
const MAX_CACHED = 64;

/** The engine's configuration for a connection, shared by all that are set the same way. */
export class LinkConfigs<Owner> {
  readonly #handler: EngineHandler<Owner>;
  readonly #plain: Cache<Owner> = new Map();
  /** Of those with functions or options of zlib, which cannot be told apart by a text. */
  readonly #byObject = new WeakMap<object, Cache<Owner>>();

  constructor(handler: EngineHandler<Owner>) {
    this.#handler = handler;
  }

  /** The configuration for these options. */
  of(options: LinkOptions): EngineConfig<Owner> {
    const { role, maxPayload, maxFragments, closeTimeoutMs, skipsUtf8, generateMask, deflate } = options;
    const zlib = deflate?.zlibDeflateOptions;
    if (generateMask !== undefined && zlib !== undefined) return this.#make(options);
    const cache = this.#cacheOf(generateMask ?? zlib);
    const key = `${role} ${maxPayload} ${maxFragments} ${closeTimeoutMs} ${skipsUtf8}`;
    let config = cache.get(key);
    if (config === undefined) {
      config = this.#make(options);
      if (cache.size < MAX_CACHED) cache.set(key, config);
    }
    return config;
  }

  #cacheOf(object: object | undefined): Cache<Owner> {
    if (object === undefined) return this.#plain;
    let cache = this.#byObject.get(object);
    if (cache === undefined) {
      cache = new Map();
      this.#byObject.set(object, cache);
    }
    return cache;
  }

  #make(options: LinkOptions): EngineConfig<Owner> {
    const { role, maxPayload, maxFragments, closeTimeoutMs, skipsUtf8 } = options;
    return engineConfig({
      role,
      host: hostOf(options),
      handler: this.#handler,
      maxMessageBytes: limitOf(maxPayload),
      maxFragmentOverheadBytes: maxFragments > 0 ? maxFragments * FRAGMENT_OVERHEAD_BYTES : Infinity,
      // As a timer of Node takes it: whole, and at least 1.
      closeTimeoutMs: closeTimeoutMs >= 1 ? limitOf(Math.ceil(closeTimeoutMs)) : 1,
      // `ws` has none of these: whether a peer is alive is for the application to find out.
      pingIntervalMs: 0,
      pongTimeoutMs: 0,
      idleTimeoutMs: 0,
      messageTimeoutMs: 0,
      checksText: !skipsUtf8,
      explainsFailures: false,
      repeatsCloseReason: true,
    });
  }
}

/** What the engine takes: a whole number that is exact, or none. */
function limitOf(value: number): number {
  return value > 0 && value <= Number.MAX_SAFE_INTEGER ? Math.floor(value) : Infinity;
}

function hostOf({ generateMask, deflate }: LinkOptions): EngineHost {
  const host = deflateHost(deflate ?? {});
  if (generateMask === undefined) return host;
  const bytes = Buffer.alloc(4);
  return {
    ...host,
    randomMask() {
      generateMask(bytes);
      return readMaskKey(bytes, 0);
    },
  };
}
