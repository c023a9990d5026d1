import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import process from "node:process";
import type { PackageInstaller, SystemProbe } from "./system-requirements.js";

/** How long a probed program may take; the first start of a browser on a cold disk is slow. */
const PROBE_TIMEOUT_MS = 30_000;

/** How long `apt-get` may take for one step: Chromium is a download of about 100 MB. */
const INSTALL_TIMEOUT_MS = 600_000;

/** This machine, as {@link SystemProbe} asks it. */
export const machineProbe: SystemProbe = {
  variable: (name) => process.env[name],
  locate: (candidate) => {
    if (isAbsolute(candidate)) return isExecutable(candidate) ? candidate : undefined;
    const directories = (process.env["PATH"] ?? "").split(delimiter);
    return directories.map((directory) => join(directory, candidate)).find(isExecutable);
  },
  succeeds: (path, probeArguments) =>
    spawnSync(path, probeArguments, { stdio: "ignore", timeout: PROBE_TIMEOUT_MS }).status === 0,
};

/** The package installer of this machine: `apt-get`, where it exists and we are root. */
export function machineInstaller(log: (line: string) => void): PackageInstaller {
  let failedUpdate: string | undefined;
  let updated = false;
  return {
    obstacle: installObstacle(),
    install(debianPackage) {
      if (!updated) {
        updated = true;
        log("apt-get update");
        failedUpdate = aptGet(["update"]);
      }
      if (failedUpdate !== undefined) return failedUpdate;
      log(`apt-get install ${debianPackage}`);
      return withoutServices(() => aptGet(["install", "-y", "--no-install-recommends", debianPackage]));
    },
  };
}

function installObstacle(): string | undefined {
  if (machineProbe.locate("apt-get") === undefined)
    return "it cannot be installed from here: there is no apt-get";
  if (process.getuid?.() !== 0) return "it cannot be installed from here: only root may";
  return undefined;
}

/** What Debian asks whether a service of a new package may be started; 101 is no. */
const SERVICE_POLICY = "/usr/sbin/policy-rc.d";

/** The tests start nginx and the like themselves: as services nobody asked for them. */
function withoutServices<T>(install: () => T): T {
  if (existsSync(SERVICE_POLICY)) return install();
  writeFileSync(SERVICE_POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(SERVICE_POLICY, { force: true });
  }
}

function aptGet(aptArguments: readonly string[]): string | undefined {
  const { status, error, stdout, stderr } = spawnSync("apt-get", aptArguments, {
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: INSTALL_TIMEOUT_MS,
  });
  if (status === 0) return undefined;
  const said = `${stdout ?? ""}\n${stderr ?? ""}`.trim().split("\n").slice(-3).join(" | ");
  return `apt-get ${aptArguments.join(" ")} failed (${error?.message ?? `exit code ${status}`}): ${said}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
