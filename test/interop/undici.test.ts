import { interopSuite } from "./interop-suite.js";
import { nodeWebSocket, undici } from "./peers/undici.js";

interopSuite(undici);

const builtIn = nodeWebSocket();
if (builtIn !== undefined) interopSuite(builtIn);
