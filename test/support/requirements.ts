import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { machineProbe } from "#scripts/machine.js";
import { findRequirement, type RequirementId, type RequirementStatus } from "#scripts/system-requirements.js";

const found = new Map<RequirementId, RequirementStatus>();

/** Where a program that the tests need is on this machine, or why a suite that needs it has to be skipped. */
export function requirement(id: RequirementId): RequirementStatus {
  let status = found.get(id);
  if (status === undefined) {
    status = findRequirement(id, machineProbe);
    found.set(id, status);
  }
  return status;
}

/** What becomes of a suite: a missing requirement skips it, or fails it where nothing may be skipped. */
export function suiteFate(
  status: RequirementStatus,
  requireAll: string | undefined,
): "run" | "skip" | "fail" {
  if (status.available) return "run";
  return requireAll === "1" ? "fail" : "skip";
}

/**
 * `describe` for a suite that needs a program of the system, whose path it is given. Without the program the suite is
 * reported as skipped, with the reason and how to install it; with `HAWSER_REQUIRE_ALL=1` it fails instead.
 */
export function describeWith(id: RequirementId, name: string, suite: (path: string) => void): void {
  const status = requirement(id);
  if (status.available) {
    describe(name, () => suite(status.path));
  } else if (suiteFate(status, process.env["HAWSER_REQUIRE_ALL"]) === "skip") {
    describe(name, { skip: status.skip }, () => {});
  } else {
    describe(name, () => {
      it(`needs ${id}`, () => assert.fail(`${status.skip} (HAWSER_REQUIRE_ALL=1 forbids to skip)`));
    });
  }
}
