const WORDS =
  "the quick brown fox jumps over a lazy dog while every keeper of the harbour writes down which ship came in with what wind and how much rope it left".split(
    " ",
  );

/** Numbers that are the same on every run (xorshift32). */
class Numbers {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b9);
  }

  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state >>> 0;
  }
}

/** Words in an order of their own for each seed: text that shrinks to a third or so. */
export function deflateText(byteLength: number, seed: number): Buffer {
  const random = new Numbers(seed);
  let content = "";
  while (content.length < byteLength) content += `${WORDS[random.next() % WORDS.length]} `;
  return Buffer.from(content.slice(0, byteLength));
}

/** Bytes that do not shrink. */
export function randomBinary(byteLength: number, seed: number): Buffer {
  const random = new Numbers(seed);
  const words = new Uint32Array(Math.ceil(byteLength / 4));
  for (let i = 0; i < words.length; i++) words[i] = random.next();
  return Buffer.from(words.buffer, 0, byteLength);
}
