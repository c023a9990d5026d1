import assert from "node:assert/strict";
import { after, before, it, type TestContext } from "node:test";
import { connect } from "hawser/client";
import { connectErrorOf } from "../client/connect-error.js";
import { testCertificate } from "../support/certificate.js";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { describeWith } from "../support/requirements.js";
import { Backend } from "./backend.js";
import { freeLowPort } from "./free-low-port.js";
import { howToBlock } from "./how-to-block.js";
import { RealProgram } from "./real-program.js";
import { carriesEverything } from "./way.js";

/** The address that the proxy connects from, so that it is seen who came through it. */
const PROXY = "127.0.0.7";
const DIRECT = "127.0.0.1";

describeWith("tinyproxy", "through an HTTP proxy", (tinyproxy) => {
  const noLeak = leakCheck();
  const { key, cert, ca } = testCertificate();
  let plain: Backend;
  let secure: Backend;
  let program: RealProgram;
  let port = 0;
  const proxyUrl = (): string => `http://ada:secret@127.0.0.1:${port}`;

  function start(replacements: Record<string, string>): Promise<RealProgram> {
    return RealProgram.start({
      program: tinyproxy,
      programArguments: (directory) => ["-d", "-c", `${directory}/tinyproxy.conf`],
      ports: [port],
      files: () => ({
        "tinyproxy.conf": howToBlock("through-a-proxy.md", "/etc/tinyproxy/tinyproxy.conf", {
          "Port 8888": `Port ${port}\nBind ${PROXY}\nLogLevel Error`,
          "Listen 10.0.0.1": "Listen 127.0.0.1",
          "10.0.0.0/8": "127.0.0.0/8",
          "ConnectPort 443": `ConnectPort ${plain.server.port}`,
          "ConnectPort 80": `ConnectPort ${secure.server.port}`,
          ...replacements,
        }),
      }),
    });
  }

  before(async () => {
    port = await freeLowPort();
    plain = await Backend.start("plain");
    secure = await Backend.start("secure", { tls: { key, cert } });
    program = await start({});
  });

  after(async () => {
    await plain?.end();
    await secure?.end();
    await program?.end();
    await noLeak();
  });

  carriesEverything("without TLS", () => ({
    url: plain.server.url,
    options: { proxy: proxyUrl() },
    backend: plain,
    address: PROXY,
  }));
  carriesEverything("with TLS in the tunnel", () => ({
    url: secure.server.url,
    options: { proxy: proxyUrl(), tls: { ca } },
    backend: secure,
    address: PROXY,
  }));

  /**
   * Which way a client goes that has only the environment to go by. 0.0.0.0 is not loopback, which never goes through a proxy
   * of the environment, and yet it is this machine for Linux: for the proxy the address that it connects from.
   */
  async function wayWith(t: TestContext, variables: Record<string, string>): Promise<string> {
    for (const [name, value] of Object.entries(variables)) {
      process.env[name] = value;
      t.after(() => void delete process.env[name]);
    }
    const socket = await connect(`ws://0.0.0.0:${plain.server.port}/name`);
    let name = "";
    for await (const message of socket) {
      name = String(message);
      break;
    }
    await socket.close();
    return name;
  }

  it("is taken from the environment", async (t) => {
    const beyond = await Backend.start("through the proxy", { host: PROXY, port: plain.server.port });
    t.after(() => beyond.end());
    assert.equal(await wayWith(t, { http_proxy: proxyUrl() }), "through the proxy");
    assert.equal(await wayWith(t, { http_proxy: proxyUrl(), no_proxy: "0.0.0.0" }), "plain");
    assert.equal(
      await wayWith(t, { http_proxy: "", all_proxy: proxyUrl(), no_proxy: ".example" }),
      "through the proxy",
    );
  });

  it("is not used with proxy: false", async (t) => {
    process.env["http_proxy"] = proxyUrl();
    t.after(() => void delete process.env["http_proxy"]);
    const socket = await connect(`ws://0.0.0.0:${plain.server.port}/`, { proxy: false });
    assert.equal((await plain.sockets.next()).request.remoteAddress, DIRECT);
    await socket.close();
  });

  it("refuses without credentials, with wrong ones, ports that it does not allow, and says so", async () => {
    const refused = async (url: string, proxy: string): Promise<unknown> => {
      const error = await connectErrorOf(connect(url, { proxy }));
      assert.deepEqual([error.code, error.phase], ["PROXY_REFUSED", "proxy"]);
      return error.status;
    };
    assert.equal(await refused(plain.server.url, `http://127.0.0.1:${port}`), 407);
    assert.equal(await refused(plain.server.url, `http://ada:wrong@127.0.0.1:${port}`), 401);
    assert.equal(await refused("ws://127.0.0.1:9/", proxyUrl()), 403);
  });

  it("tells of a target that is not there by a status", async () => {
    const gone = await Backend.start("gone");
    const { url, port: gonePort } = gone.server;
    await program.end();
    program = await start({ "Timeout 600": `Timeout 600\nConnectPort ${gonePort}` });
    await gone.end();
    const error = await connectErrorOf(connect(url, { proxy: proxyUrl() }));
    assert.deepEqual([error.code, error.phase], ["PROXY_REFUSED", "proxy"]);
    assert.ok((error.status ?? 0) >= 500, String(error.status));
  });

  it("ends a quiet tunnel, but none with heartbeats", async () => {
    await program.end();
    program = await start({ "Timeout 600": "Timeout 2" });
    const messages = new Inbox<string | Buffer>("message");
    const options = { proxy: proxyUrl(), pingIntervalMs: 0, idleTimeoutMs: 0 };
    const alive = await connect(`${plain.server.url}/`, {
      ...options,
      message: (_socket, data) => messages.push(data),
    });
    const quiet = await connect(`${plain.server.url}/quiet`, options);
    assert.equal((await quiet.closed).code, 1006);
    alive.send("still here");
    assert.equal(await messages.next(), "still here");
    await alive.close();
  });
});
