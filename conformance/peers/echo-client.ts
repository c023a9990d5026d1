// Program: `node echo-client.js hawser|ws|undici|node <url> <agent>` drives a fuzzing server from first to last case.
import process from "node:process";
import { connect } from "hawser/client";
import { WebSocket as UndiciSocket } from "undici";
import { WebSocket as WsSocket } from "ws";
import { ECHO_LIMITS, MAX_FRAGMENTS, MAX_MESSAGE_BYTES } from "./limits.js";

/** Connects, echoes, and resolves when the connection is gone, with the last text that came. */
type Client = (url: string) => Promise<string>;

/** What is used of the `WebSocket` of the web's standard. */
interface W3cSocket {
  binaryType: string;
  send(data: string | ArrayBuffer): void;
  onmessage: ((event: { readonly data: string | ArrayBuffer }) => void) | null;
  onclose: (() => void) | null;
}

const CLIENTS: Readonly<Record<string, Client>> = {
  hawser: (url) =>
    new Promise((resolve) => {
      let text = "";
      connect(url, {
        ...ECHO_LIMITS,
        compression: true,
        message: (socket, data) => {
          if (typeof data === "string") text = data;
          socket.send(data);
        },
        close: () => resolve(text),
      }).catch(() => resolve(text));
    }),
  ws: (url) =>
    new Promise((resolve) => {
      let text = "";
      const socket = new WsSocket(url, { maxPayload: MAX_MESSAGE_BYTES, maxFragments: MAX_FRAGMENTS });
      socket.on("message", (data, binary) => {
        if (!binary) text = data.toString();
        socket.send(data, { binary });
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(text));
    }),
  undici: (url) => w3cClient(new UndiciSocket(url) as unknown as W3cSocket),
  node: (url) => {
    const { WebSocket } = globalThis as unknown as { WebSocket: new (url: string) => W3cSocket };
    return w3cClient(new WebSocket(url));
  },
};

function w3cClient(socket: W3cSocket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") text = data;
      socket.send(data);
    };
    socket.onclose = () => resolve(text);
  });
}

const [kind = "", server = "", agent = ""] = process.argv.slice(2);
const client = CLIENTS[kind]!;
const count = Number(await client(`${server}/getCaseCount`));
let next = 1;
const work = async (): Promise<void> => {
  while (next <= count) await client(`${server}/runCase?case=${next++}&agent=${encodeURIComponent(agent)}`);
};
await Promise.all([work(), work(), work(), work()]);
await client(`${server}/updateReports?agent=${encodeURIComponent(agent)}`);
process.exit();
