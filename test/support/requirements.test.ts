import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it, type TestContext } from "node:test";
import {
  findRequirement,
  obtainRequirement,
  type PackageInstaller,
  type RequirementStatus,
  type SystemProbe,
} from "#scripts/system-requirements.js";
import { suiteFate } from "./requirements.js";

interface Machine {
  /** Path of every program by the candidate that finds it. */
  readonly programs?: Record<string, string>;
  /** Programs that exist but do not work. */
  readonly broken?: readonly string[];
  readonly variables?: Record<string, string>;
}

function probeOf({ programs = {}, broken = [], variables = {} }: Machine): SystemProbe {
  return {
    variable: (name) => variables[name],
    locate: (candidate) => programs[candidate],
    succeeds: (path) => !broken.includes(path),
  };
}

function reason(status: RequirementStatus): string {
  assert.equal(status.available, false);
  return status.available ? "" : status.skip;
}

describe("findRequirement", () => {
  it("takes the first candidate that works", () => {
    const programs = { "/usr/bin/python3": "/usr/bin/python3", python3: "/opt/python3" };
    assert.deepEqual(findRequirement("python3-websockets", probeOf({ programs })), {
      available: true,
      path: "/usr/bin/python3",
    });
    assert.deepEqual(
      findRequirement("python3-websockets", probeOf({ programs, broken: ["/usr/bin/python3"] })),
      { available: true, path: "/opt/python3" },
    );
  });

  it("says what it looked for and how to install it", () => {
    const skip = reason(findRequirement("chromium", probeOf({})));
    assert.match(skip, /chromium, chromium-browser, google-chrome/);
    assert.match(skip, /apt-get install -y --no-install-recommends chromium$/);
  });

  it("prefers the program that the environment names", () => {
    const machine = {
      programs: { chromium: "/usr/bin/chromium", "/opt/chrome": "/opt/chrome" },
      variables: { HAWSER_CHROMIUM: "/opt/chrome" },
    };
    assert.deepEqual(findRequirement("chromium", probeOf(machine)), { available: true, path: "/opt/chrome" });
  });

  it("does not replace a broken program that the environment names by another", () => {
    const machine = {
      programs: { chromium: "/usr/bin/chromium" },
      variables: { HAWSER_CHROMIUM: "/opt/chrome" },
    };
    assert.match(reason(findRequirement("chromium", probeOf(machine))), /HAWSER_CHROMIUM=\/opt\/chrome/);
  });

  it("takes an empty variable for one that is not set", () => {
    const machine = { programs: { chromium: "/usr/bin/chromium" }, variables: { HAWSER_CHROMIUM: "" } };
    assert.equal(findRequirement("chromium", probeOf(machine)).available, true);
  });
});

describe("obtainRequirement", () => {
  function installerOf(effect: (debianPackage: string) => string | undefined): PackageInstaller {
    return { obstacle: undefined, install: effect };
  }

  it("installs nothing where the program is there", () => {
    const probe = probeOf({ programs: { chromium: "/usr/bin/chromium" } });
    const status = obtainRequirement(
      "chromium",
      probe,
      installerOf(() => assert.fail("installed")),
    );
    assert.equal(status.available, true);
  });

  it("installs nothing in place of a broken program that the environment names", () => {
    const probe = probeOf({ variables: { HAWSER_CHROMIUM: "/opt/chrome" } });
    const status = obtainRequirement(
      "chromium",
      probe,
      installerOf(() => assert.fail("installed")),
    );
    assert.match(reason(status), /HAWSER_CHROMIUM=/);
  });

  it("installs the package of a missing program and looks again", () => {
    const programs: Record<string, string> = {};
    const installed: string[] = [];
    const status = obtainRequirement(
      "chromium",
      probeOf({ programs }),
      installerOf((debianPackage) => {
        installed.push(debianPackage);
        programs["chromium"] = "/usr/bin/chromium";
        return undefined;
      }),
    );
    assert.deepEqual(status, { available: true, path: "/usr/bin/chromium" });
    assert.deepEqual(installed, ["chromium"]);
  });

  it("gives the reason why an install failed", () => {
    const status = obtainRequirement(
      "chromium",
      probeOf({}),
      installerOf(() => "apt-get update failed: no route"),
    );
    assert.match(reason(status), /^apt-get update failed: no route; install it: apt-get install/);
  });

  it("gives the reason why nothing can be installed", () => {
    const installer: PackageInstaller = {
      obstacle: "only root may",
      install: () => assert.fail("installed"),
    };
    assert.match(reason(obtainRequirement("chromium", probeOf({}), installer)), /only root may$/);
  });

  it("does not trust an install after which the program still does not work", () => {
    const status = obtainRequirement(
      "chromium",
      probeOf({}),
      installerOf(() => undefined),
    );
    assert.equal(status.available, false);
  });
});

describe("describeWith", () => {
  it("runs, skips or fails a suite by its requirement and HAWSER_REQUIRE_ALL", () => {
    const missing: RequirementStatus = { available: false, skip: "no browser" };
    assert.equal(suiteFate({ available: true, path: "/usr/bin/chromium" }, "1"), "run");
    assert.equal(suiteFate(missing, undefined), "skip");
    assert.equal(suiteFate(missing, "0"), "skip");
    assert.equal(suiteFate(missing, "1"), "fail");
  });

  it("reports a suite whose program is missing as skipped with the reason", (context) => {
    const { status, stdout } = runSuite(context, undefined);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /# SKIP no usable chromium \(looked for HAWSER_CHROMIUM=/);
  });

  it("fails a suite whose program is missing where nothing may be skipped", (context) => {
    const { status, stdout } = runSuite(context, "1");
    assert.equal(status, 1, stdout);
    assert.match(stdout, /no usable chromium .* \(HAWSER_REQUIRE_ALL=1 forbids to skip\)/);
  });

  function runSuite(
    context: TestContext,
    requireAll: string | undefined,
  ): { status: number | null; stdout: string } {
    const directory = mkdtempSync(join(tmpdir(), "hawser-suite-"));
    context.after(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "suite.mjs");
    const support = new URL("requirements.js", import.meta.url).href;
    writeFileSync(
      file,
      `import { describeWith } from ${JSON.stringify(support)}; describeWith("chromium", "a browser", () => {});`,
    );
    const env = {
      ...process.env,
      HAWSER_CHROMIUM: join(directory, "missing"),
      HAWSER_REQUIRE_ALL: requireAll,
    };
    // Within a test run Node would report through the parent instead of standard output.
    const { NODE_TEST_CONTEXT: _, ...clean } = env as NodeJS.ProcessEnv;
    return spawnSync(process.execPath, ["--test-reporter=tap", file], {
      env: clean,
      encoding: "utf8",
      timeout: 30_000,
    });
  }
});
