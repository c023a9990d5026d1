import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp, get, type Server as HttpServer, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { attach, createServer, endpoint } from "hawser/server";
import { testCertificate } from "../support/certificate.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient, textFrame } from "../support/raw-client.js";

const echo = endpoint({ message: (socket, data) => void socket.send(data) });

/** What Express, Koa and the like are to an HTTP server. */
const application: RequestListener = (_request, response) => void response.end("the application");

async function listening<S extends HttpServer>(http: S): Promise<{ http: S; port: number }> {
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return { http, port: (http.address() as AddressInfo).port };
}

async function ended(http: HttpServer): Promise<void> {
  const closed = once(http, "close");
  http.close();
  http.closeAllConnections();
  await closed;
}

async function bodyAt(port: number, path = "/"): Promise<string> {
  const [response] = await once(get({ port, host: "127.0.0.1", path, agent: false }), "response");
  let body = "";
  for await (const chunk of response) body += chunk;
  return body;
}

describe("attach", () => {
  after(leakCheck());

  it("adds WebSockets to an http server and leaves its requests alone", async () => {
    const { http, port } = await listening(createHttp(application));
    const server = attach(http, echo);
    const client = await RawClient.open({ port, firstBytes: textFrame("first") });
    assert.equal(await client.nextText(), "first");
    client.send(textFrame("hello"));
    assert.equal(await client.nextText(), "hello");
    assert.equal(await bodyAt(port), "the application");
    await client.destroy();
    await server.shutdown();
    await ended(http);
  });

  it("adds WebSockets to an https server", async () => {
    const { key, cert, ca } = testCertificate();
    const { http, port } = await listening(createHttps({ key, cert }, application));
    const server = attach(http, {
      ...echo,
      open: (socket) => void socket.send(String(socket.request.isSecure)),
    });
    const client = await RawClient.open({ port, ca });
    assert.equal(await client.nextText(), "true");
    await client.destroy();
    await server.shutdown();
    await ended(http);
  });

  it("answers 404 for other paths where nobody else listens for upgrades", async () => {
    const { http, port } = await listening(createHttp(application));
    const server = attach(http, { routes: { "/chat": echo } });
    const client = await RawClient.open({ port, path: "/other" });
    assert.equal(client.status, 404);
    await client.gone;
    await server.shutdown();
    await ended(http);
  });

  it("leaves other paths to another listener, and takes its own", async () => {
    const { http, port } = await listening(createHttp(application));
    const server = attach(http, { routes: { "/chat": echo } });
    http.on("upgrade", (request, stream) => {
      if (request.url === "/hot-reload")
        stream.end("HTTP/1.1 101 Switching Protocols\r\nX-By: other\r\n\r\n");
    });
    const other = await RawClient.open({ port, path: "/hot-reload" });
    assert.equal(other.header("X-By"), "other");
    const ours = await RawClient.open({ port, path: "/chat" });
    assert.equal(ours.status, 101);
    assert.equal(server.connections.size, 1);
    await Promise.all([ours.destroy(), other.destroy()]);
    await server.shutdown();
    await ended(http);
  });

  it("takes its listener away at the shutdown, and the http server goes on", async () => {
    const { http, port } = await listening(createHttp(application));
    const server = attach(http, echo);
    const client = await RawClient.open({ port });
    const shutdown = server.shutdown();
    assert.equal((await client.finish()).code, 1001);
    await shutdown;
    assert.equal(http.listenerCount("upgrade"), 0);
    assert.equal(http.listening, true);
    assert.equal(await bodyAt(port), "the application");
    await ended(http);
  });
});

describe("createServer", () => {
  after(leakCheck());

  it("takes upgrade requests by hand, and resolves with the connection or without", async () => {
    const { http, port } = await listening(createHttp(application));
    const server = createServer({ routes: { "/chat": echo } });
    const answers: Promise<unknown>[] = [];
    http.on(
      "upgrade",
      (request, stream, head) => void answers.push(server.handleUpgrade(request, stream, head)),
    );
    const client = await RawClient.open({ port, path: "/chat", firstBytes: textFrame("first") });
    assert.equal(await client.nextText(), "first");
    assert.deepEqual([...server.connections], [await answers[0]]);
    const refused = await RawClient.open({ port, path: "/other" });
    assert.equal(refused.status, 404);
    assert.equal(await answers[1], undefined);
    await Promise.all([client.destroy(), refused.destroy()]);
    await server.shutdown();
    const late = await RawClient.open({ port, path: "/chat" });
    assert.equal(late.status, 503);
    assert.equal(await answers[2], undefined);
    await late.gone;
    await ended(http);
  });
});
