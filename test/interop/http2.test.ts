import { interopSuite } from "./interop-suite.js";
import { hawserHttp2 } from "./peers/hawser-http2.js";

interopSuite({ ...hawserHttp2, name: "itself" }, hawserHttp2);
