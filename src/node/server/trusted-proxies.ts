import { BlockList, isIP, type Socket } from "node:net";
import { UsageError } from "../../core/hawser-error.js";

/** The proxies that begin a connection with a header of the PROXY protocol. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #isUnixTrusted: boolean;

  /**
   * @param entries addresses, networks (`10.0.0.0/8`) and `unix` for whoever connects to a Unix socket.
   * @throws {@link UsageError} `INVALID_OPTION`.
   */
  constructor(entries: readonly string[]) {
    if (!Array.isArray(entries))
      throw new UsageError("INVALID_OPTION", "proxyProtocolFrom must be a list of addresses");
    for (const entry of entries) if (entry !== "unix") this.#add(entry);
    this.#isUnixTrusted = entries.includes("unix");
  }

  /** Whether this connection comes from one of them. */
  includes({ remoteAddress }: Socket): boolean {
    // The kernel knows no address of who connects to a Unix socket: who may is a matter of the file.
    if (remoteAddress === undefined) return this.#isUnixTrusted;
    return this.#list.check(remoteAddress, isIP(remoteAddress) === 6 ? "ipv6" : "ipv4");
  }

  #add(entry: unknown): void {
    const [address = "", length, ...rest] = String(entry).split("/");
    const version = isIP(address);
    const family = version === 6 ? "ipv6" : "ipv4";
    const maxLength = version === 6 ? 128 : 32;
    const isLength = length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= maxLength);
    if (version === 0 || !isLength || rest.length > 0) {
      const text = JSON.stringify(entry);
      throw new UsageError("INVALID_OPTION", `proxyProtocolFrom has no address, network or "unix": ${text}`);
    }
    if (length === undefined) this.#list.addAddress(address, family);
    else this.#list.addSubnet(address, Number(length), family);
  }
}
