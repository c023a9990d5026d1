import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { connect } from "hawser/client";
import { redirectTarget } from "#node/client/redirect.js";
import { targetOf } from "#node/client/target.js";
import { tlsForOtherOrigin } from "#node/client/tls-options.js";
import type { ResponseHead } from "#protocol/handshake/head-parser.js";
import { HeaderList } from "#protocol/handshake/header-list.js";
import { leakCheck } from "../support/leak-check.js";
import { connectErrorOf } from "./connect-error.js";
import { headerOf, rawServer, switching } from "./raw-server.js";

function redirect(location: string, status = 302): string {
  return `HTTP/1.1 ${status} Elsewhere\r\nLocation: ${location}\r\nContent-Length: 3\r\n\r\nbye`;
}

describe("redirects", () => {
  after(leakCheck());

  const secret = {
    Authorization: "Bearer t",
    Cookie: "a=b",
    "Proxy-Authorization": "Basic x",
    "X-Api-Key": "k",
    "User-Agent": "test/1",
  };

  it("are followed in a chain, with all headers at the same origin and a new key each", async (t) => {
    const statuses = [301, 302, 303, 307, 308];
    const server = await rawServer(t, (socket, head) => {
      const status = statuses[server.requests.length - 1];
      socket.write(status === undefined ? switching(head) : redirect(`step?${status}#ignored`, status));
    });
    const socket = await connect(`${server.url}/a/b`, { maxRedirects: 5, headers: secret });
    assert.equal(socket.url, `${server.url}/a/step?308`);
    assert.equal(server.requests.length, 6);
    for (const head of server.requests) {
      for (const [name, value] of Object.entries(secret)) assert.equal(headerOf(head, name), value);
    }
    const keys = new Set(server.requests.map((head) => headerOf(head, "sec-websocket-key")));
    assert.equal(keys.size, 6);
    socket.terminate();
    await socket.closed;
  });

  it("take no credentials to another origin, and do not give them back at home", async (t) => {
    const home = await rawServer(t, (socket, head) => {
      socket.write(home.requests.length === 1 ? redirect(`http://127.0.0.1:${away.port}/`) : switching(head));
    });
    const away = await rawServer(t, (socket) => socket.write(redirect(`ws://127.0.0.1:${home.port}/back`)));
    const url = `ws://user:pass@127.0.0.1:${home.port}/`;
    const { Authorization: _, ...headers } = secret;
    const socket = await connect(url, { maxRedirects: 2, headers });
    assert.match(headerOf(home.requests[0] ?? "", "authorization") ?? "", /^Basic /);
    for (const head of [away.requests[0] ?? "", home.requests[1] ?? ""]) {
      assert.match(head, /^GET \//);
      for (const name of ["Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key"]) {
        assert.equal(headerOf(head, name), undefined, name);
      }
      assert.equal(headerOf(head, "user-agent"), "test/1");
    }
    socket.terminate();
    await socket.closed;
  });

  it("do not make us send credentials of the server's choice", async (t) => {
    const server = await rawServer(t, (socket, head) => {
      const { port, requests } = server;
      socket.write(requests.length === 1 ? redirect(`ws://a:b@127.0.0.1:${port}/`) : switching(head));
    });
    const socket = await connect(server.url, { maxRedirects: 1 });
    assert.equal(headerOf(server.requests[1] ?? "", "authorization"), undefined);
    socket.terminate();
    await socket.closed;
  });

  it("end after maxRedirects, also in a loop", async (t) => {
    const server = await rawServer(t, (socket) => socket.write(redirect("/loop")));
    const error = await connectErrorOf(connect(server.url, { maxRedirects: 3 }));
    assert.equal(error.code, "TOO_MANY_REDIRECTS");
    assert.equal(error.status, 302);
    assert.equal(server.requests.length, 4);
  });

  it("are refused without one usable Location", async (t) => {
    for (const answer of [
      "HTTP/1.1 302 Found\r\n\r\n",
      "HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n",
      redirect("ws://["),
      redirect("ftp://127.0.0.1/"),
      redirect("ws+unix:/tmp/x:/"),
      redirect("ws://a{b/"),
    ]) {
      const server = await rawServer(t, (socket) => socket.write(answer));
      const error = await connectErrorOf(connect(server.url, { maxRedirects: 3 }));
      assert.equal(error.code, "INVALID_REDIRECT", answer);
      assert.equal(error.status, 302);
    }
  });

  it("never lead from wss: to ws:, nor out of a Unix socket", () => {
    const head = (location: string): ResponseHead => ({
      status: 302,
      reason: "",
      httpVersion: "1.1",
      headers: new HeaderList(["Location", location]),
    });
    const secure = targetOf("wss://example.com/", undefined);
    assert.equal(redirectTarget(head("ws://example.com/"), secure), "a redirect from wss: to ws:");
    assert.equal(redirectTarget(head("http://example.com/"), secure), "a redirect from wss: to ws:");
    assert.equal(typeof redirectTarget(head("//other.example/x"), secure), "object");
    const unix = targetOf("ws+unix:/a.sock:/x", undefined);
    assert.match(String(redirectTarget(head("ws://example.com/"), unix)), /leaves the Unix socket/);
    const moved = redirectTarget(head("/y"), unix);
    assert.ok(typeof moved === "object" && moved.socketPath === "/a.sock" && moved.url.pathname === "/y");
  });

  it("take no client certificate and no server name to another origin", () => {
    const kept = tlsForOtherOrigin({
      ca: "c",
      cert: "x",
      key: "k",
      pfx: "p",
      servername: "s",
      rejectUnauthorized: true,
    });
    assert.deepEqual(kept, { ca: "c", rejectUnauthorized: true });
  });
});
