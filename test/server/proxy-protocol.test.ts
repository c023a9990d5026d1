import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import fc from "fast-check";
import { type ServeOptions, serve, UsageError } from "hawser/server";
import { readProxyHeader } from "#node/server/proxy-header.js";
import { testCertificate } from "../support/certificate.js";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient, requestHead, textFrame } from "../support/raw-client.js";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
/** 192.0.2.7:4711 to 198.51.100.1:443. */
const ADDRESSES_4 = Buffer.from("c0000207c6336401126701bb", "hex");
/** [2001:db8::7]:4711 to [::1]:443. */
const ADDRESSES_6 = Buffer.from(
  "20010db800000000000000000000000700000000000000000000000000000001126701bb",
  "hex",
);
const LINE_4 = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";

function version2(commandAndVersion: number, family: number, body: Buffer): Buffer {
  const fixed = Buffer.from([commandAndVersion, family, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([SIGNATURE, fixed, body]);
}

/** What the header says, and that nothing behind it counts and nothing less is enough. */
function sourceOf(header: Buffer): string {
  const read = readProxyHeader(Buffer.concat([header, Buffer.from("GET / HTTP/1.1\r\n")]));
  assert.ok(read !== undefined && read !== "invalid");
  assert.equal(read.byteLength, header.length);
  for (let length = 0; length < header.length; length++)
    assert.equal(readProxyHeader(header.subarray(0, length)), undefined, `at ${length}`);
  return read.source === undefined ? "none" : `${read.source.address} ${read.source.port}`;
}

describe("readProxyHeader", () => {
  const tlv = (type: number, value: Buffer): Buffer =>
    Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);
  /** As HAProxy 2.6 sent it, with a checksum and an empty id. */
  const CHECKED = Buffer.from(
    "0d0a0d0a000d0a515549540a211100167f0000057f000001b5056087030004cf8efe32050000",
    "hex",
  );
  const CHANGED = Buffer.from(CHECKED);
  CHANGED[19] = 6; // the last byte of the client's address

  it("reads version 1", () => {
    assert.equal(sourceOf(Buffer.from(LINE_4)), "192.0.2.7 4711");
    assert.equal(sourceOf(Buffer.from("PROXY TCP6 2001:DB8:0::7 ::1 65535 0\r\n")), "2001:db8::7 65535");
    assert.equal(sourceOf(Buffer.from("PROXY UNKNOWN\r\n")), "none");
    assert.equal(sourceOf(Buffer.from("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n")), "none");
  });

  it("reads version 2", () => {
    assert.equal(sourceOf(version2(0x21, 0x11, ADDRESSES_4)), "192.0.2.7 4711");
    assert.equal(sourceOf(version2(0x21, 0x21, ADDRESSES_6)), "2001:db8::7 4711");
    const more = Buffer.concat([
      ADDRESSES_4,
      tlv(0x02, Buffer.from("chat.example")),
      tlv(0xe0, Buffer.alloc(0)),
    ]);
    assert.equal(sourceOf(version2(0x21, 0x11, more)), "192.0.2.7 4711");
    assert.equal(sourceOf(CHECKED), "127.0.0.5 46341");
  });

  it("knows no source where the proxy speaks for itself or for something that is no TCP", () => {
    assert.equal(sourceOf(version2(0x20, 0x11, ADDRESSES_4)), "none");
    assert.equal(sourceOf(version2(0x20, 0x00, Buffer.alloc(0))), "none");
    assert.equal(sourceOf(version2(0x21, 0x00, Buffer.alloc(3))), "none");
    assert.equal(sourceOf(version2(0x21, 0x12, ADDRESSES_4)), "none");
    assert.equal(sourceOf(version2(0x21, 0x31, Buffer.alloc(216))), "none");
  });

  for (const [what, bytes] of [
    ["another protocol", "GET / HTTP/1.1\r\n"],
    ["a line that never ends", "PROXY UNKNOWN ".padEnd(107, "x")],
    ["another family", "PROXY UDP4 192.0.2.7 198.51.100.1 4711 443\r\n"],
    ["an address of the other family", "PROXY TCP4 ::1 198.51.100.1 4711 443\r\n"],
    ["something that is no address", "PROXY TCP4 192.0.2.700 198.51.100.1 4711 443\r\n"],
    ["two spaces", "PROXY TCP4  192.0.2.7 198.51.100.1 4711 443\r\n"],
    ["a port with a zero before it", "PROXY TCP4 192.0.2.7 198.51.100.1 0471 443\r\n"],
    ["a port that is too high", "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n"],
    ["a missing port", "PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n"],
    ["something behind the ports", "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443 x\r\n"],
  ] as const) {
    it(`refuses version 1 with ${what}`, () => assert.equal(readProxyHeader(Buffer.from(bytes)), "invalid"));
  }

  for (const [what, bytes] of [
    ["another version", version2(0x31, 0x11, ADDRESSES_4)],
    ["another command", version2(0x22, 0x11, ADDRESSES_4)],
    ["another family", version2(0x21, 0x41, ADDRESSES_4)],
    ["another transport", version2(0x21, 0x13, ADDRESSES_4)],
    ["addresses that are cut", version2(0x21, 0x11, ADDRESSES_4.subarray(0, 11))],
    ["a field that is cut", version2(0x21, 0x11, Buffer.concat([ADDRESSES_4, Buffer.of(4)]))],
    [
      "a field longer than the header",
      version2(0x21, 0x11, Buffer.concat([ADDRESSES_4, Buffer.of(4, 0, 1)])),
    ],
    ["a checksum that is wrong", CHANGED],
    ["a checksum that is cut", version2(0x21, 0x11, Buffer.concat([ADDRESSES_4, tlv(3, Buffer.alloc(3))]))],
  ] as const) {
    it(`refuses version 2 with ${what}`, () => assert.equal(readProxyHeader(bytes), "invalid"));
  }

  it("takes any bytes, and never more than there are", () => {
    const start = fc.constantFrom(
      Buffer.alloc(0),
      SIGNATURE,
      Buffer.from("PROXY "),
      Buffer.from("PROXY TCP6 "),
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (first, bytes) => {
        const input = Buffer.concat([first, bytes]);
        const read = readProxyHeader(input);
        if (read !== undefined && read !== "invalid") assert.ok(read.byteLength <= input.length);
      }),
    );
  });
});

describe("serve with proxyProtocolFrom", () => {
  after(leakCheck());

  interface Started {
    readonly port: number;
    /** `code address` of what was refused. */
    readonly refused: Inbox<string>;
  }

  async function start(t: TestContext, options: Partial<ServeOptions>): Promise<Started> {
    const refused = new Inbox<string>("refusal");
    const server = await serve({
      proxyProtocolFrom: ["127.0.0.1"],
      open: (socket) => void socket.send(socket.request.remoteAddress),
      message: (socket, data) => void socket.send(data),
      refused: (error, request) => refused.push(`${error.code} ${request.remoteAddress}`),
      ...options,
    });
    t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
    return { port: server.port, refused };
  }

  /** Connects, sends the bytes, then the request; what the server says first. */
  async function said(t: TestContext, client: RawClient): Promise<string> {
    t.after(() => client.destroy());
    await client.answered();
    assert.equal(client.status, 101);
    const text = await client.nextText();
    client.send(textFrame("behind it"));
    assert.equal(await client.nextText(), "behind it");
    return text;
  }

  const headers = {
    "version 1": [Buffer.from(LINE_4), "192.0.2.7"],
    "version 2": [version2(0x21, 0x21, ADDRESSES_6), "2001:db8::7"],
    "a proxy that speaks for itself": [version2(0x20, 0, Buffer.alloc(0)), "127.0.0.1"],
  } as const;
  for (const [what, [header, address]] of Object.entries(headers)) {
    it(`takes the address of ${what}`, async (t) => {
      const { port } = await start(t, {});
      const together = await RawClient.dial({ port });
      together.socket.write(Buffer.concat([header, Buffer.from(requestHead())]));
      assert.equal(await said(t, together), address);
      const apart = await RawClient.dial({ port });
      for (const byte of header) {
        apart.socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      apart.ask();
      assert.equal(await said(t, apart), address);
    });
  }

  it("takes it before TLS", async (t) => {
    const { key, cert, ca } = testCertificate();
    const { port } = await start(t, { tls: { key, cert } });
    for (const isTogether of [true, false]) {
      const below = await RawClient.dial({ port });
      below.socket.removeAllListeners("data");
      if (!isTogether) below.socket.write(LINE_4);
      else below.socket.cork();
      if (isTogether) below.socket.write(LINE_4);
      const socket = connectTls({ socket: below.socket, ca, servername: "localhost" });
      below.socket.uncork();
      t.after(() => socket.destroy());
      socket.write(requestHead());
      let text = "";
      for await (const chunk of socket) {
        text += chunk;
        if (text.endsWith("192.0.2.7")) break;
      }
      assert.match(text, /^HTTP\/1.1 101 /);
    }
  });

  it("gives ordinary requests the address, too", async (t) => {
    const { port } = await start(t, {
      request: (request, response) => void response.end(`from ${request.socket.remoteAddress}\n`),
    });
    const client = await RawClient.dial({ port });
    t.after(() => client.destroy());
    client.socket.write(`${LINE_4}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await client.answered();
    assert.match(client.head, /from 192\.0\.2\.7\n/);
  });

  it("counts each client by its own address", async (t) => {
    const { port, refused } = await start(t, { maxConnectionsPerAddress: 1 });
    const ask = async (line: string): Promise<RawClient> => {
      const client = await RawClient.dial({ port });
      t.after(() => client.destroy());
      client.socket.write(line + requestHead());
      await client.answered();
      return client;
    };
    assert.equal((await ask(LINE_4)).status, 101);
    assert.equal((await ask(LINE_4.replace("192.0.2.7", "192.0.2.8"))).status, 101);
    assert.equal((await ask(LINE_4)).status, 429);
    assert.equal(await refused.next(), "TOO_MANY_CONNECTIONS 192.0.2.7");
  });

  it("refuses a proxy that sends no header, and says why", async (t) => {
    const { port, refused } = await start(t, {});
    const client = await RawClient.open({ port });
    assert.equal(client.status, 400);
    assert.match(client.body, /does not begin with a header of the PROXY protocol/);
    assert.equal(await refused.next(), "INVALID_PROXY_HEADER 127.0.0.1");
    await client.destroy();
  });

  it("believes nobody else", async (t) => {
    const { port } = await start(t, { proxyProtocolFrom: ["192.0.2.0/24", "2001:db8::/32"] });
    const forger = await RawClient.dial({ port });
    t.after(() => forger.destroy());
    forger.socket.write(LINE_4 + requestHead());
    await forger.answered();
    assert.equal(forger.status, 400);
    const honest = await RawClient.open({ port });
    assert.equal(await said(t, honest), "127.0.0.1");
  });

  it("drops a proxy that does not finish its header, after the time of a handshake and at shutdown", async (t) => {
    const { port } = await start(t, { handshakeTimeoutMs: 100 });
    const slow = await RawClient.dial({ port });
    slow.socket.write("PROXY ");
    await slow.gone;
    const server = await serve({ proxyProtocolFrom: ["127.0.0.0/8"] });
    const last = await RawClient.dial({ port: server.port });
    last.socket.write("PROXY ");
    await new Promise((resolve) => setImmediate(resolve));
    await server.shutdown();
    await last.gone;
  });

  it("works over a Unix socket", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "hawser-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const path = join(directory, "s");
    await start(t, { path, proxyProtocolFrom: ["unix"] });
    const client = await RawClient.dial({ socketPath: path });
    client.socket.write(LINE_4 + requestHead());
    assert.equal(await said(t, client), "192.0.2.7");
  });

  it("refuses what is no list of addresses", async () => {
    const { key, cert } = testCertificate();
    const wrong: Partial<ServeOptions>[] = [
      { proxyProtocolFrom: ["localhost"] },
      { proxyProtocolFrom: ["10.0.0.0/33"] },
      { proxyProtocolFrom: ["10.0.0.0/8/8"] },
      { proxyProtocolFrom: ["10.0.0.0/"] },
      { proxyProtocolFrom: "10.0.0.0" as never },
      { proxyProtocolFrom: ["unix"], path: "/nowhere", tls: { key, cert } },
    ];
    for (const options of wrong) {
      await assert.rejects(
        serve(options),
        (error) => error instanceof UsageError && error.code === "INVALID_OPTION",
      );
    }
  });
});
