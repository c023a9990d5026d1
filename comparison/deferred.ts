/** A promise that somebody else resolves. */
export class Deferred {
  resolve!: () => void;
  readonly promise: Promise<void> = new Promise((resolve) => {
    this.resolve = resolve;
  });
}
