const WORDS =
  "the quick brown fox jumps over a lazy dog while every keeper of the harbour writes down which ship came in with what wind and how much rope it left".split(
    " ",
  );

/** Numbers that are the same on every run (xorshift32). */
function* numbers(seed: number): Generator<number, never> {
  let state = (seed + 1) * 0x9e3779b9;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/** Words in an order of their own for each seed: text that shrinks to a third or so. */
export function deflateText(byteLength: number, seed: number): Buffer {
  const random = numbers(seed);
  let content = "";
  while (content.length < byteLength) content += `${WORDS[random.next().value % WORDS.length]} `;
  return Buffer.from(content.slice(0, byteLength));
}

/** Bytes that do not shrink. */
export function randomBinary(byteLength: number, seed: number): Buffer {
  const random = numbers(seed);
  const bytes = Buffer.alloc(byteLength);
  for (let i = 0; i < byteLength; i++) bytes[i] = random.next().value >>> 11;
  return bytes;
}
