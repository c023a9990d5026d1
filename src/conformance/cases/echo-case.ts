import { type CaseDefinition, type ConformanceCase, conformanceCase } from "../conformance-case.js";
import {
  type ExpectedMessage,
  expectEchoes,
  expectFailure,
  expectGoodbye,
  type FailureOptions,
} from "../expectations.js";
import type { OpenOptions, Peer } from "../peer.js";

/** What all cases have, before it is said what they do. */
export type CaseHead = Omit<CaseDefinition, "run"> & { readonly open?: OpenOptions };

/** Bytes that are written, at once or in pieces of some sizes. */
export interface Written {
  readonly bytes: Buffer;
  readonly pieces?: readonly number[];
}

/** A case in which all that is written is valid: the messages come back, and the connection closes in order. */
export function echoCase(
  { open, ...definition }: CaseHead,
  write: (peer: Peer) => Written | Buffer,
  messages: readonly ExpectedMessage[],
): ConformanceCase {
  return conformanceCase({
    ...definition,
    async run(peer) {
      await peer.open(open);
      await writeAll(peer, write(peer));
      await expectEchoes(peer, messages);
      return expectGoodbye(peer);
    },
  });
}

/** A case in which what is written is forbidden: the peer fails the connection, best with one of these codes. */
export function violationCase(
  { open, ...definition }: CaseHead,
  write: (peer: Peer) => Written | Buffer,
  codes: readonly number[],
  options: FailureOptions = {},
): ConformanceCase {
  return conformanceCase({
    ...definition,
    async run(peer) {
      await peer.open(open);
      await writeAll(peer, write(peer));
      return expectFailure(peer, codes, options);
    },
  });
}

async function writeAll(peer: Peer, written: Written | Buffer): Promise<void> {
  if (Buffer.isBuffer(written)) peer.write(written);
  else await peer.writePieces(written.bytes, ...(written.pieces ?? [written.bytes.length || 1]));
}
