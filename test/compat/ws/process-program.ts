// A program of its own, run by process.test.ts: what it does, and with which implementation, its arguments say.
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { closeFrame, RawClient, textFrame } from "../../support/raw-client.js";
import type { Api } from "./implementations.js";

const [name = "ws", what, url = ""] = process.argv.slice(2);
const api: Api = createRequire(import.meta.url)(name);
process.disconnect?.();

switch (what) {
  case "throw":
    serve((socket) => {
      socket.on("message", () => {
        throw new Error("thrown in a listener");
      });
    });
    break;

  case "caught": {
    const seen: string[] = [];
    let current = "";
    process.on("uncaughtException", () => seen.push(`caught-${current}`));
    serve((socket, close) => {
      socket.on("message", (data) => {
        current = String(data);
        seen.push(current);
        if (current === "2") throw new Error("thrown in a listener");
      });
      socket.on("close", (code) => {
        seen.push(`closed-${code}`);
        console.log(seen.join(" "));
        close();
      });
    });
    break;
  }

  case "unheard":
    new api("ws://127.0.0.1:1");
    break;

  case "exit": {
    const client = new api(url);
    client.on("open", () => {
      client.send("last words");
      process.exit(0);
    });
    break;
  }

  case "exit-handler": {
    const client = new api(url);
    client.on("open", () => {
      client.send("first");
      process.on("exit", () => {
        client.send("last words");
        client.close(1001, "exiting");
      });
      process.exit(0);
    });
    break;
  }

  case "exit-in-listener": {
    const client = new api(url);
    client.on("message", () => {
      process.on("exit", () => client.send("last words"));
      process.exit(0);
    });
    break;
  }

  case "quiet": {
    const wss = new api.WebSocketServer({ port: 0, host: "127.0.0.1" }, () => {
      const client = new api(`ws://127.0.0.1:${(wss.address() as AddressInfo).port}`);
      client.on("open", () => client.close());
      client.on("close", () => wss.close());
    });
    break;
  }
}

/** A server with one client that sends four messages and a close frame in one write. */
function serve(use: (socket: InstanceType<Api>, close: () => void) => void): void {
  const wss = new api.WebSocketServer({ port: 0, host: "127.0.0.1" });
  wss.on("connection", (socket) => use(socket, () => wss.close()));
  wss.on("listening", async () => {
    const client = await RawClient.open({ port: (wss.address() as AddressInfo).port });
    client.send(...["1", "2", "3", "4"].map(textFrame), closeFrame(1000));
  });
}
