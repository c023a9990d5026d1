import type { DeflateParameters } from "./deflate-parameters.js";
import { buildFrame, type FrameInput, maskKey, OPCODE } from "./frame.js";
import { MessageDeflater } from "./message-deflate.js";
import type { TestedRole } from "./tested-role.js";

/** How a message is sent. */
export interface MessageShape {
  /** The size of its fragments. Default 0: it is sent in one frame. */
  readonly fragmentBytes?: number;
  /** Default: false. */
  readonly isCompressed?: boolean;
}

/** Makes the frames that the suite sends: masked by its role, compressed by what was agreed on. */
export class MessageWriter {
  readonly #tested: TestedRole;
  #deflater: MessageDeflater | undefined;

  constructor(tested: TestedRole) {
    this.#tested = tested;
  }

  /** From here on messages can be compressed. */
  useDeflate(parameters: DeflateParameters): void {
    this.#deflater =
      this.#tested === "server"
        ? new MessageDeflater(parameters.clientMaxWindowBits, !parameters.clientNoContextTakeover)
        : new MessageDeflater(parameters.serverMaxWindowBits, !parameters.serverNoContextTakeover);
  }

  /** The bytes of a frame, masked as our role demands where the input does not say otherwise. */
  frame(input: FrameInput): Buffer {
    const mask = this.#tested === "server" ? maskKey() : undefined;
    return buildFrame({ mask, ...input });
  }

  /** The bytes of a message. */
  message(
    isText: boolean,
    content: Uint8Array | string,
    { fragmentBytes = 0, isCompressed = false }: MessageShape = {},
  ): Buffer {
    const plain =
      typeof content === "string"
        ? Buffer.from(content)
        : Buffer.from(content.buffer, content.byteOffset, content.length);
    const payload = isCompressed ? this.compress(plain) : plain;
    const step = fragmentBytes > 0 ? fragmentBytes : Math.max(payload.length, 1);
    const frames: Buffer[] = [];
    for (let start = 0; start === 0 || start < payload.length; start += step) {
      frames.push(
        this.frame({
          opcode: start > 0 ? OPCODE.continuation : isText ? OPCODE.text : OPCODE.binary,
          payload: payload.subarray(start, start + step),
          fin: start + step >= payload.length,
          rsv: isCompressed && start === 0 ? 4 : 0,
        }),
      );
    }
    return frames.length === 1 ? frames[0]! : Buffer.concat(frames);
  }

  /** Deflates a message in the context of those before. */
  compress(content: Uint8Array): Buffer {
    return this.#deflater!.deflate(Buffer.from(content));
  }
}
