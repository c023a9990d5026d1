import assert from "node:assert/strict";
import { it } from "node:test";
import { RouteTable } from "#node/server/route-table.js";

it("connections of routes without named parts share one empty object for their parameters", () => {
  const routes = new RouteTable<string>();
  routes.add("/chat", "exact");
  routes.add("/files/*", "below");
  routes.add("*", "all");
  const matches = ["/chat", "/files/a", "/else"].map((path) => routes.match(path));
  assert.deepEqual(
    matches.map((match) => match?.target),
    ["exact", "below", "all"],
  );
  assert.equal(new Set(matches.map((match) => match?.params)).size, 1);
});
