import assert from "node:assert/strict";

/** For `assert.throws`: a `UsageError` `INVALID_OPTION` whose message names what is wrong, at its beginning or somewhere. */
export function invalidOption(where: "startsWith" | "includes", named: string): (error: unknown) => true {
  return (error) => {
    assert.deepEqual(
      { name: (error as Error).name, code: (error as { code?: string }).code },
      { name: "UsageError", code: "INVALID_OPTION" },
      String(error),
    );
    const { message } = error as Error;
    assert.ok(message[where](named), `${named}: ${message}`);
    return true;
  };
}
