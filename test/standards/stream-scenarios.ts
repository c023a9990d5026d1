/** As much of `WebSocketStream` as the scenarios use, in Node and in a page. */
export interface StreamLike {
  readonly url: string;
  readonly opened: Promise<{
    readonly readable: ReadableStream;
    readonly writable: WritableStream;
    readonly extensions: string;
    readonly protocol: string;
  }>;
  readonly closed: Promise<unknown>;
  close(info?: unknown): void;
}

/** The classes under test. */
export interface StreamClasses {
  readonly WebSocketStream: new (url: string, options?: unknown) => StreamLike;
  readonly WebSocketError: new (message?: string, init?: unknown) => DOMException;
}

/** What became of each step, by its name. */
export type Outcomes = Record<string, unknown>;

/**
 * Uses a `WebSocketStream` in every way, and tells what it saw: the same in Node and in Chromium.
 * @param url a server that echoes, closes with 4001 and "why" on "close", drops the connection on "drop", and speaks the
 * subprotocol `a`.
 * @param deadUrl where nobody answers.
 */
export async function streamScenarios(
  { WebSocketStream, WebSocketError }: StreamClasses,
  url: string,
  deadUrl: string,
): Promise<Outcomes> {
  const outcomes: Outcomes = {};

  function attempt(name: string, action: () => unknown): void {
    try {
      outcomes[name] = plain(action());
    } catch (error) {
      outcomes[name] = failure(error);
    }
  }
  async function settle(name: string, promise: Promise<unknown>): Promise<void> {
    try {
      outcomes[name] = plain(await promise);
    } catch (error) {
      outcomes[name] = failure(error);
    }
  }
  async function open(options?: unknown) {
    const stream = new WebSocketStream(url, options);
    const { readable, writable, protocol } = await stream.opened;
    return { stream, readable, writable, protocol };
  }

  attempt("no url", () => Reflect.construct(WebSocketStream, []));
  attempt("a symbol as url", () => Reflect.construct(WebSocketStream, [Symbol("x")]));
  attempt("another scheme", () => new WebSocketStream("ftp://127.0.0.1/"));
  attempt("a fragment", () => new WebSocketStream(`${url}/#x`));
  attempt("options that are no object", () => new WebSocketStream(url, 5));
  attempt("protocols that are no sequence", () => new WebSocketStream(url, { protocols: "a" }));
  attempt("protocols twice", () => new WebSocketStream(url, { protocols: ["a", "a"] }));
  attempt("a signal that is none", () => new WebSocketStream(url, { signal: 5 }));

  {
    const stream = new WebSocketStream(deadUrl.replace("ws:", "http:"));
    attempt("the url with its scheme", () => stream.url === deadUrl);
    await settle("opened, nobody there", stream.opened);
    await settle("closed, nobody there", stream.closed);
  }
  {
    const stream = new WebSocketStream(url);
    stream.close();
    await settle("opened, closed at once", stream.opened);
    await settle("closed, closed at once", stream.closed);
  }
  {
    const controller = new AbortController();
    const stream = new WebSocketStream(url, { signal: controller.signal });
    controller.abort();
    await settle("opened, aborted", stream.opened);
    await settle("closed, aborted", stream.closed);
  }
  {
    const stream = new WebSocketStream(url, { signal: AbortSignal.abort() });
    await settle("opened, aborted before", stream.opened);
    await settle("closed, aborted before", stream.closed);
  }
  {
    const controller = new AbortController();
    const { stream, readable, writable, protocol } = await open({
      protocols: ["a", "b"],
      signal: controller.signal,
    });
    controller.abort(); // too late
    outcomes["the subprotocol"] = protocol;
    const writer = writable.getWriter();
    const reader = readable.getReader();
    for (const message of ["héllo", "", 5, null, "\ud800"]) {
      await writer.write(message);
      await settle(`an echo of ${JSON.stringify(message)}`, reader.read());
    }
    for (const bytes of [Uint8Array.of(1, 2), Uint16Array.of(0x0201).buffer, new Uint8Array(0)]) {
      await writer.write(bytes);
      const { value } = await reader.read();
      outcomes[`an echo of ${bytes.byteLength} bytes of ${bytes.constructor.name}`] = [
        ...new Uint8Array(value),
      ];
    }
    await settle("writing a symbol", writer.write(Symbol("x")));
    stream.close();
    await settle("closed behind it", stream.closed);
  }
  for (const word of ["close", "drop"]) {
    const { stream, readable, writable } = await open();
    const writer = writable.getWriter();
    const reader = readable.getReader();
    await writer.write(word);
    await settle(`${word}: closed`, stream.closed);
    await settle(`${word}: read`, reader.read());
    await settle(`${word}: writer closed`, writer.closed);
    await settle(`${word}: write`, writer.write("late"));
    attempt(`${word}: close again`, () => stream.close());
  }
  {
    const { stream, readable, writable } = await open();
    const writer = writable.getWriter();
    await settle("writer.close", writer.close());
    await settle("writer.close: closed", stream.closed);
    await settle("writer.close: read", readable.getReader().read());
  }
  for (const [name, reason] of [
    ["nothing", undefined],
    ["an object", { closeCode: 3456, reason: "set" }],
    ["an error with a code", new WebSocketError("m", { closeCode: 4444, reason: "r" })],
    ["an error with a reason", new WebSocketError("m", { reason: "r" })],
  ] as const) {
    const aborted = await open();
    await settle(`abort with ${name}`, aborted.writable.abort(reason));
    await settle(`abort with ${name}: closed`, aborted.stream.closed);
    await settle(`abort with ${name}: read`, aborted.readable.getReader().read());
    const cancelled = await open();
    await settle(`cancel with ${name}`, cancelled.readable.cancel(reason));
    await settle(`cancel with ${name}: closed`, cancelled.stream.closed);
    await settle(`cancel with ${name}: writer closed`, cancelled.writable.getWriter().closed);
  }
  for (const info of [
    undefined,
    null,
    {},
    { closeCode: 3456, reason: "pizza" },
    { reason: "only" },
    { reason: "" },
  ]) {
    const name = `close(${JSON.stringify(info)})`;
    const { stream, readable, writable } = await open();
    attempt(name, () => stream.close(info));
    const writer = writable.getWriter();
    await settle(`${name}: closed`, stream.closed);
    await settle(`${name}: writer closed`, writer.closed);
    await settle(`${name}: read`, readable.getReader().read());
  }
  {
    const { stream } = await open();
    for (const info of [
      true,
      { closeCode: 1001 },
      { closeCode: 2999 },
      { closeCode: 5000 },
      { reason: "x".repeat(124) },
    ]) {
      attempt(`close(${JSON.stringify(info).slice(0, 30)})`, () => stream.close(info));
    }
    attempt("close of something else", () => WebSocketStream.prototype.close.call({}));
    stream.close();
    await settle("closed at last", stream.closed);
  }

  attempt("an error", () => describe(new WebSocketError()));
  attempt("an error with a message", () => describe(new WebSocketError("m", { closeCode: 3000 })));
  attempt("an error with only a reason", () => describe(new WebSocketError("m", { reason: "r" })));
  attempt("an error with a bad code", () => new WebSocketError("m", { closeCode: 1001 }));
  attempt("an error with a long reason", () => new WebSocketError("m", { reason: "é".repeat(62) }));
  return outcomes;
}

/** What can be compared of a value, and goes over the wire. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value ?? String(value);
  const { value: message, done, ...rest } = value as { value?: unknown; done?: boolean };
  // Of a WebSocketStream nothing is left.
  return done === undefined ? { ...rest } : { value: message ?? null, done };
}

function failure(error: unknown): unknown {
  return { thrown: describe(error) };
}

function describe(error: unknown): unknown {
  const { name, code, closeCode, reason } = error as Record<string, unknown>;
  const isDomException = error instanceof DOMException;
  return { name, code: code ?? null, closeCode: closeCode ?? null, reason: reason ?? null, isDomException };
}
