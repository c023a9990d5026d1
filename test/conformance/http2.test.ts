import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { connect } from "hawser/client";
import { type ConformanceReport, conformanceCases, FuzzingServer, testServer } from "hawser/conformance";
import { serve } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { drive, ECHO_LIMITS, type EchoClient } from "./echo-client.js";

/** Cases that Hawser may answer with less than `pass`, and why. */
const KNOWN: Readonly<Record<string, string>> = {
  // It offers client_max_window_bits, and the case is about clients that do not.
  "25.5.18": "unimplemented",
};

const http2Client: EchoClient = (url, onText) =>
  new Promise((resolve) => {
    connect(url, {
      ...ECHO_LIMITS,
      http2: "prior-knowledge",
      compression: true,
      message: (socket, data) => {
        if (typeof data === "string") onText?.(data);
        socket.send(data);
      },
      close: () => resolve(),
    }).catch(() => resolve());
  });

function assertPassed({ results }: ConformanceReport, expected: number): void {
  assert.equal(results.length, expected);
  const short = results
    .filter(({ id, verdict }) => verdict !== "pass" && KNOWN[id] !== verdict)
    .map(({ id, verdict, reason }) => `${id} ${verdict}: ${reason}`);
  assert.deepEqual(short, []);
}

describe("a server with a fault that only HTTP/2 has", () => {
  it("that takes any CONNECT for a handshake fails in category 29", async () => {
    // Answers what is no WebSocket as if it were one.
    const server = createHttp2Server({ settings: { enableConnectProtocol: true } });
    server.on("stream", (stream) => {
      stream.on("error", () => {});
      stream.respond({ ":status": 200 });
      stream.resume();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { results } = await testServer(`ws://127.0.0.1:${port}`, {
      http2: true,
      timeoutMs: 2_000,
      only: ["29.2"],
    });
    server.close();
    assert.ok(results.length > 0);
    assert.ok(results.some(({ verdict }) => verdict === "fail"));
  });
});

describe("hawser conformance of Hawser over HTTP/2", () => {
  it("passes every case as a server, by prior knowledge", async () => {
    const server = await serve({
      ...ECHO_LIMITS,
      http2: true,
      compression: true,
      message: (socket, data) => void socket.send(data),
    });
    try {
      const report = await testServer(server.url, { agent: "Hawser", timeoutMs: 20_000, http2: true });
      assertPassed(report, conformanceCases("server", { http2: true }).length);
    } finally {
      await server.shutdown();
    }
  });

  it("passes as a server over TLS", async () => {
    const server = await serve({
      ...ECHO_LIMITS,
      http2: true,
      tls: testCertificate(),
      message: (socket, data) => void socket.send(data),
    });
    try {
      const options = { http2: true, insecure: true, only: ["1", "2", "7.1", "23.1", "24", "29"] };
      const report = await testServer(server.url, options);
      assertPassed(report, conformanceCases("server", options).length);
    } finally {
      await server.shutdown();
    }
  });

  it("passes every case as a client", async () => {
    let report: ConformanceReport | undefined;
    const server = await FuzzingServer.listen({
      port: 0,
      timeoutMs: 20_000,
      http2: true,
      onReport: (one) => {
        report = one;
      },
    });
    try {
      await drive(server.url, "Hawser", http2Client, 4);
      assertPassed(report!, conformanceCases("client", { http2: true }).length);
    } finally {
      await server.close();
    }
  });

  it("leaves out what is about the heads of HTTP/1.1, and nothing else", () => {
    for (const role of ["server", "client"] as const) {
      const both = conformanceCases(role).map(({ id }) => id);
      const over2 = conformanceCases(role, { http2: true }).map(({ id }) => id);
      const gone = both.filter((id) => !over2.includes(id));
      assert.ok(
        gone.every((id) => /^(?:20|25\.[12367]|28\.1\.[1-7])(?:\.|$)/.test(id)),
        gone.join(),
      );
      assert.ok(over2.filter((id) => !both.includes(id)).every((id) => id.startsWith("29.")));
    }
  });
});
