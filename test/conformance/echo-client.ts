import { connect } from "hawser/client";
import { WebSocket as WsSocket } from "ws";

/** The largest message of the suite, and room for two. */
export const ECHO_LIMITS = {
  maxMessageBytes: 32 * 1_048_576,
  maxFrameBytes: 32 * 1_048_576,
  maxBufferedBytes: 64 * 1_048_576,
};

/** Connects, sends back what comes, and resolves when the connection is gone or did not come to be. */
export type EchoClient = (url: string, onText?: (content: string) => void) => Promise<void>;

/** Hawser's own client. */
export const hawserClient: EchoClient = async (url, onText) => {
  await new Promise<void>((resolve) => {
    connect(url, {
      ...ECHO_LIMITS,
      compression: true,
      message: (socket, data) => {
        if (typeof data === "string") onText?.(data);
        socket.send(data);
      },
      close: () => resolve(),
      // What failed is told to the suite by the wire.
    }).catch(() => resolve());
  });
};

/** A client of the package `ws`, as drivers for Autobahn's suite are written. */
export const wsClient: EchoClient = (url, onText) =>
  new Promise((resolve) => {
    const socket = new WsSocket(url, { maxPayload: ECHO_LIMITS.maxMessageBytes });
    socket.on("message", (data, binary) => {
      if (!binary) onText?.(data.toString());
      socket.send(data, { binary });
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });

/** Drives a fuzzing server: asks for the number of cases, runs each, has the reports updated. */
export async function drive(
  server: string,
  agent: string,
  client: EchoClient,
  concurrency = 1,
): Promise<void> {
  let count = 0;
  await client(`${server}/getCaseCount`, (content) => {
    count = Number(content);
  });
  let next = 1;
  const work = async (): Promise<void> => {
    while (next <= count) await client(`${server}/runCase?case=${next++}&agent=${encodeURIComponent(agent)}`);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  await client(`${server}/updateReports?agent=${encodeURIComponent(agent)}`);
}
