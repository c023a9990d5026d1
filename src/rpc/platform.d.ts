// What the layer uses of the platform, which every one has and the library of the language does not: a narrow window
// instead of the DOM or Node. Nothing of it is emitted; in the types that are, the names mean those of the platform.

interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

declare const performance: { now(): number };
declare const crypto: { getRandomValues(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> };
declare const console: { error(...data: readonly unknown[]): void };
declare function setTimeout(callback: () => void, delayMs: number): number | { unref(): unknown };
declare function clearTimeout(timer: ReturnType<typeof setTimeout>): void;
