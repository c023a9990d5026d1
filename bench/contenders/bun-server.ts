import { answerRunner, contenderSettings } from "../runner-link.js";

// Run by Bun. What is used of its API, so that no types of it are needed:
interface BunSocket {
  readonly data: { readonly isFanOut: boolean };
  send(message: string | Uint8Array, isCompressed: boolean): number;
  subscribe(topic: string): void;
}
interface BunServer {
  readonly port: number;
  readonly pendingWebSockets: number;
  upgrade(request: Request, options: { data: BunSocket["data"] }): boolean;
  publish(topic: string, message: string | Uint8Array): number;
}
declare const Bun: { serve(options: unknown): BunServer };

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const { isCompressing, tls } = contenderSettings();
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  ...(tls !== undefined && { tls }),
  fetch(request: Request, own: BunServer): Response | undefined {
    const isFanOut = new URL(request.url).pathname === "/fan";
    return own.upgrade(request, { data: { isFanOut } }) ? undefined : new Response("no", { status: 400 });
  },
  websocket: {
    maxPayloadLength: MAX_MESSAGE_BYTES,
    backpressureLimit: MAX_MESSAGE_BYTES,
    perMessageDeflate: isCompressing ? { compress: "dedicated", decompress: "dedicated" } : false,
    open(socket: BunSocket) {
      if (socket.data.isFanOut) socket.subscribe("fan");
    },
    message(socket: BunSocket, message: string | Uint8Array) {
      if (socket.data.isFanOut) server.publish("fan", message);
      else socket.send(message, isCompressing);
    },
  },
});
answerRunner(server.port, () => server.pendingWebSockets);
