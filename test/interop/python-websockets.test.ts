import { describeWith } from "../support/requirements.js";
import { interopSuite } from "./interop-suite.js";
import { PythonWebsockets } from "./peers/python-websockets.js";

describeWith("python3-websockets", "Python", (python) => interopSuite(new PythonWebsockets(python)));
