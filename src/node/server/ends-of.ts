import type { Socket } from "node:net";

/** The ends of a TCP connection: what no two have in common at a time. TLS, which gives us a socket of its own, has the same. */
export function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
