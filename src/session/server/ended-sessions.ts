/** Of how many sessions it is remembered why they ended. */
const MAX_REMEMBERED = 4_096;

/** Why the last sessions ended, for clients that come back and ask. */
export class EndedSessions {
  readonly #codes = new Map<string, number>();

  /** One has ended. */
  add(id: string, code: number): void {
    this.#codes.set(id, code);
    if (this.#codes.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#codes.keys();
    this.#codes.delete(oldest!);
  }

  /** The code that it ended with; undefined if that is forgotten. */
  codeOf(id: string): number | undefined {
    return this.#codes.get(id);
  }
}
