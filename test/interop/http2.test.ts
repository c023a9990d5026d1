import { interopSuite } from "./interop-suite.js";
import { hawserHttp2 } from "./peers/hawser-http2.js";

// Once: both ends are the same.
const { serve: _serve, ...client } = hawserHttp2;
interopSuite({ ...client, name: "itself" }, hawserHttp2);
