// Connections without a complete request: one address gets no more places of them than of connections.
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import { connect } from "hawser/client";
import { serve } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { Http2Client } from "../support/http2-client.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient } from "../support/raw-client.js";
import { rounds, until } from "../support/until.js";

async function open(port: number, firstBytes = ""): Promise<Socket> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  if (firstBytes !== "") socket.write(firstBytes);
  socket.resume();
  return socket;
}

const isGone = (socket: Socket) => until(() => socket.destroyed, "it is dropped");

describe("connections without a complete request", () => {
  after(leakCheck());

  it("are capped by address also where they never begin with TLS, and give their places back", async () => {
    const { key, cert, ca } = testCertificate();
    const server = await serve({ tls: { key, cert }, maxConnectionsPerAddress: 3, message() {} });
    const silent = await Promise.all([1, 2, 3].map(() => open(server.port)));
    await rounds(10);
    await isGone(await open(server.port));
    assert.ok(silent.every((socket) => !socket.destroyed));
    for (const socket of silent) socket.destroy();
    await rounds(10);
    // Nor does a handshake that fails keep one.
    for (let i = 0; i < 5; i++) await isGone(await open(server.port, "this is no TLS, whatever it is"));
    await rounds(10);
    const clients = [];
    for (let i = 0; i < 3; i++) clients.push(await connect(server.url, { tls: { ca }, message() {} }));
    // Those that are open are no longer counted among them.
    const more = await Promise.all([1, 2, 3].map(() => open(server.port)));
    await rounds(10);
    assert.ok(more.every((socket) => !socket.destroyed));
    for (const socket of more) socket.destroy();
    for (const client of clients) await client.close();
    await server.shutdown();
  });

  it("are capped by address also where what they began is for Node's HTTP", async () => {
    const server = await serve({ maxConnectionsPerAddress: 3, handshakeTimeoutMs: 60_000, message() {} });
    for (let i = 0; i < 5; i++) await isGone(await open(server.port, "this is no HTTP")); // Node refuses it
    const begun = await Promise.all(["P", "POST / HT", "OPTIONS"].map((first) => open(server.port, first)));
    await rounds(10);
    await isGone(await open(server.port, "P"));
    assert.ok(begun.every((socket) => !socket.destroyed));
    begun[0]!.destroy();
    await rounds(10);
    const next = await RawClient.open({ port: server.port });
    assert.equal(next.status, 101);
    for (const socket of begun) socket.destroy();
    await next.destroy();
    await server.shutdown();
  });

  it("are not those that ask ordinary requests, however many they keep alive", async () => {
    for (const method of ["GET", "POST"]) {
      const server = await serve({
        maxConnectionsPerAddress: 2,
        message() {},
        request: (_request, response) => void response.end("ok"),
      });
      const agents = Array.from({ length: 5 }, () => new Agent({ keepAlive: true }));
      for (const agent of [...agents, ...agents]) {
        const status = await new Promise((resolve, reject) => {
          const request = get({ port: server.port, host: "127.0.0.1", agent, method }, (response) => {
            response.resume().on("end", () => resolve(response.statusCode));
          });
          request.on("error", reject);
        });
        assert.equal(status, 200);
      }
      for (const agent of agents) agent.destroy();
      await server.shutdown();
    }
  });

  it("are not sessions of HTTP/2, which are counted by themselves", async () => {
    const server = await serve({ http2: true, maxConnectionsPerAddress: 2, message() {} });
    const sessions = [await Http2Client.connect(server.port), await Http2Client.connect(server.port)];
    await rounds(5);
    const client = await RawClient.open({ port: server.port });
    assert.equal(client.status, 101);
    await client.destroy();
    for (const { session } of sessions) session.destroy();
    await server.shutdown({ drainTimeoutMs: 100 });
  });
});
