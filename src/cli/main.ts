#!/usr/bin/env node
import { readFileSync } from "node:fs";
import process from "node:process";
import { bench } from "./bench.js";
import { conformance } from "./conformance.js";
import { UsageProblem } from "./usage-problem.js";

/** A command of `hawser`: takes what stands behind its name and gives the exit code. */
type Command = (commandArguments: readonly string[]) => Promise<number>;

const COMMANDS: Readonly<Record<string, readonly [command: Command, summary: string]>> = {
  bench: [bench, "put a load on a WebSocket server and measure it"],
  conformance: [conformance, "test a WebSocket server or client against RFC 6455 and RFC 7692"],
};

const HELP = `Usage: hawser <command> [options]

Commands:
${Object.entries(COMMANDS)
  .map(([name, [, summary]]) => `  ${name.padEnd(14)}${summary}`)
  .join("\n")}

hawser <command> --help tells about a command; hawser --version prints the version.
`;

/** Nobody reads on: `hawser ... | head`. */
process.stdout.on("error", () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));

async function main([name, ...rest]: readonly string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (found === undefined) {
    process.stderr.write(`hawser: there is no command ${JSON.stringify(name)}\n\n${HELP}`);
    return 2;
  }
  try {
    return await found[0](rest);
  } catch (error) {
    if (!(error instanceof UsageProblem)) throw error;
    process.stderr.write(`hawser ${name}: ${error.message}\nhawser ${name} --help tells what there is.\n`);
    return 2;
  }
}

/** Of this package. */
function version(): string {
  const { version: written } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  ) as { version: string };
  return written;
}
