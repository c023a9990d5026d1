import { isIPv6 } from "node:net";

const GROUPS = 8;
/** A host is given a /64 at least, and may take any address in it (RFC 4291 §2.5.1, RFC 8981). */
const NETWORK_GROUPS = 4;
/** What IPv6 puts before an IPv4 address: mapped by the system (RFC 4291 §2.5.5.2), translated on the way (RFC 6052 §2.1). */
const IPV4_PREFIXES: readonly string[] = ["0:0:0:0:0:ffff", "64:ff9b:0:0:0:0"];

/**
 * Whom an address counts for. An IPv6 client is its /64, since it can take a new address of that for each connection;
 * an IPv4 address inside an IPv6 one is that IPv4 address. Whatever else is no IPv6 address stays what it is.
 */
export function clientGroup(address: string): string {
  if (!address.includes(":") || !isIPv6(address)) return address;
  const groups = groupsOf(address);
  const words = groups.map((group) => group.toString(16));
  if (IPV4_PREFIXES.includes(words.slice(0, 6).join(":"))) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join(".");
  }
  return `${words.slice(0, NETWORK_GROUPS).join(":")}::/64`;
}

/** The eight groups of 16 bits of an IPv6 address that is valid. */
function groupsOf(address: string): number[] {
  const [bare = ""] = address.split("%");
  const [left = "", right] = bare.split("::");
  const before = parse(left);
  if (right === undefined) return before;
  const behind = parse(right);
  return [...before, ...new Array<number>(GROUPS - before.length - behind.length).fill(0), ...behind];
}

function parse(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((part) => {
    if (!part.includes(".")) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
