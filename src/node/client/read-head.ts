import type { Duplex } from "node:stream";
import { HeadParser, type HttpVersion, type ResponseHead } from "../../protocol/handshake/head-parser.js";
import type { Opening } from "./opening.js";

/** More answers of 100, 102 or 103 than any server has a reason for. */
const MAX_INTERIM_ANSWERS = 8;

/** The head of an answer, in whatever version of HTTP. */
export interface AnswerHead extends Omit<ResponseHead, "httpVersion"> {
  readonly httpVersion: HttpVersion | "2";
}

/** The head of an answer, and the bytes that came behind it. */
export interface Answer<Head = ResponseHead> {
  readonly head: Head;
  readonly rest: Uint8Array;
}

/**
 * Waits for the head of an answer; its bytes are limited by the parser, its time by the opening. Interim answers
 * (RFC 9110 §15.2) are skipped, except 101, which is the one we want. Afterwards the stream is paused.
 */
export function readHead(opening: Opening, stream: Duplex): Promise<Answer> {
  return opening.step((resolve) => {
    let parser = new HeadParser("response");
    let interimAnswers = 0;
    const onData = (chunk: Buffer): void => {
      for (let bytes: Uint8Array = chunk; ; ) {
        const result = parser.push(bytes);
        if (result === undefined) return;
        if (!result.ok) {
          const code = opening.phase === "proxy" ? "PROXY_REFUSED" : "HANDSHAKE_FAILED";
          opening.failWith(code, result.error.message, { cause: result.error });
          return;
        }
        const { head, rest } = result;
        if (!isInterim(head.status) || ++interimAnswers > MAX_INTERIM_ANSWERS) {
          stream.pause();
          stream.off("data", onData);
          stream.off("end", onEnd);
          resolve({ head, rest });
          return;
        }
        parser = new HeadParser("response");
        bytes = rest;
      }
    };
    const onEnd = (): void => opening.lost();
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.resume();
  });
}

function isInterim(status: number): boolean {
  return status < 200 && status !== 101;
}
