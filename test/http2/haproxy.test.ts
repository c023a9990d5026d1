import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { connect } from "hawser/client";
import { type ListeningServer, serve } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { Inbox } from "../support/inbox.js";
import { describeWith } from "../support/requirements.js";

describeWith("haproxy", "HAProxy that speaks HTTP/2 to the server", (executable) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-haproxy-"));
  const socketPath = join(folder, "web.sock");
  const tls = { ca: testCertificate().ca };
  let server: ListeningServer;
  let proxy: ChildProcess;

  before(async () => {
    server = await serve({
      http2: true,
      compression: true,
      message: (socket, data) => void socket.send(data),
    });
    const { cert, key } = testCertificate();
    writeFileSync(join(folder, "cert.pem"), cert + key);
    writeFileSync(join(folder, "haproxy.cfg"), configuration(folder, socketPath, server.port));
    proxy = spawn(executable, ["-db", "-f", join(folder, "haproxy.cfg")], { stdio: "ignore" });
    await listening(socketPath);
  });

  after(async () => {
    const ended = once(proxy, "close");
    proxy.kill();
    await ended;
    await server.shutdown({ drainTimeoutMs: 0 });
    rmSync(folder, { recursive: true });
  });

  for (const http2 of [false, true]) {
    it(`passes on WebSocket from clients over HTTP/${http2 ? 2 : 1.1}`, async () => {
      const messages = new Inbox<number>("message");
      const sockets = await Promise.all(
        Array.from({ length: 5 }, (_, i) =>
          connect(`wss://localhost/${i}`, {
            ...{ socketPath, tls, http2 },
            message: (_socket, data) => messages.push(data.length),
          }),
        ),
      );
      assert.deepEqual(
        [...new Set(sockets.map(({ response }) => response.httpVersion))],
        [http2 ? "2" : "1.1"],
      );
      assert.deepEqual(
        [...new Set([...server.connections].map(({ request }) => request.httpVersion))],
        ["2"],
      );
      for (const [i, socket] of sockets.entries()) socket.send("m".repeat(100_000 + i));
      const lengths = await Promise.all(sockets.map(() => messages.next()));
      assert.deepEqual(lengths.sort(), [100_000, 100_001, 100_002, 100_003, 100_004]);
      const results = await Promise.all(sockets.map((socket) => socket.close(4_000, "bye")));
      assert.deepEqual([...new Set(results.map(({ wasClean }) => wasClean))], [true]);
    });
  }
});

function configuration(folder: string, socketPath: string, port: number): string {
  return `
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  timeout tunnel 1h
frontend web
  bind ${socketPath} ssl crt ${join(folder, "cert.pem")} alpn h2,http/1.1
  default_backend hawser
backend hawser
  server one 127.0.0.1:${port} proto h2
`;
}

/** Until somebody listens there. */
async function listening(socketPath: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const socket = await connect("wss://localhost/", { socketPath, tls: { ca: testCertificate().ca } });
      await socket.close();
      return;
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
