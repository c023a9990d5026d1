import { connect } from "hawser";
import { createHub } from "hawser/hub";
import { serve } from "hawser/server";

/** How long a short message takes there and back, in ms. */
export interface ChannelDelay {
  readonly alone: readonly number[];
  readonly besideUpload: readonly number[];
}

const UPLOAD_BYTES = 100_000_000;
const MANY_BYTES = 256_000_000;

/** The delay of short messages on one channel, alone, and while 100 MB go over another one. */
export async function measureChannelDelay(): Promise<ChannelDelay> {
  let hasUpload = false;
  const hub = createHub({
    maxMessageBytes: MANY_BYTES,
    open(session) {
      session.receive("chat", { message: (text) => void session.channel("chat").send(text) });
      session.receive("upload", {
        message: () => {
          hasUpload = true;
        },
      });
    },
  });
  const server = await serve({ port: 0, routes: { "/live": hub } });
  const session = connect(`${server.url}/live`, { transports: ["websocket"], maxOutboxBytes: MANY_BYTES });
  let answered: (() => void) | undefined;
  session.receive("chat", {
    message() {
      answered?.();
    },
  });
  const ask = async (): Promise<number> => {
    const atMs = performance.now();
    await new Promise<void>((resolve) => {
      answered = resolve;
      session.channel("chat").send("hello");
    });
    return performance.now() - atMs;
  };
  for (let i = 0; i < 200; i++) await ask();
  const alone: number[] = [];
  for (let i = 0; i < 1_000; i++) alone.push(await ask());
  const besideUpload: number[] = [];
  session.channel("upload").send(new Uint8Array(UPLOAD_BYTES));
  while (!hasUpload) besideUpload.push(await ask());
  await session.close();
  await server.shutdown();
  return { alone, besideUpload };
}
