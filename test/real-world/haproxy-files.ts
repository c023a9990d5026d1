import { testCertificate } from "../support/certificate.js";
import { howToBlock } from "./how-to-block.js";

/** The how-to that has all configurations of HAProxy. */
export const HAPROXY_HOW_TO = "behind-haproxy.md";

export interface HaproxyVariant {
  readonly port: number;
  readonly tlsPort: number;
  readonly backendPorts: readonly [number, number];
  readonly replacements?: Readonly<Record<string, string>> | undefined;
}

/** The files of the plain configuration: one front without TLS and one with it, two backends. */
export function haproxyFiles(directory: string, variant: HaproxyVariant): Record<string, string> {
  const { port, tlsPort, backendPorts, replacements = {} } = variant;
  const { key, cert, ca } = testCertificate();
  return {
    "haproxy.cfg": howToBlock(HAPROXY_HOW_TO, "/etc/haproxy/haproxy.cfg", {
      "bind :80\n": `bind 127.0.0.1:${port}\n`,
      "bind :443 ": `bind 127.0.0.1:${tlsPort} `,
      "127.0.0.1:8080": `127.0.0.1:${backendPorts[0]}`,
      "127.0.0.1:8081": `127.0.0.1:${backendPorts[1]}`,
      "/etc/ssl": directory,
      ...replacements,
    }),
    "chat.example.pem": cert + key,
    "internal-ca.crt": ca,
  };
}
