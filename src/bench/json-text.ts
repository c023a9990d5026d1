const USERS = ["ada", "grace", "edsger", "barbara", "donald", "frances", "tony", "radia"] as const;
const KINDS = ["message", "presence", "typing", "reaction", "receipt"] as const;
const WORDS =
  "the rope that holds a ship to the quay is made of strands and each strand of yarns and all of them carry".split(
    " ",
  );

/**
 * JSON as applications send it: records with the same keys and other values. Cut to its size, so only the shape of it
 * is JSON. ASCII.
 */
export function jsonText(bytes: number, random: () => number): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  let text = "";
  while (text.length < bytes) {
    const words = Array.from({ length: 4 + Math.floor(random() * 8) }, () => pick(WORDS)).join(" ");
    text += JSON.stringify({
      id: Math.floor(random() * 1e9),
      kind: pick(KINDS),
      user: pick(USERS),
      room: `room-${Math.floor(random() * 50)}`,
      text: words,
      at: 1_750_000_000_000 + Math.floor(random() * 1e9),
    });
  }
  return Buffer.from(text.slice(0, bytes), "latin1");
}

const TIME = /"at":\d{13}/g;
const TIME_DIGITS = 13;

/**
 * One document of {@link jsonText}, sent over and over as dashboards and games do: in each of the texts one of its times is
 * another. All have the same size; where a document is too short to have a time, they are the same.
 */
export function documentTexts(bytes: number, count: number, random: () => number): Buffer[] {
  const document = jsonText(bytes, random);
  const times = [...document.toString("latin1").matchAll(TIME)].map(({ index }) => index + '"at":'.length);
  return Array.from({ length: count }, () => {
    const at = times[Math.floor(random() * times.length)];
    if (at !== undefined)
      document.write(`${1_750_000_000_000 + Math.floor(random() * 1e9)}`, at, TIME_DIGITS);
    return Buffer.from(document);
  });
}
