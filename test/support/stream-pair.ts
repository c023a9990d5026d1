import { Duplex } from "node:stream";

/** A stream in this process, and its other end, which gets at once the very bytes that are written. */
export function streamPair(): [Duplex, Duplex] {
  const others = new Map<Duplex, Duplex>();
  const end = (): Duplex =>
    new Duplex({
      read() {},
      write(this: Duplex, chunk, _encoding, done) {
        others.get(this)?.push(chunk);
        done();
      },
    });
  const [a, b] = [end(), end()];
  others.set(a, b).set(b, a);
  return [a, b];
}
