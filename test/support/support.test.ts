import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { after, describe, it } from "node:test";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { testCertificate } from "./certificate.js";
import { freePort } from "./free-port.js";
import { leakCheck } from "./leak-check.js";
import { withTimeout } from "./with-timeout.js";

describe("testCertificate", () => {
  after(leakCheck());

  it("is for the names and addresses of this machine, valid now, and made once", () => {
    const { cert } = testCertificate();
    const parsed = new X509Certificate(cert);
    assert.equal(parsed.checkHost("localhost"), "localhost");
    assert.equal(parsed.checkIP("127.0.0.1"), "127.0.0.1");
    assert.equal(parsed.checkIP("::1"), "::1");
    assert.equal(parsed.checkHost("example.com"), undefined);
    assert.ok(parsed.verify(parsed.publicKey));
    assert.ok(Date.parse(parsed.validFrom) < Date.now() && Date.now() < Date.parse(parsed.validTo));
    assert.equal(testCertificate().cert, cert);
  });

  it("is trusted by a TLS client that is given its ca, and by no other", async () => {
    const { key, cert, ca } = testCertificate();
    const server = createTlsServer({ key, cert }, (socket) => socket.end("ok"));
    server.on("tlsClientError", () => {}); // the client that does not trust it hangs up
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    try {
      // The server listens on IPv4 only, and `localhost` may mean ::1 first.
      const dualStack = { autoSelectFamily: true };
      for (const host of ["127.0.0.1", "localhost"]) {
        const socket = connectTls({ ...dualStack, port, host, ca });
        const [data] = (await withTimeout(once(socket, "data"), 5_000, "data over TLS")) as [Buffer];
        assert.equal(data.toString(), "ok");
        socket.destroy();
      }
      const distrustful = connectTls({ port, host: "127.0.0.1" });
      const [error] = (await withTimeout(once(distrustful, "error"), 5_000, "refusal")) as [
        NodeJS.ErrnoException,
      ];
      assert.equal(error.code, "DEPTH_ZERO_SELF_SIGNED_CERT");
    } finally {
      server.close();
    }
    await once(server, "close");
  });
});

describe("withTimeout", () => {
  after(leakCheck());

  it("gives the value of a promise that is in time, and its rejection", async () => {
    assert.equal(await withTimeout(Promise.resolve(1), 60_000, "one"), 1);
    await assert.rejects(withTimeout(Promise.reject(new Error("no")), 60_000, "one"), /^Error: no$/);
  });

  it("rejects with what did not happen", async () => {
    await assert.rejects(withTimeout(new Promise(() => {}), 10, "the close frame"), {
      message: "the close frame: not within 10 ms",
    });
  });
});

describe("freePort", () => {
  it("is a port on which nobody listens", async () => {
    const socket = connect(await freePort(), "127.0.0.1");
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNREFUSED");
  });
});
