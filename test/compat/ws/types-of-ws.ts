// Compiled and never run: the text of types.ts against ws itself.
import { createServer, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import WebSocket, {
  createWebSocketStream,
  type RawData,
  type Server,
  type ServerOptions,
  WebSocketServer,
} from "ws";

class Session extends WebSocket {
  user = "nobody";
}

class Request extends IncomingMessage {
  traceId = "";
}

export function server(): Server<typeof Session, typeof Request> {
  const options: ServerOptions<typeof Session, typeof Request> = {
    noServer: true,
    WebSocket: Session,
    perMessageDeflate: { threshold: 10, zlibDeflateOptions: { level: 3 }, serverMaxWindowBits: 10 },
    handleProtocols: (protocols: Set<string>, request: Request) =>
      request.traceId === "" ? false : [...protocols][0]!,
    verifyClient: ({ origin, secure, req }, done) =>
      done(secure && req.traceId === origin, 401, "no", { A: "b" }),
  };
  const wss = new WebSocketServer<typeof Session, typeof Request>(options, () => {});
  wss.on("connection", (socket, request) => {
    socket.user = request.traceId;
    socket.on("message", (data: RawData, isBinary: boolean) => {
      if (Buffer.isBuffer(data))
        socket.send(data, { binary: isBinary, compress: false, fin: true }, (error) => error?.message);
      else if (Array.isArray(data)) socket.send(Buffer.concat(data));
      else socket.send(new Uint8Array(data));
    });
    socket.on("close", (code: number, reason: Buffer) => `${code} ${reason.toString("utf8")}`);
  });
  wss.on("headers", (headers: string[], request) => headers.push(request.traceId));
  wss.on("wsClientError", (error: Error, socket: Duplex) => socket.end(error.message));
  for (const client of wss.clients) client.user.toUpperCase();
  const upgrades = createServer();
  upgrades.on("upgrade", (request, socket, head) => {
    wss.handleUpgrade(request as Request, socket, head, (client, same) =>
      wss.emit("connection", client, same),
    );
  });
  const address = wss.address();
  if (typeof address === "object" && address !== null) address.port.toFixed();
  return wss;
}

export function client(): Duplex {
  const socket: WebSocket = new WebSocket("ws://example.com", ["a"], {
    headers: { a: "b" },
    handshakeTimeout: 1,
    followRedirects: true,
    rejectUnauthorized: false,
    finishRequest: (request, websocket) => request.setHeader("u", websocket.url),
  });
  const state: 0 | 1 | 2 | 3 = socket.readyState;
  if (state === WebSocket.OPEN) socket.ping("p", true, (error: Error) => error.message);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data, target }: WebSocket.MessageEvent) =>
    target.send(String(data satisfies WebSocket.Data));
  socket.onclose = (event: WebSocket.CloseEvent) => `${event.code}${event.reason}${String(event.wasClean)}`;
  socket.onerror = (event: WebSocket.ErrorEvent) => event.error;
  socket.addEventListener("open", { handleEvent: (event: WebSocket.Event) => event.type }, { once: true });
  socket.once("unexpected-response", (request, response) => request.setHeader("s", response.statusCode ?? 0));
  socket.on("redirect", (url, request) => request.setHeader("l", url));
  socket.on("error", function (error) {
    this.close(1000, error.message);
  });
  return createWebSocketStream(socket, { encoding: "utf8" });
}

export function optionsOf(wss: WebSocketServer): ServerOptions {
  return wss.options;
}
