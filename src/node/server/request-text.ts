import type { UpgradeRequest } from "./upgrade-request.js";

/** The request as it came over the wire, for tracing. */
export function requestText(request: UpgradeRequest): string {
  const lines = [...request.headers].map(([name, value]) => `${name}: ${value}`);
  const method = request.httpVersion === "2" ? "CONNECT" : "GET";
  return [`${method} ${request.target} HTTP/${request.httpVersion}`, ...lines, "", ""].join("\r\n");
}
