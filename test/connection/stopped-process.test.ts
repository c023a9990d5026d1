import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { projectPath } from "#scripts/project-root.js";
import { pongFrame } from "../support/raw-client.js";

const PROGRAM = projectPath("build", "test", "connection", "stopped-server.js");
const REQUEST = [
  "GET / HTTP/1.1",
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

describe("a process that stood still", {
  skip: process.platform === "win32" && "there is no SIGSTOP",
}, () => {
  it("reads what came meanwhile before it judges who has not answered", async () => {
    const child = fork(PROGRAM);
    try {
      const [port] = (await once(child, "message")) as [number];
      const ended = once(child, "message");
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {}); // what came of it is told by the server
      socket.write(`${REQUEST.join("\r\n")}\r\n\r\n`);
      let received = Buffer.alloc(0);
      let headBytes = 0;
      /** The payload of each ping. */
      const pings: Buffer[] = [];
      let onPing = (): void => {};
      socket.on("data", (chunk) => {
        received = Buffer.concat([received, chunk]);
        headBytes ||= received.indexOf("\r\n\r\n") + 4;
        if (headBytes < 4) return void (headBytes = 0);
        for (let rest = received.subarray(headBytes); rest[0] === 0x89 && rest.length >= 2 + rest[1]!; ) {
          pings.push(rest.subarray(2, 2 + rest[1]!));
          headBytes += 2 + rest[1]!;
          rest = received.subarray(headBytes);
          onPing();
        }
      });
      const pinged = (): Promise<string> =>
        new Promise((resolve) => {
          onPing = () => resolve("pinged");
        });

      await pinged();
      process.kill(child.pid!, "SIGSTOP");
      socket.write(pongFrame(pings[0]!));
      await delay(2_500); // longer than it waits for a pong
      const next = pinged();
      process.kill(child.pid!, "SIGCONT");
      assert.equal(await Promise.race([next, ended.then(([how]) => how)]), "pinged");
      socket.destroy();
    } finally {
      child.kill("SIGKILL");
    }
  });
});
