import type { CodecErrorCode } from "../core/error-codes.js";
import { HawserError } from "../core/hawser-error.js";

/** A value could not be made a message, or a message was not one that the codec reads. */
export class CodecError extends HawserError {
  override readonly name = "CodecError";
  override readonly code: CodecErrorCode;

  constructor(code: CodecErrorCode, message: string, cause?: unknown) {
    super(message, cause);
    this.code = code;
  }
}

/** A local value that the format cannot hold. */
export function encodeFailed(message: string, cause?: unknown): CodecError {
  return new CodecError("ENCODE_FAILED", message, cause);
}

/** A message of the peer that is not in the format, or above a limit. */
export function decodeFailed(message: string, cause?: unknown): CodecError {
  return new CodecError("DECODE_FAILED", message, cause);
}
