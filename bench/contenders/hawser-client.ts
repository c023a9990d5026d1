import { connect } from "hawser/client";
import { answerRunner, contenderSettings } from "../runner-link.js";

const { url, connections } = contenderSettings();
for (let i = 0; i < connections; i++) {
  await connect(url!, { message: (socket, data) => void socket.send(data) });
}
answerRunner(0, () => connections);
