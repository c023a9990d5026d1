import { UsageError } from "../core/hawser-error.js";
import { CallNumbers } from "./call-numbers.js";
import type { Contract } from "./definitions.js";

/** The channel of a contract's streams. */
export function streamsChannel({ channel }: Contract): string {
  return `${channel}/streams`;
}

/** Who speaks a contract with a session, or with one session after the other. */
export interface ContractClaim {
  readonly numbers: CallNumbers;
  channels: readonly string[];
  /** Whether its channels are taken. */
  isTaken: boolean;
}

/** Where the claims on a session are kept: with it, since a server has many, and a WeakMap of many is slow to collect. */
const CLAIMS = Symbol("contracts");

interface Claimed {
  [CLAIMS]?: ContractClaim[];
}

/**
 * Takes the channels of a contract. Whoever takes them again, when they are free, goes on counting where the one before stopped.
 *
 * @param key makes what tells a client's calls from those of others; see {@link CallNumbers}.
 * @throws UsageError `INVALID_CONTRACT` if they are taken.
 */
export function claimChannels(session: object, contract: Contract, key?: () => string): ContractClaim {
  const claims = ((session as Claimed)[CLAIMS] ??= []);
  const { channel, streams } = contract;
  const channels = Object.keys(streams).length > 0 ? [channel, streamsChannel(contract)] : [channel];
  for (const one of claims) {
    const name = one.isTaken ? one.channels.find((taken) => channels.includes(taken)) : undefined;
    if (name === undefined) continue;
    const message = `a contract is spoken on the channel ${name} of this session already`;
    throw new UsageError("INVALID_CONTRACT", message);
  }
  let claim = claims.find((one) => one.channels[0] === channel);
  if (claim === undefined) {
    claim = { numbers: new CallNumbers(key?.()), channels, isTaken: true };
    claims.push(claim);
  }
  claim.channels = channels;
  claim.isTaken = true;
  return claim;
}
