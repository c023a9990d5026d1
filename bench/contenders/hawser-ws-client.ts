// The program of ws-client.ts with its import replaced: that is what is measured.
import { once } from "node:events";
import { WebSocket } from "hawser/ws";
import { answerRunner, contenderSettings } from "../runner-link.js";

const { url, connections } = contenderSettings();
for (let i = 0; i < connections; i++) {
  const socket = new WebSocket(url!, { perMessageDeflate: false });
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  await once(socket, "open");
}
answerRunner(0, () => connections);
