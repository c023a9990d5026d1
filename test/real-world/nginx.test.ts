import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { getuid } from "node:process";
import { after, before, it } from "node:test";
import { connect } from "hawser/client";
import { testCertificate } from "../support/certificate.js";
import { leakCheck } from "../support/leak-check.js";
import { describeWith } from "../support/requirements.js";
import { Backend } from "./backend.js";
import { freeLowPort } from "./free-low-port.js";
import { howToBlock } from "./how-to-block.js";
import { behavesAsAProxy, type ProxyUnderTest } from "./proxy-behaviour.js";
import { RealProgram } from "./real-program.js";
import { CLIENT, carriesEverything } from "./way.js";

const HOW_TO = "behind-nginx.md";
/** How nginx chooses a backend there. */
const CHOICE = "least_conn;";

/** What a system has in `nginx.conf` besides: here nothing but this folder. */
function mainFile(directory: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
    load_module modules/ngx_stream_module.so;
    daemon off;
    ${getuid?.() === 0 ? "user root;" : ""}
    worker_processes 1;
    pid ${directory}/nginx.pid;
    error_log stderr warn;
    ${howToBlock(HOW_TO, "/etc/nginx/nginx.conf")}
    events {}
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join("\n")}
      include conf.d/*.conf;
    }
    include stream*.conf;
  `;
}

interface PlainVariant {
  readonly port: number;
  readonly tlsPort: number;
  readonly backendPorts: readonly [number, number];
  readonly replacements?: Readonly<Record<string, string>> | undefined;
}

function certificateFiles(): Record<string, string> {
  const { key, cert, ca } = testCertificate();
  return { "chat.example.crt": cert, "chat.example.key": key, "internal-ca.crt": ca };
}

function plainFiles(directory: string, variant: PlainVariant): Record<string, string> {
  const { port, tlsPort, backendPorts, replacements = {} } = variant;
  // All but how the backends are chosen stands in the snippet.
  const { [CHOICE]: choice = CHOICE, ...ofSnippet } = replacements;
  const snippet = howToBlock(HOW_TO, "/etc/nginx/snippets/websocket.conf", ofSnippet);
  return {
    "nginx.conf": mainFile(directory),
    "snippets/websocket.conf": snippet,
    "conf.d/chat.conf": howToBlock(HOW_TO, "/etc/nginx/conf.d/chat.conf", {
      "listen 80;": `listen 127.0.0.1:${port};`,
      "listen 443 ": `listen 127.0.0.1:${tlsPort} `,
      "127.0.0.1:8080": `127.0.0.1:${backendPorts[0]}`,
      "127.0.0.1:8081": `127.0.0.1:${backendPorts[1]}`,
      "/etc/ssl": directory,
      [CHOICE]: choice,
    }),
    ...certificateFiles(),
  };
}

describeWith("nginx", "behind nginx", (nginx) => {
  const noLeak = leakCheck();

  const programArguments = (directory: string): string[] => ["-c", `${directory}/nginx.conf`, "-e", "stderr"];
  const realIp = {
    clientAddress: (request: { headers: { get(name: string): string | undefined } }) =>
      request.headers.get("x-real-ip") ?? "",
  };
  const { key, cert, ca } = testCertificate();
  let program: RealProgram;
  let plain: Backend;
  let secure: Backend;
  let passed: Backend;
  let unix: Backend;
  const ports: Record<"plain" | "tls" | "encrypted" | "passed" | "unix", number> = {
    plain: 0,
    tls: 0,
    encrypted: 0,
    passed: 0,
    unix: 0,
  };

  before(async () => {
    for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freeLowPort();
    plain = await Backend.start("plain", realIp);
    secure = await Backend.start("secure", { tls: { key, cert }, ...realIp });
    passed = await Backend.start("passed", { tls: { key, cert }, proxyProtocolFrom: ["127.0.0.1"] });
    program = await RealProgram.start({
      program: nginx,
      programArguments,
      ports: Object.values(ports),
      files: (directory) => ({
        ...plainFiles(directory, {
          port: ports.plain,
          tlsPort: ports.tls,
          backendPorts: [plain.server.port, plain.server.port],
        }),
        "conf.d/chat-tls-backend.conf": howToBlock(HOW_TO, "/etc/nginx/conf.d/chat-tls-backend.conf", {
          "listen 8444 ": `listen 127.0.0.1:${ports.encrypted} `,
          "10.0.0.7:8443": `127.0.0.1:${secure.server.port}`,
          "/etc/ssl": directory,
          "chat.example;": "localhost;",
        }),
        "conf.d/chat-unix.conf": howToBlock(HOW_TO, "/etc/nginx/conf.d/chat-unix.conf", {
          "listen 8446;": `listen 127.0.0.1:${ports.unix};`,
          "/run/chat": directory,
        }),
        "stream.conf": howToBlock(HOW_TO, "/etc/nginx/stream.conf", {
          "listen 8445;": `listen 127.0.0.1:${ports.passed};`,
          "10.0.0.8:8443": `127.0.0.1:${passed.server.port}`,
        }),
      }),
    });
    unix = await Backend.start("unix", { path: `${program.directory}/chat.sock`, ...realIp });
  });

  after(async () => {
    for (const backend of [plain, secure, passed, unix]) await backend?.end();
    await program?.end();
    await noLeak();
  });

  const tls = { ca };
  carriesEverything("without TLS", () => ({
    url: `ws://127.0.0.1:${ports.plain}`,
    backend: plain,
    address: CLIENT,
  }));
  carriesEverything("TLS taken off", () => ({
    url: `wss://localhost:${ports.tls}`,
    options: { tls, family: 4 },
    backend: plain,
    address: CLIENT,
  }));
  carriesEverything("TLS on both sides", () => ({
    url: `wss://localhost:${ports.encrypted}`,
    options: { tls, family: 4 },
    backend: secure,
    address: CLIENT,
  }));
  carriesEverything("TLS passed through, with the PROXY protocol", () => ({
    url: `wss://localhost:${ports.passed}`,
    options: { tls, family: 4 },
    backend: passed,
    address: CLIENT,
  }));
  carriesEverything("a Unix socket", () => ({
    url: `ws://127.0.0.1:${ports.unix}`,
    backend: unix,
    address: CLIENT,
  }));

  it("passes ordinary requests on, too", async () => {
    const response = await fetch(`http://127.0.0.1:${ports.plain}/`);
    assert.equal(await response.text(), "plain\n");
  });

  it("does not offer WebSocket over HTTP/2, and takes it over HTTP/1.1 on the same port", async () => {
    const session = connectHttp2(`https://localhost:${ports.tls}`, { ca });
    const [settings] = (await once(session, "remoteSettings")) as [{ enableConnectProtocol?: boolean }];
    assert.notEqual(settings.enableConnectProtocol, true);
    session.close();
    await once(session, "close");
    const socket = await connect(`wss://localhost:${ports.tls}/`, { tls });
    assert.equal((await socket.close()).wasClean, true);
  });

  const underTest: ProxyUnderTest = {
    shortTimeouts: { "proxy_read_timeout 75s;": "proxy_read_timeout 2s;" },
    otherHost: { "proxy_set_header Host $http_host;": "" },
    sessions: { [CHOICE]: "hash $arg_session consistent;" },
    async start({ backendPorts, replacements }) {
      const [port, tlsPort] = [await freeLowPort(), await freeLowPort()];
      const files = (directory: string, toPorts: readonly [number, number]): Record<string, string> =>
        plainFiles(directory, { port, tlsPort, backendPorts: toPorts, replacements });
      const started = await RealProgram.start({
        program: nginx,
        programArguments,
        ports: [port],
        files: (directory) => files(directory, backendPorts),
      });
      return {
        port,
        async reload(toPorts) {
          for (const [path, text] of Object.entries(files(started.directory, toPorts)))
            started.write(path, text);
          started.signal("SIGHUP"); // what `nginx -s reload` does
        },
        end: () => started.end(),
        said: () => started.said,
      };
    },
  };
  behavesAsAProxy(underTest);
});
