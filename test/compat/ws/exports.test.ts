import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import HawserDefault, * as hawserModule from "hawser/ws";
import * as wsModule from "ws";
import { projectPath } from "#scripts/project-root.js";
import { describeBoth, hawser, ws } from "./implementations.js";

const require = createRequire(import.meta.url);

describeBoth("what require gives", (api) => {
  it("is the class WebSocket, an EventEmitter", () => {
    assert.equal(typeof api, "function");
    assert.equal(api.name, "WebSocket");
    assert.ok(api.prototype instanceof EventEmitter);
    assert.ok(api.WebSocketServer.prototype instanceof EventEmitter);
  });

  it("has itself and both names of the server as properties", () => {
    assert.equal(api.WebSocket, api);
    assert.equal(api.Server, api.WebSocketServer);
  });

  it("has the ready states, on the class and on each socket", () => {
    for (const [name, value] of Object.entries({ CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 })) {
      assert.equal(Reflect.get(api, name), value);
      assert.equal(Reflect.get(api.prototype, name), value);
      assert.ok(Object.getOwnPropertyDescriptor(api.prototype, name)?.enumerable);
    }
  });

  it("has enumerable attributes, as the standard has them", () => {
    const names = ["binaryType", "bufferedAmount", "extensions", "isPaused", "protocol", "readyState", "url"];
    for (const name of [...names, "onopen", "onerror", "onclose", "onmessage"])
      assert.equal(Object.getOwnPropertyDescriptor(api.prototype, name)?.enumerable, true, name);
  });
});

describe("hawser/ws: beside ws", () => {
  it("exports to require all that ws exports", () => {
    assert.deepEqual(Object.keys(ws).sort(), Object.keys(hawser).sort());
  });

  it("exports to import all that ws exports, and no name more", () => {
    assert.deepEqual(Object.keys(hawserModule).sort(), Object.keys(wsModule).filter(isOfWrapper).sort());
  });

  it("is one implementation, however it is loaded", () => {
    assert.equal(HawserDefault, require("hawser/ws"));
    assert.equal(hawserModule.WebSocket, HawserDefault);
    assert.equal(hawserModule.WebSocketServer, hawser.WebSocketServer);
  });

  it("has every method that the classes of ws have", () => {
    for (const name of ["WebSocket", "WebSocketServer", "Receiver", "Sender", "PerMessageDeflate"] as const) {
      const names = (api: typeof ws): string[] => Object.getOwnPropertyNames(api[name].prototype);
      const missing = names(ws).filter((one) => !names(hawser).includes(one) && !INNER.includes(one));
      assert.deepEqual(missing, [], name);
    }
  });

  it("says in a bundle for browsers what to use instead", () => {
    const { exports } = require("hawser/package.json") as {
      exports: Record<string, { browser: string }>;
    };
    const browser = require(`../../../../${exports["./ws"]!.browser.slice(2)}`) as () => void;
    assert.throws(() => browser(), /native WebSocket/);
  });
});

/** Steps of ws's own receiver, sender and compressor, which nobody calls from outside. */
const INNER: readonly string[] = [
  ...["consume", "startLoop", "getInfo", "getPayloadLength16", "getPayloadLength64", "haveLength", "getMask"],
  ...["getData", "decompress", "dataMessage", "controlMessage", "createError"],
  ...["getBlobData", "dispatch", "dequeue", "enqueue"],
  ...["acceptAsServer", "acceptAsClient", "normalizeParams", "_decompress", "_compress"],
];

/** Node adds names to what it imports of CommonJS. */
function isOfWrapper(name: string): boolean {
  return name !== "module.exports";
}

describe("hawser/ws: its types", () => {
  it("are tried with the very program that compiles against @types/ws", () => {
    const body = (name: string): string => {
      const text = readFileSync(projectPath("test", "compat", "ws", name), "utf8");
      return text.slice(text.indexOf("class Session"));
    };
    assert.equal(body("types.ts"), body("types-of-ws.ts"));
  });
});
