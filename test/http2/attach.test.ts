import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { attach, type ServeOptions } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { Http2Client } from "../support/http2-client.js";
import { leakCheck } from "../support/leak-check.js";
import { closeFrame, RawClient, textFrame } from "../support/raw-client.js";

const ECHO: ServeOptions = { pingIntervalMs: 0, message: (socket, data) => void socket.send(data) };

async function listening(http: Http2Server | Http2SecureServer): Promise<number> {
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return (http.address() as AddressInfo).port;
}

describe("attach to a server of node:http2", () => {
  after(leakCheck());

  it("takes extended CONNECTs, and leaves requests to those that listen for streams or requests", async () => {
    const http = createServer();
    const asked: string[] = [];
    http.on("stream", (_stream: ServerHttp2Stream, headers) => void asked.push(String(headers[":path"])));
    const server = attach(http, ECHO);
    // Node makes objects for each stream for this one, and would answer a CONNECT with 405.
    http.on("request", (request, response) => response.end(`page ${request.url}`));
    const client = await Http2Client.connect(await listening(http));
    const socket = await client.open({ ":path": "/chat" });
    socket.send(textFrame("hi"));
    assert.equal(await socket.nextText(), "hi");
    assert.deepEqual(await client.get("/page"), { status: 200, body: "page /page" });
    assert.deepEqual(asked, ["/page"]);
    await server.shutdown({ drainTimeoutMs: 0 });
    await client.destroy();
    http.close();
  });

  it("serves HTTP/1.1 and HTTP/2 on the same port with allowHTTP1", async () => {
    const http = createSecureServer({ ...testCertificate(), allowHTTP1: true });
    const server = attach(http, ECHO);
    const port = await listening(http);
    const { ca } = testCertificate();
    const [over2, over1] = [await Http2Client.connect(port, { ca }), await RawClient.open({ port, ca })];
    const socket = await over2.open();
    assert.deepEqual([socket.status, over1.status], [200, 101]);
    assert.deepEqual(
      [...server.connections].map(({ request }) => [request.httpVersion, request.isSecure]).sort(),
      [
        ["1.1", true],
        ["2", true],
      ],
    );
    socket.send(textFrame("two"));
    over1.send(textFrame("one"));
    assert.deepEqual([await socket.nextText(), await over1.nextText()], ["two", "one"]);
    await Promise.all([over2.destroy(), over1.destroy()]);
    await server.shutdown();
    http.close();
  });

  it("says 404 where nobody else takes CONNECTs, and 501 to other protocols", async () => {
    const http = createServer();
    const server = attach(http, { routes: { "/ours": ECHO } });
    const client = await Http2Client.connect(await listening(http));
    assert.equal((await client.open({ ":path": "/theirs" })).status, 404);
    assert.equal((await client.open({ ":path": "/ours", ":protocol": "connect-udp" })).status, 501);
    assert.equal((await client.open({ ":path": "/ours" })).status, 200);
    await client.destroy();
    await server.shutdown();
    http.close();
  });

  it("leaves paths that are not its own, and other protocols, to a listener for `connect`", async () => {
    const http = createServer();
    const server = attach(http, { routes: { "/ours": ECHO } });
    http.on("request", (_request, response) => response.end());
    http.on("connect", (_request, response) => {
      response.statusCode = 299;
      response.end(() => setTimeout(() => response.stream.close(), 5));
    });
    const client = await Http2Client.connect(await listening(http));
    assert.equal((await client.open({ ":path": "/theirs" })).status, 299);
    assert.equal((await client.open({ ":path": "/ours", ":protocol": "connect-udp" })).status, 299);
    assert.equal((await client.open({ ":path": "/ours" })).status, 200);
    await client.destroy();
    await server.shutdown();
    http.close();
  });

  it("shares the server with another one of Hawser by their paths", async () => {
    const http = createServer();
    const servers = ["a", "b"].map((name) =>
      attach(http, {
        routes: { [`/${name}`]: { pingIntervalMs: 0, message: (socket) => void socket.send(name) } },
      }),
    );
    const client = await Http2Client.connect(await listening(http));
    for (const name of ["b", "a"]) {
      const socket = await client.open({ ":path": `/${name}` });
      socket.send(textFrame("who?"));
      assert.equal(await socket.nextText(), name);
    }
    assert.equal((await client.open({ ":path": "/c" })).status, 404);
    await client.destroy();
    await Promise.all(servers.map((server) => server.shutdown()));
    http.close();
  });

  it("closes its own sockets at shutdown, and leaves the session to its owner", async () => {
    const http = createServer();
    const server = attach(http, ECHO);
    http.on("request", (_request, response) => response.end("still"));
    const client = await Http2Client.connect(await listening(http));
    const socket = await client.open();
    const ending = server.shutdown();
    assert.equal(await socket.nextCloseCode(), 1001);
    socket.send(closeFrame(1001));
    await socket.ended;
    socket.stream.end();
    await ending;
    assert.deepEqual(await client.get("/"), { status: 200, body: "still" });
    await client.destroy();
    http.close();
  });

  it("gives a framework its own listeners where several ask for streams", async () => {
    const http = createServer();
    const order: string[] = [];
    http.on("stream", (stream: ServerHttp2Stream) => {
      order.push("before");
      stream.respond({ ":status": 204 }, { endStream: true });
    });
    const server = attach(http, ECHO);
    http.on("stream", () => void order.push("after"));
    const client = await Http2Client.connect(await listening(http));
    assert.equal((await client.get("/")).status, 204);
    assert.equal((await client.open()).status, 200);
    assert.deepEqual(order, ["before", "after"]);
    await client.destroy();
    await server.shutdown();
    http.close();
  });
});
