import type { ImageType } from "./messages.js";

/** What kind of image the bytes are, by how they begin; undefined for anything else, whatever it claims to be. */
export function imageTypeOf(bytes: Uint8Array): ImageType | undefined {
  const beginning = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
  if (beginning.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (beginning.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (/^GIF8[79]a/.test(beginning)) return "image/gif";
  if (/^RIFF.{4}WEBP$/s.test(beginning)) return "image/webp";
  return undefined;
}
