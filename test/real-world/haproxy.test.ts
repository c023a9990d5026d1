import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { after, before, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { testCertificate } from "../support/certificate.js";
import { leakCheck } from "../support/leak-check.js";
import { closeFrame, textFrame } from "../support/raw-client.js";
import { describeWith } from "../support/requirements.js";
import { Backend } from "./backend.js";
import { freeLowPort } from "./free-low-port.js";
import { HAPROXY_HOW_TO, haproxyFiles } from "./haproxy-files.js";
import { howToBlock } from "./how-to-block.js";
import { behavesAsAProxy } from "./proxy-behaviour.js";
import { RealProgram } from "./real-program.js";
import { CLIENT, carriesEverything } from "./way.js";

describeWith("haproxy", "behind HAProxy", (haproxy) => {
  const noLeak = leakCheck();
  const realIp: Parameters<typeof Backend.start>[1] = {
    clientAddress: (request) => request.headers.get("x-real-ip") ?? "",
  };
  const { key, cert, ca } = testCertificate();
  let program: RealProgram;
  let plain: Backend;
  let secure: Backend;
  let passed: Backend;
  let unix: Backend;
  const ports = { plain: 0, tls: 0, encrypted: 0, passed: 0, unix: 0 };

  before(async () => {
    for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freeLowPort();
    plain = await Backend.start("plain", realIp);
    secure = await Backend.start("secure", { tls: { key, cert }, ...realIp });
    passed = await Backend.start("passed", { tls: { key, cert }, proxyProtocolFrom: ["127.0.0.1"] });
    program = await RealProgram.start({
      program: haproxy,
      programArguments: () => [
        "-db",
        ...["haproxy", "tls-backend", "passed-through", "unix"].flatMap((name) => ["-f", `${name}.cfg`]),
      ],
      ports: Object.values(ports),
      files: (directory) => ({
        ...haproxyFiles(directory, {
          port: ports.plain,
          tlsPort: ports.tls,
          backendPorts: [plain.server.port, plain.server.port],
        }),
        "tls-backend.cfg": howToBlock(HAPROXY_HOW_TO, "/etc/haproxy/tls-backend.cfg", {
          "bind :8444 ": `bind 127.0.0.1:${ports.encrypted} `,
          "10.0.0.7:8443": `127.0.0.1:${secure.server.port}`,
          "/etc/ssl": directory,
          "str(chat.example) verifyhost chat.example": "str(localhost) verifyhost localhost",
        }),
        "passed-through.cfg": howToBlock(HAPROXY_HOW_TO, "/etc/haproxy/passed-through.cfg", {
          "bind :8445": `bind 127.0.0.1:${ports.passed}`,
          "10.0.0.8:8443": `127.0.0.1:${passed.server.port}`,
        }),
        "unix.cfg": howToBlock(HAPROXY_HOW_TO, "/etc/haproxy/unix.cfg", {
          "bind :8446": `bind 127.0.0.1:${ports.unix}`,
          "/run/chat": directory,
        }),
      }),
    });
    unix = await Backend.start("unix", {
      path: `${program.directory}/chat.sock`,
      proxyProtocolFrom: ["unix"],
    });
  });

  after(async () => {
    for (const backend of [plain, secure, passed, unix]) await backend?.end();
    await program?.end();
    await noLeak();
  });

  const options = { tls: { ca }, family: 4 } as const;
  carriesEverything("without TLS", () => ({
    url: `ws://127.0.0.1:${ports.plain}`,
    backend: plain,
    address: CLIENT,
  }));
  carriesEverything("TLS taken off", () => ({
    url: `wss://localhost:${ports.tls}`,
    options,
    backend: plain,
    address: CLIENT,
  }));
  carriesEverything("TLS on both sides", () => ({
    url: `wss://localhost:${ports.encrypted}`,
    options,
    backend: secure,
    address: CLIENT,
  }));
  carriesEverything("TLS passed through, with the PROXY protocol", () => ({
    url: `wss://localhost:${ports.passed}`,
    options,
    backend: passed,
    address: CLIENT,
  }));
  carriesEverything("a Unix socket, with the PROXY protocol", () => ({
    url: `ws://127.0.0.1:${ports.unix}`,
    backend: unix,
    address: CLIENT,
  }));

  it("takes WebSockets over HTTP/2, several on one connection", async () => {
    const session = connectHttp2(`https://localhost:${ports.tls}`, { ca });
    const [settings] = (await once(session, "remoteSettings")) as [{ enableConnectProtocol?: boolean }];
    assert.equal(settings.enableConnectProtocol, true);
    for (const text of ["first", "second"]) {
      const stream = session.request(
        { ":method": "CONNECT", ":protocol": "websocket", ":path": "/", "sec-websocket-version": "13" },
        { endStream: false },
      );
      const [headers] = (await once(stream, "response")) as [{ ":status": number }];
      assert.equal(headers[":status"], 200);
      assert.equal((await plain.sockets.next()).request.remoteAddress, "127.0.0.1");
      stream.write(textFrame(text));
      stream.write(closeFrame(4003));
      let received = Buffer.alloc(0);
      for await (const chunk of stream) received = Buffer.concat([received, chunk]);
      const expected = [
        Buffer.of(0x81, text.length),
        Buffer.from(text),
        Buffer.of(0x88, 2, 4003 >> 8, 4003 & 255),
      ];
      assert.deepEqual(received, Buffer.concat(expected));
      assert.equal((await plain.closes.next()).code, 4003);
    }
    session.close();
    await once(session, "close");
  });

  behavesAsAProxy({
    shortTimeouts: { "timeout tunnel 75s": "timeout tunnel 2s" },
    otherHost: {
      "  default_backend chat\n": "  http-request set-header Host internal\n  default_backend chat\n",
    },
    sessions: { "balance leastconn": "balance url_param session\n  hash-type consistent" },
    async start({ backendPorts, replacements }) {
      const [port, tlsPort] = [await freeLowPort(), await freeLowPort()];
      const files = (directory: string, toPorts: readonly [number, number]): Record<string, string> =>
        haproxyFiles(directory, { port, tlsPort, backendPorts: toPorts, replacements });
      const started = await RealProgram.start({
        program: haproxy,
        // With a master process, as the system starts it, and a socket to command it.
        programArguments: (directory) => ["-W", "-S", `unix@${directory}/master.sock`, "-f", "haproxy.cfg"],
        ports: [port],
        files: (directory) => files(directory, backendPorts),
      });
      return {
        port,
        async reload(toPorts) {
          for (const [path, text] of Object.entries(files(started.directory, toPorts)))
            started.write(path, text);
          // A master process that has just started hears neither signals nor this.
          const hasHeard = (): boolean => started.said.includes("Reloading HAProxy");
          for (let attempt = 0; attempt < 50 && !hasHeard(); attempt++) {
            const command = connectTcp(`${started.directory}/master.sock`).on("error", () => {});
            command.write("reload\n");
            for (let i = 0; i < 20 && !hasHeard(); i++) await delay(10);
            command.destroy();
          }
        },
        end: () => started.end(),
        said: () => started.said,
      };
    },
  });
});
