// Runs in Node, Bun or Deno: `checks CERTIFICATE KEY` runs the checks, one line of JSON for each; `echo` serves.
import { readFileSync } from "node:fs";
import process from "node:process";
import { serve } from "hawser/server";
import { NODE_AND_DENO_CHECKS, RUNTIME_CHECKS } from "./runtime-checks.js";

const CHECK_TIMEOUT_MS = 15_000;

const [mode, certFile = "", keyFile = ""] = process.argv.slice(2);
if (mode === "echo") {
  const server = await serve({ compression: true, message: (socket, data) => void socket.send(data) });
  console.log(server.url);
} else {
  const context = { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
  const checks = "bun" in process.versions ? RUNTIME_CHECKS : { ...RUNTIME_CHECKS, ...NODE_AND_DENO_CHECKS };
  for (const [name, check] of Object.entries(checks)) {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("it did not end")), CHECK_TIMEOUT_MS);
    });
    let error: string | undefined;
    try {
      await Promise.race([check(context), timeout]);
    } catch (thrown) {
      error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    }
    clearTimeout(timer);
    console.log(JSON.stringify({ name, error }));
  }
  process.exit(0);
}
