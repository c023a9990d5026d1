/** Something about the arguments of a command that cannot work; the exit code is 2. */
export class UsageProblem extends Error {
  override readonly name = "UsageProblem";
}
