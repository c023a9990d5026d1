// permessage-deflate: few bytes that become many. The rows are those of SECURITY.md.
import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { serve } from "hawser/server";
import { connected } from "../support/connected.js";
import { Endpoint, type EndpointOptions, type Role } from "../support/engine-pair.js";
import { frameFor, OP } from "../support/frames.js";
import { maskedFrame, RawClient } from "../support/raw-client.js";

const ROLES: readonly Role[] = ["server", "client"];
const MEBIBYTE = 2 ** 20;

/** A message that inflates to `mebibytes` MiB of zeros, a thousandth of which it is. */
function bomb(mebibytes: number): Buffer {
  const block = deflateRawSync(Buffer.alloc(MEBIBYTE), { finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat(Array.from({ length: mebibytes }, () => block)).subarray(0, -4);
}

function endpointOf(role: Role, options: EndpointOptions = {}): Endpoint {
  return new Endpoint(role, { host: "node", deflate: {}, ...options });
}

/** Has streams of zlib kept from message to message, as they are from the second on: a first one is inflated another way. */
function warmedUp(endpoint: Endpoint): Endpoint {
  const payload = deflateRawSync("warm", { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const before = endpoint.events.length;
  for (let i = 0; i < 3; i++) endpoint.receive(frameFor(endpoint.role, { opcode: OP.text, rsv: 4, payload }));
  assert.equal(endpoint.events.splice(before).length, 3);
  return endpoint;
}

/** One endpoint before its first message, and one behind some. */
function coldAndWarm(role: Role, options: EndpointOptions = {}): Endpoint[] {
  return [endpointOf(role, options), warmedUp(endpointOf(role, options))];
}

function problemOf(endpoint: Endpoint): string | undefined {
  return endpoint.engine.isOpen ? undefined : endpoint.engine.transportClosed().error?.code;
}

test("a decompression bomb is stopped while it is inflated, not when it is whole in memory", () => {
  // undici CVE-2026-1526, python websockets CVE-2018-1000518
  const payload = bomb(256);
  for (const role of ROLES) {
    for (const endpoint of coldAndWarm(role, { maxMessageBytes: MEBIBYTE })) {
      const beforeKib = process.resourceUsage().maxRSS;
      endpoint.receive(frameFor(role, { opcode: OP.binary, rsv: 4, payload }));
      assert.equal(problemOf(endpoint), "MESSAGE_TOO_BIG");
      assert.ok(process.resourceUsage().maxRSS - beforeKib < 64 * 1024, "memory for a part of it only");
    }
  }
});

test("a bomb that is handed out in pieces is stopped at the limit", () => {
  // undici CVE-2026-1526
  for (const role of ROLES) {
    const endpoint = endpointOf(role, { maxMessageBytes: MEBIBYTE, streaming: true });
    endpoint.receive(frameFor(role, { opcode: OP.binary, rsv: 4, fin: false, payload: bomb(8) }));
    assert.equal(endpoint.events.filter(({ type }) => type === "chunk").length, 0);
    assert.equal(problemOf(endpoint), "MESSAGE_TOO_BIG");
  }
});

test("what is inflated is counted over all fragments of a message", () => {
  // undici, June 2026
  for (const role of ROLES) {
    const endpoint = endpointOf(role, { maxMessageBytes: MEBIBYTE, streaming: true });
    const payload = deflateRawSync(Buffer.alloc(MEBIBYTE / 2), { finishFlush: constants.Z_FULL_FLUSH });
    for (let i = 0; i < 6 && endpoint.engine.isOpen; i++) {
      const opcode = i === 0 ? OP.binary : OP.more;
      endpoint.receive(frameFor(role, { opcode, rsv: i === 0 ? 4 : 0, fin: false, payload }));
    }
    assert.equal(problemOf(endpoint), "MESSAGE_TOO_BIG");
  }
});

test("a block with BFINAL=1 is taken, and the message goes on behind it", () => {
  // Bun; RFC 7692 §7.2.3.4
  const final = deflateRawSync("one, ");
  const rest = deflateRawSync("two", { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  for (const role of ROLES) {
    for (const endpoint of coldAndWarm(role)) {
      for (let i = 0; i < 3; i++) {
        for (const end of [rest, Buffer.of(0)]) {
          const payload = Buffer.concat([final, end]);
          endpoint.receive(frameFor(role, { opcode: OP.text, rsv: 4, payload }));
        }
        assert.deepEqual(endpoint.texts, ["one, two", "one, "]);
        endpoint.takeEvents();
        warmedUp(endpoint);
      }
    }
  }
});

test("a message of nothing but blocks with BFINAL=1 is given up after 32 of them", () => {
  // Bun; each block costs a state of zlib, and a peer only two bytes.
  for (const role of ROLES) {
    for (const endpoint of coldAndWarm(role)) {
      const payload = Buffer.concat([...Array.from({ length: 200 }, () => Buffer.of(3, 0)), Buffer.of(0)]);
      endpoint.receive(frameFor(role, { opcode: OP.text, rsv: 4, payload }));
      assert.equal(problemOf(endpoint), "MESSAGE_TOO_BIG");
    }
  }
});

test("compressed text that is not UTF-8 is refused, whether its frame comes whole or in pieces", () => {
  for (const role of ROLES) {
    for (const text of [Buffer.of(0x61, 0xed, 0xa0, 0x80), Buffer.alloc(300, 0xff)]) {
      const payload = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
      const frame = frameFor(role, { opcode: OP.text, rsv: 4, payload });
      for (const pieces of [[frame], Array.from(frame, (byte) => Buffer.of(byte))]) {
        for (const endpoint of coldAndWarm(role)) {
          for (const piece of pieces) endpoint.receive(piece);
          assert.equal(problemOf(endpoint), "INVALID_UTF8");
        }
      }
    }
  }
});

test("a browser whose permessage-deflate is broken (Safari 15.0 to 15.3) is answered without it", async () => {
  await using server = await serve({ compression: true });
  const mac =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version";
  const isAgreed: boolean[] = [];
  for (const version of ["15.0", "15.3", "15.4"]) {
    const headers = {
      "Sec-WebSocket-Extensions": "permessage-deflate",
      "User-Agent": `${mac}/${version} Safari/605.1.15`,
    };
    const client = await RawClient.open({ port: server.port, headers });
    isAgreed.push(client.header("Sec-WebSocket-Extensions") !== undefined);
    assert.equal(client.status, 101);
    await client.destroy();
  }
  assert.deepEqual(isAgreed, [false, false, true]);
});

test("data that is no DEFLATE ends the connection, and not the process", async () => {
  // engine.io CVE-2022-21676 and others: exceptions that a peer can cause
  const right = deflateRawSync("right", { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  for (const messagesBefore of [0, 3]) {
    const { client, messages, errors, closes, end } = await connected(
      { compression: true },
      { headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } },
    );
    for (let i = 0; i < messagesBefore; i++) client.send(maskedFrame(0xc1, right));
    client.send(maskedFrame(0xc2, Buffer.alloc(50, 0xff)));
    assert.equal((await errors.next()).code, "INVALID_COMPRESSED_DATA");
    assert.equal(messages.size, messagesBefore);
    await client.finish();
    await closes.next();
    await end();
  }
});
