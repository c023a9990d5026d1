import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { breaksDeflate } from "#node/server/breaks-deflate.js";

const mac = (version: string): string =>
  `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${version} Safari/605.1.15`;
const iphone = (system: string, rest: string): string =>
  `Mozilla/5.0 (iPhone; CPU iPhone OS ${system} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ${rest}`;

describe("the browsers that break permessage-deflate", () => {
  it("are Safari 15.0 to 15.3 on the Mac", () => {
    for (const version of ["15.0", "15.0.1", "15.1", "15.2", "15.3", "15.3.1"])
      assert.equal(breaksDeflate(mac(version)), true, version);
  });

  it("are all browsers of iOS 15.0 to 15.3", () => {
    assert.equal(breaksDeflate(iphone("15_0", "Version/15.0 Mobile/15E148 Safari/604.1")), true);
    assert.equal(breaksDeflate(iphone("15_3_1", "CriOS/98.0.4758.85 Mobile/15E148 Safari/604.1")), true);
    assert.equal(breaksDeflate(iphone("15_2", "FxiOS/40.0 Mobile/15E148 Safari/605.1.15")), true);
    assert.equal(breaksDeflate(iphone("15_1", "Mobile/19B74")), true, "inside an app");
    const ipad = "Mozilla/5.0 (iPad; CPU OS 15_0_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
    assert.equal(breaksDeflate(`${ipad} Mobile/15E148`), true);
  });

  it("are no others", () => {
    for (const version of ["14.1.2", "15.4", "15.6.1", "15.10", "16.0", "17.15.1", "115.1"])
      assert.equal(breaksDeflate(mac(version)), false, version);
    for (const system of ["14_8", "15_4", "15_10", "15_7_9", "16_0"])
      assert.equal(breaksDeflate(iphone(system, "CriOS/98.0 Mobile/15E148 Safari/604.1")), false, system);
    const chrome =
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36";
    for (const other of [undefined, "", chrome, "curl/8.5.0", "Version/15.1"])
      assert.equal(breaksDeflate(other), false);
  });

  it("take no time to find in a text that was made to cost it", () => {
    const began = performance.now();
    breaksDeflate(" Version/15.1 ".repeat(1_000));
    breaksDeflate(" Version/15.1 ".repeat(36));
    assert.ok(performance.now() - began < 1_000);
  });
});
