import { interopSuite } from "./interop-suite.js";
import { hawser } from "./peers/hawser.js";
import { hawserWebSocket } from "./peers/hawser-websocket.js";
import { ws } from "./peers/ws.js";

interopSuite({ ...hawser, name: "itself" });
interopSuite(hawser, hawserWebSocket);
interopSuite(ws, hawserWebSocket);
