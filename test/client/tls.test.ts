import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type AddressInfo,
  createServer as createTcpServer,
  type LookupFunction,
  type Socket,
} from "node:net";
import { after, describe, it, type TestContext } from "node:test";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { connect } from "hawser/client";
import { testCertificate } from "../support/certificate.js";
import { leakCheck } from "../support/leak-check.js";
import { connectErrorOf } from "./connect-error.js";
import { closeServer, onHead, serverFrame, switching } from "./raw-server.js";

describe("wss:", () => {
  after(leakCheck());
  const { key, cert, ca } = testCertificate();

  async function secureServer(
    t: TestContext,
    options: TlsOptions = {},
  ): Promise<{ port: number; sockets: TLSSocket[] }> {
    const raw = new Set<Socket>();
    const sockets: TLSSocket[] = [];
    const server = createServer({ key, cert, ...options }, (socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      onHead(socket, (head) =>
        socket.write(Buffer.concat([Buffer.from(switching(head)), serverFrame(1, "hi")])),
      );
    });
    server.on("tlsClientError", () => {});
    server.on("connection", (socket: Socket) => raw.add(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => closeServer(server, raw));
    return { port: (server.address() as AddressInfo).port, sockets };
  }

  it("verifies the server and sends its name, with ALPN for HTTP/1.1", async (t) => {
    const { port, sockets } = await secureServer(t, { ALPNProtocols: ["h2", "http/1.1"] });
    const socket = await connect(`wss://localhost:${port}/`, { tls: { ca } });
    for await (const message of socket) {
      assert.equal(message, "hi");
      break;
    }
    assert.equal((sockets[0] as { servername?: unknown } | undefined)?.servername, "localhost");
    assert.equal(sockets[0]?.alpnProtocol, "http/1.1");
    socket.terminate();
    await socket.closed;
  });

  it("sends no name for an address, and checks the certificate against the address", async (t) => {
    const { port, sockets } = await secureServer(t);
    const socket = await connect(`wss://127.0.0.1:${port}/`, { tls: { ca } });
    assert.equal((sockets[0] as { servername?: unknown } | undefined)?.servername, false);
    socket.terminate();
    await socket.closed;
  });

  it("refuses a certificate that nobody vouches for, unless told not to", async (t) => {
    const { port } = await secureServer(t);
    const error = await connectErrorOf(connect(`wss://localhost:${port}/`));
    assert.deepEqual([error.code, error.phase], ["CONNECT_FAILED", "tls"]);
    assert.equal((error.cause as { code?: string }).code, "DEPTH_ZERO_SELF_SIGNED_CERT");
    const undef = await connectErrorOf(
      connect(`wss://localhost:${port}/`, { tls: { rejectUnauthorized: undefined } }),
    );
    assert.equal(undef.phase, "tls");
    const socket = await connect(`wss://localhost:${port}/`, { tls: { rejectUnauthorized: false } });
    socket.terminate();
    await socket.closed;
  });

  it("refuses a certificate for another name", async (t) => {
    const { port } = await secureServer(t);
    const lookup: LookupFunction = (_name, options, callback) => {
      if (options.all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
      else callback(null, "127.0.0.1", 4);
    };
    const error = await connectErrorOf(
      connect(`wss://other.invalid:${port}/`, { tls: { ca }, lookup, proxy: false }),
    );
    assert.equal((error.cause as { code?: string }).code, "ERR_TLS_CERT_ALTNAME_INVALID");
    const socket = await connect(`wss://other.invalid:${port}/`, {
      tls: { ca, servername: "localhost" },
      proxy: false,
      lookup,
    });
    socket.terminate();
    await socket.closed;
  });

  it("survives a checkServerIdentity that throws", async (t) => {
    const { port } = await secureServer(t);
    const failure = new Error("mine");
    const tls = {
      ca,
      checkServerIdentity: () => {
        throw failure;
      },
    };
    const error = await connectErrorOf(connect(`wss://localhost:${port}/`, { tls }));
    assert.equal(error.phase, "tls");
    assert.equal(error.cause, failure);
  });

  it("shows a client certificate", async (t) => {
    const { port, sockets } = await secureServer(t, { requestCert: true, ca });
    const socket = await connect(`wss://localhost:${port}/`, { tls: { ca, key, cert } });
    assert.equal(sockets[0]?.getPeerCertificate().subject.CN, "localhost");
    socket.terminate();
    await socket.closed;
  });

  it("rejects a certificate that cannot be read as the caller's mistake", async (t) => {
    const { port } = await secureServer(t);
    await assert.rejects(connect(`wss://localhost:${port}/`, { tls: { cert: "x", key: "y" } }), {
      name: "UsageError",
      code: "INVALID_OPTION",
    });
  });

  it("fails in the phase tls against a server that speaks no TLS", async (t) => {
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => closeServer(server, sockets));
    const { port } = server.address() as AddressInfo;
    const error = await connectErrorOf(connect(`wss://127.0.0.1:${port}/`));
    assert.deepEqual([error.code, error.phase], ["CONNECT_FAILED", "tls"]);
    // One line, in the words of the OpenSSL that is there, and not where in its source that was.
    assert.match(error.message, /^Not connected \(tls\): [a-z ]+(: is TLS spoken there\?)?$/);
  });
});
