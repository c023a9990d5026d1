// Which web pages may connect: cross-site WebSocket hijacking. The rows are those of SECURITY.md.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type OriginPolicy, serve } from "hawser/server";
import { RawClient } from "../support/raw-client.js";

/** The status that a page of this origin gets. */
async function statusFor(origin: string, origins?: OriginPolicy, host = "app.example"): Promise<number> {
  await using server = await serve({ origins });
  const client = await RawClient.open({ port: server.port, host, headers: { Origin: origin } });
  await client.destroy();
  return client.status;
}

test("a page of another origin is refused by default", async () => {
  // socket.io CVE-2020-28481, Storybook CVE-2026-27148, Vite CVE-2025-24010
  assert.equal(await statusFor("https://app.example"), 101);
  for (const origin of [
    "https://evil.example",
    "https://app.example:8443",
    "https://app.example.evil.example",
  ]) {
    assert.equal(await statusFor(origin), 403, origin);
  }
});

test("the origin null is refused by default, and by a list", async () => {
  // Next CVE-2026-27977
  assert.equal(await statusFor("null"), 403);
  assert.equal(await statusFor("null", ["https://app.example"]), 403);
  await assert.rejects(statusFor("null", ["null"]), { code: "INVALID_OPTION" });
});

test("a list allows the subdomains that it names, and not what only ends alike", async () => {
  // socket.io CVE-2020-28481
  const list = ["https://*.app.example"];
  assert.equal(await statusFor("https://a.app.example", list), 101);
  for (const origin of ["https://evilapp.example", "http://a.app.example", "https://app.example"]) {
    assert.equal(await statusFor(origin, list), 403, origin);
  }
});

test("only the frightening word allows every page; a `*` is an error", async () => {
  // socket.io CVE-2020-28481
  for (const word of ["*", "any", ["*"], ["https://*"], true]) {
    await assert.rejects(statusFor("https://evil.example", word as never), { code: "INVALID_OPTION" });
  }
  assert.equal(await statusFor("https://evil.example", "dangerously-allow-any-origin"), 101);
});

test("a list also refuses a page whose name was made to lead here (DNS rebinding)", async () => {
  // Vite CVE-2025-24010: such a page is of the same origin as its requests, so that the default lets it in.
  assert.equal(await statusFor("http://evil.example", "same-origin", "evil.example"), 101);
  assert.equal(await statusFor("http://evil.example", ["http://localhost:8080"], "evil.example"), 403);
});
