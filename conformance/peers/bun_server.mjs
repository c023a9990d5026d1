// Program for Bun: listens, prints its port, and echoes until it is killed.
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("no", { status: 426 })),
  websocket: {
    perMessageDeflate: true,
    maxPayloadLength: 32 * 1_048_576,
    backpressureLimit: 64 * 1_048_576,
    message: (socket, message) => void socket.send(message, true),
  },
});
console.log(server.port);
