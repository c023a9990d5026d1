import type { EngineMaker, RecordingEngine } from "#fuzz/recording-engine.js";
import { ZlibInflateContext } from "#node/deflate/inflate-context.js";
import { nodeHost } from "#node/node-host.js";
import { Engine } from "#protocol/engine.js";
import type { DeflateContext, InflateContext } from "#protocol/engine-host.js";

/** Takes any text for UTF-8 that comes in one frame. */
export const skipsUtf8: EngineMaker = (config, owner, deflate) =>
  new Engine({ ...config, host: { ...config.host, isUtf8: () => true } }, owner, deflate);

/** Forgets how far it was in the mask when a payload is cut elsewhere than behind four bytes. */
export const misrotatesMasks: EngineMaker = (config, owner, deflate) => {
  class Misrotating extends Engine<RecordingEngine> {
    #taken = 0;

    override framePayload(
      bytes: Uint8Array,
      start: number,
      end: number,
      isAscii: boolean,
      last: boolean,
    ): boolean {
      if (config.role === "server" && this.#taken % 4 !== 0) {
        for (let i = start; i < end; i++) bytes[i]! ^= 0x01;
      }
      this.#taken = last ? 0 : this.#taken + end - start;
      return super.framePayload(bytes, start, end, isAscii, last);
    }
  }
  return new Misrotating(config, owner, deflate);
};

/** Holds every frame against the limit, and never their sum. */
export const forgetsTheSum: EngineMaker = (config, owner, deflate) => {
  const maxFrameBytes = Math.min(config.maxFrameBytes, config.maxMessageBytes);
  return new Engine({ ...config, maxFrameBytes, maxMessageBytes: Infinity }, owner, deflate);
};

/** Takes frames with a mask and without one. */
export const takesAnyMask: EngineMaker = (config, owner, deflate) => {
  class Unmasked extends Engine<RecordingEngine> {
    override frameHeader(firstByte: number, _masked: boolean, payloadLength: number): boolean {
      return super.frameHeader(firstByte, config.role === "server", payloadLength);
    }
  }
  return new Unmasked(config, owner, deflate);
};

/** Takes control frames that are fragments. */
export const takesFragmentedControl: EngineMaker = (config, owner, deflate) => {
  class Fragmented extends Engine<RecordingEngine> {
    override frameHeader(firstByte: number, masked: boolean, payloadLength: number): boolean {
      const isControl = (firstByte & 0x08) !== 0;
      return super.frameHeader(isControl ? firstByte | 0x80 : firstByte, masked, payloadLength);
    }
  }
  return new Fragmented(config, owner, deflate);
};

/** Moves its deadline and tells nobody. */
export const hidesDeadlines: EngineMaker = (config, owner, deflate) =>
  new Engine({ ...config, handler: { ...config.handler, deadlineChanged() {} } }, owner, deflate);

/** Goes on to take what comes behind the end, as if it were new. */
export const answersPingsTwice: EngineMaker = (config, owner, deflate) => {
  const handler = { ...config.handler };
  handler.ping = (one, bytes, start, end) => {
    one.engine.pong(bytes.slice(start, end));
    return true;
  };
  return new Engine({ ...config, handler }, owner, deflate);
};

/** Inflates whatever is there. */
export function inflatesWithoutLimit(windowBits: number): InflateContext {
  const context = new ZlibInflateContext(windowBits);
  return wrap(context, (bytes, last) => context.inflate(bytes, last, 1e9));
}

/** Forgets its window between two messages. */
export function forgetsItsWindow(windowBits: number): InflateContext {
  const context = new ZlibInflateContext(windowBits);
  return wrap(context, (bytes, last, maxOutputBytes) => {
    const inflated = context.inflate(bytes, last, maxOutputBytes);
    if (last) context.reset();
    return inflated;
  });
}

/** Refers to what was sent before it was told to forget it. */
export function remembersTooMuch(windowBits: number): DeflateContext {
  const context = nodeHost.createDeflate!(windowBits);
  return {
    deflate: (bytes) => context.deflate(bytes),
    reset() {},
    dispose: () => context.dispose(),
  };
}

/** Refers further back than was agreed on. */
export function leavesItsWindow(): DeflateContext {
  return nodeHost.createDeflate!(15);
}

function wrap(context: ZlibInflateContext, inflate: InflateContext["inflate"]): InflateContext {
  return {
    isIncremental: context.isIncremental,
    inflate,
    reset: () => context.reset(),
    dispose: () => context.dispose(),
  };
}
