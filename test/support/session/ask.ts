import { Buffer } from "node:buffer";
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** How a request differs from a plain `POST`. */
export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly agent?: Agent;
}

/** Asks, and gives the answer as soon as its head is there. */
export function askForHead(url: string, options: AskOptions = {}): Promise<IncomingMessage> {
  const { method = "POST", headers = {}, body, agent } = options;
  return new Promise((resolve, reject) => {
    const asked = request(url.replace(/^ws/, "http"), { method, headers, agent }, resolve);
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Asks, and reads the answer to its end. */
export async function ask(url: string, options: AskOptions = {}): Promise<Answer> {
  const incoming = await askForHead(url, options);
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece);
  return { status: incoming.statusCode!, headers: incoming.headers, body: Buffer.concat(pieces) };
}
