import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/**
 * A port of 127.0.0.1 on which nobody listens. Another process could take it meanwhile, so this is for addresses that
 * must refuse connections and for programs that cannot listen on port 0; a server of ours listens on port 0.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
