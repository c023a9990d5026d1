import { Buffer } from "node:buffer";
import { inflateRawSync } from "node:zlib";

/**
 * Whether this zlib takes a dictionary for raw data, as Node's does. Deno's (2.9) ignores it: data that refers back into an
 * earlier message could not be inflated then.
 */
export const hasDictionaries: boolean = isDictionaryTaken();

/**
 * What stands in for a dictionary where there are none: put in front of the data, it comes out in front of the output, and
 * the data can refer back to it. A stored block (RFC 1951 §3.2.4), so at most 65,535 bytes.
 */
export function dictionaryBlock(dictionary: Uint8Array): Buffer {
  const block = Buffer.allocUnsafeSlow(5 + dictionary.length);
  block[0] = 0x00; // not the last block, stored
  block.writeUInt16LE(dictionary.length, 1);
  block.writeUInt16LE(0xffff ^ dictionary.length, 3);
  block.set(dictionary, 5);
  return block;
}

function isDictionaryTaken(): boolean {
  const dictionary = Buffer.from("hawser holds a ship");
  // The same text, as nothing but a reference back to it.
  const reference = Buffer.from("y8AUAgA=", "base64");
  try {
    return inflateRawSync(reference, { dictionary }).equals(dictionary);
  } catch {
    return false;
  }
}
