import { Duplex } from "node:stream";

/** Two streams of this process; what is written to one is read from the other, at once. */
export function duplexPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [0, 1].map(
    (index) =>
      new Duplex({
        read() {},
        write(chunk, _encoding, callback) {
          ends[1 - index]!.push(chunk);
          callback();
        },
        final(callback) {
          ends[1 - index]!.push(null);
          callback();
        },
      }),
  );
  return [ends[0]!, ends[1]!];
}
