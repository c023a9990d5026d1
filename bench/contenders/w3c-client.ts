import { answerRunner, contenderSettings } from "../runner-link.js";

// The W3C WebSocket: of Node itself, or of the undici package where the first argument says so. The settings are last.
interface W3cSocket {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  send(data: unknown): void;
}
type W3cConstructor = new (url: string) => W3cSocket;

const { url, connections } = contenderSettings();
const SocketClass = (
  process.argv[2] === "undici"
    ? (await import("undici")).WebSocket
    : (globalThis as { WebSocket?: unknown }).WebSocket
) as W3cConstructor;
for (let i = 0; i < connections; i++) {
  const socket = new SocketClass(url!);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => socket.send(data);
  await new Promise<void>((resolve) => {
    socket.onopen = () => resolve();
  });
}
answerRunner(0, () => connections);
