import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { testServer } from "hawser/conformance";
import { serve } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { ECHO_LIMITS } from "./echo-client.js";

describe("testServer over wss:", () => {
  it("needs `insecure` for a certificate that nobody vouches for", async (t) => {
    const server = await serve({
      ...ECHO_LIMITS,
      tls: testCertificate(),
      message: (socket, data) => void socket.send(data),
    });
    t.after(() => server.shutdown());
    const only = ["1.*", "2.*", "7.1.*", "20.8.*", "23.1.*", "24.*"];
    const { results: refused } = await testServer(server.url, { only: ["1.1.1"] });
    assert.match(refused[0]!.reason, /^no connection to the server: .*certificate/i);
    const { results } = await testServer(server.url, { only, insecure: true });
    assert.deepEqual(
      results.filter(({ verdict }) => verdict !== "pass").map(({ id, reason }) => `${id} ${reason}`),
      [],
    );
  });
});
