import { BlockList, isIP } from "node:net";
import { withoutBrackets } from "./target.js";

const LOOPBACK: BlockList = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8);
LOOPBACK.addAddress("::1", "ipv6");

/** Whether this host is this machine: a proxy elsewhere could not reach it. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  return contains(LOOPBACK, hostname);
}

/**
 * Whether `NO_PROXY` names this host. It is a list separated by commas or spaces, of which an entry is
 * - `*`, everything;
 * - `example.com` or `.example.com` or `*.example.com`, that host and all below it;
 * - an IP address, or a range of them as `10.0.0.0/8`;
 * - and each of them may end in `:port`, which then must be that of the target.
 */
export function isInNoProxy(noProxy: string, hostname: string, port: number): boolean {
  return noProxy
    .split(/[\s,]/)
    .some((entry) => entry !== "" && matches(entry.toLowerCase(), hostname.toLowerCase(), port));
}

function matches(entry: string, hostname: string, port: number): boolean {
  if (entry === "*") return true;
  const { host, port: entryPort } = splitPort(entry);
  if (entryPort !== undefined && entryPort !== port) return false;
  if (isIP(hostname) !== 0) return addressMatches(host, hostname);
  const domain = host.startsWith("*.") ? host.slice(2) : host.startsWith(".") ? host.slice(1) : host;
  const name = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
  return domain !== "" && (name === domain || name.endsWith(`.${domain}`));
}

function addressMatches(entry: string, address: string): boolean {
  const [base = "", bits, extra] = entry.split("/");
  const family = isIP(base);
  if (family === 0 || extra !== undefined) return false;
  const list = new BlockList();
  const most = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? most : Number(bits);
  if (bits === "" || !Number.isInteger(prefix) || prefix < 0 || prefix > most) return false;
  list.addSubnet(base, prefix, family === 6 ? "ipv6" : "ipv4");
  return contains(list, address);
}

function contains(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** Splits `host:port`. An IPv6 address is written with brackets where a port follows. */
function splitPort(entry: string): { host: string; port: number | undefined } {
  const colon = entry.lastIndexOf(":");
  const isAddress = isIP(entry.split("/")[0]!) === 6 || entry.endsWith("]");
  if (colon === -1 || isAddress) return { host: withoutBrackets(entry), port: undefined };
  return { host: withoutBrackets(entry.slice(0, colon)), port: Number(entry.slice(colon + 1)) };
}
