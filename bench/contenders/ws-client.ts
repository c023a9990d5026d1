import { once } from "node:events";
import { WebSocket } from "ws";
import { answerRunner, contenderSettings } from "../runner-link.js";

const { url, connections } = contenderSettings();
for (let i = 0; i < connections; i++) {
  const socket = new WebSocket(url!, { perMessageDeflate: false });
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  await once(socket, "open");
}
answerRunner(0, () => connections);
