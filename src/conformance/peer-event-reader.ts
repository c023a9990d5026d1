import { isUtf8 } from "node:buffer";
import { OPCODE } from "./frame.js";
import { FrameReader, type ReceivedFrame } from "./frame-reader.js";
import { opcodeName } from "./frame-words.js";
import type { MessageInflater } from "./message-deflate.js";
import type { PeerEvent } from "./peer-event.js";
import type { TestedRole } from "./tested-role.js";

/** Makes events of the bytes that the peer sends, and finds whatever in them the RFC forbids. */
export class PeerEventReader {
  readonly #sender: TestedRole;
  readonly #emit: (event: PeerEvent) => void;
  readonly #frames: FrameReader = new FrameReader((frame) => this.#read(frame));
  #message: { opcode: number; isCompressed: boolean; pieces: Buffer[] } | undefined;
  #isClosed = false;
  /** Set once permessage-deflate is agreed on. */
  inflater: MessageInflater | undefined;

  constructor(sender: TestedRole, emit: (event: PeerEvent) => void) {
    this.#sender = sender;
    this.#emit = emit;
  }

  push(bytes: Buffer): void {
    this.#frames.push(bytes);
  }

  #read(frame: ReceivedFrame): void {
    const problem = this.#problemOf(frame);
    if (problem !== undefined) {
      this.#emit({ type: "illegal", problem });
      return;
    }
    if (frame.opcode >= 8) this.#readControl(frame);
    else this.#readData(frame);
  }

  #problemOf(frame: ReceivedFrame): string | undefined {
    const { opcode, fin, rsv, declaredBytes, lengthBits } = frame;
    const name = opcodeName(opcode);
    if (this.#isClosed) return `a ${name} frame after its close frame (§5.5.1)`;
    if (frame.isMasked !== (this.#sender === "client")) {
      return `a ${name} frame that is ${frame.isMasked ? "masked" : "not masked"} (§5.1)`;
    }
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) return `a frame with the reserved ${name} (§5.2)`;
    const mayCompress = this.inflater !== undefined && (opcode === OPCODE.text || opcode === OPCODE.binary);
    if (rsv !== 0 && !(rsv === 4 && mayCompress)) return `a ${name} frame with reserved bits ${rsv} (§5.2)`;
    if (lengthBits > (declaredBytes < 126n ? 7 : declaredBytes < 65_536n ? 16 : 64)) {
      return `a length of ${declaredBytes} in ${lengthBits} bits (§5.2)`;
    }
    if (opcode >= 8 && !fin) return `a fragmented ${name} frame (§5.5)`;
    if (opcode >= 8 && declaredBytes > 125n) return `a ${name} frame with ${declaredBytes} bytes (§5.5)`;
    if (opcode === 0 && this.#message === undefined)
      return "a continuation frame that continues nothing (§5.4)";
    if (opcode > 0 && opcode < 8 && this.#message !== undefined)
      return `a ${name} frame inside a message (§5.4)`;
    return undefined;
  }

  #readControl({ opcode, payload }: ReceivedFrame): void {
    if (opcode === OPCODE.ping) this.#emit({ type: "ping", payload });
    else if (opcode === OPCODE.pong) this.#emit({ type: "pong", payload });
    else this.#readClose(payload);
  }

  #readClose(payload: Buffer): void {
    this.#isClosed = true;
    if (payload.length === 0) {
      this.#emit({ type: "close", code: 1005, reason: "" });
      return;
    }
    const code = payload.length === 1 ? -1 : payload.readUInt16BE();
    const isAllowed =
      (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999);
    if (!isAllowed) {
      this.#emit({
        type: "illegal",
        problem: `a close frame with ${code === -1 ? "one byte" : `code ${code}`} (§7.4)`,
      });
    } else if (!isUtf8(payload.subarray(2))) {
      this.#emit({ type: "illegal", problem: "a close frame whose reason is not UTF-8 (§5.5.1)" });
    } else {
      this.#emit({ type: "close", code, reason: payload.subarray(2).toString() });
    }
  }

  #readData({ opcode, fin, rsv, payload }: ReceivedFrame): void {
    this.#message ??= { opcode, isCompressed: rsv === 4, pieces: [] };
    this.#message.pieces.push(payload);
    if (!fin) return;
    const { opcode: kind, isCompressed, pieces } = this.#message;
    this.#message = undefined;
    let content = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    if (isCompressed) {
      try {
        content = this.inflater!.inflate(content);
      } catch (error) {
        this.#emit({
          type: "illegal",
          problem: `a message that cannot be inflated: ${String(error)} (RFC 7692 §7.2.2)`,
        });
        return;
      }
    }
    const isText = kind === OPCODE.text;
    if (isText && !isUtf8(content)) this.#emit({ type: "illegal", problem: "text that is not UTF-8 (§8.1)" });
    else this.#emit({ type: "message", isText, payload: content, isCompressed });
  }
}
