import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

const LOWEST = 10_000;
/** Where Linux begins with the ports that it gives to outgoing connections, of which other tests open thousands. */
const HIGHEST = 32_767;
const ATTEMPTS = 50;

/** A port of 127.0.0.1 for a program that cannot listen on port 0, or that has to listen on the same one twice. */
export async function freeLowPort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(LOWEST, HIGHEST);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error("no port is free");
}
