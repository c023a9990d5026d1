import { isPlainIo } from "./plain-io.js";

/** What a handle is given with a write, and told by when that did not happen at once. */
export interface WriteRequest {
  oncomplete?: ((this: this, status: number) => void) | undefined;
}

/** A socket of the system as Node's own `net.Socket` sees it: what is used of it. */
export interface SystemHandle {
  [key: symbol]: unknown;
  onread: (this: SystemHandle) => void;
  readonly useUserBuffer: (buffer: Uint8Array) => void;
  readonly readStart: () => number;
  readonly readStop: () => number;
  readonly writeBuffer: (request: WriteRequest, bytes: Uint8Array) => number;
  readonly writev: (request: WriteRequest, pieces: readonly Uint8Array[], allBuffers: true) => number;
  readonly shutdown: (request: WriteRequest) => number;
  readonly close: (onClosed: (this: SystemHandle) => void) => void;
  /** Of TCP only. */
  readonly getpeername?: (target: { address?: string }) => number;
  readonly setNoDelay?: (isOn: boolean) => number;
}

/** What goes with handles: requests, and the place where the results of the latest call are. */
export interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => WriteRequest;
  readonly state: Int32Array;
  /** Where in {@link state} it stands how many bytes were read, or a negative error. */
  readonly nread: number;
  /** Where in {@link state} it stands whether the latest write goes on after the call. */
  readonly lastWriteWasAsync: number;
}

/**
 * Node's own way to sockets, below `net`: not documented, the same in all versions that are supported, and looked at
 * before it is used. Undefined where it is not what we know: in other runtimes, under Node's permission model, or where
 * `HAWSER_PLAIN_IO` is set.
 */
export const streamBinding: StreamBinding | undefined = isPlainIo ? undefined : findBinding();

const METHODS = ["useUserBuffer", "readStart", "readStop", "writeBuffer", "writev", "shutdown", "close"];
const CLASSES: ReadonlySet<unknown> = new Set(["TCP", "Pipe"]);

/** Whether a handle that was accepted is one that we know how to use. */
export function isSystemHandle(handle: unknown): handle is SystemHandle {
  if (typeof handle !== "object" || handle === null || !CLASSES.has(handle.constructor?.name)) return false;
  const methods = handle as Record<string, unknown>;
  return METHODS.every((name) => typeof methods[name] === "function");
}

function findBinding(): StreamBinding | undefined {
  if ("bun" in process.versions || "deno" in process.versions) return undefined;
  const { noDeprecation } = process;
  try {
    // `--pending-deprecation` would warn of it: the user did not write this, and it is guarded.
    process.noDeprecation = true;
    const { binding } = process as unknown as { binding(name: string): Record<string, unknown> };
    const found = binding.call(process, "stream_wrap");
    const { WriteWrap, ShutdownWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = found;
    const isKnown =
      typeof WriteWrap === "function" &&
      typeof ShutdownWrap === "function" &&
      streamBaseState instanceof Int32Array &&
      typeof kReadBytesOrError === "number" &&
      typeof kLastWriteWasAsync === "number";
    if (!isKnown) return undefined;
    return {
      WriteWrap: WriteWrap as StreamBinding["WriteWrap"],
      ShutdownWrap: ShutdownWrap as StreamBinding["ShutdownWrap"],
      state: streamBaseState,
      nread: kReadBytesOrError,
      lastWriteWasAsync: kLastWriteWasAsync,
    };
  } catch {
    return undefined;
  } finally {
    if (noDeprecation === undefined) delete (process as { noDeprecation?: boolean }).noDeprecation;
    else process.noDeprecation = noDeprecation;
  }
}
