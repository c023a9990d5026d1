/** A header field. */
export type Field = readonly [name: string, value: string];

/** A request, in parts that a case replaces. */
export interface RequestParts {
  readonly line: (path: string) => string;
  readonly fields: readonly Field[];
  /** What ends a line. */
  readonly newline: string;
  /** What stands behind the head. */
  readonly body: string;
}

/** A request that is wrong in one way. */
export interface BadRequest {
  readonly what: string;
  readonly section: string;
  /** Changes the good request. */
  readonly change: (good: RequestParts) => Partial<RequestParts>;
  /** What it means if the server takes it all the same. Default: a failure. */
  readonly isHarmless?: boolean;
  /** The status that is meant for it. Default: any of 400 to 499, 501 and 505. */
  readonly statuses?: readonly number[];
  /** A field that the refusal must have. */
  readonly demands?: string;
}

const without =
  (name: string) =>
  ({ fields }: RequestParts) => ({ fields: fields.filter(([field]) => field !== name) });
const having =
  (name: string, value: string) =>
  ({ fields }: RequestParts) => ({
    fields: fields.map(([field, old]): Field => [field, field === name ? value : old]),
  });
const also =
  (name: string, value: string) =>
  ({ fields }: RequestParts) => ({ fields: [...fields, [name, value] as Field] });
const method = (name: string) => () => ({ line: (path: string) => `${name} ${path} HTTP/1.1` });
const version = (name: string) => () => ({ line: (path: string) => `GET ${path} ${name}` });
const target = (make: (path: string) => string) => () => ({
  line: (path: string) => `GET ${make(path)} HTTP/1.1`,
});

const S4_1 = "RFC 6455 §4.1";
/** Where most of it stands. */
export const S4_2_1 = "RFC 6455 §4.2.1";
const SMUGGLING = "RFC 9112 §6, §11.2";

/** What a server has to refuse: the groups of category 20. */
export const BAD_REQUESTS: readonly (readonly BadRequest[])[] = [
  // 20.1 Method, version, target.
  [
    ...["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "get", "CONNECT"].map(
      (name): BadRequest => ({
        what: `with the method ${name}`,
        section: S4_2_1,
        change: method(name),
      }),
    ),
    ...["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.1.1", "http/1.1", "HTCPCP/1.1"].map(
      (name): BadRequest => ({
        what: `in ${name}`,
        section: S4_2_1,
        change: version(name),
      }),
    ),
    { what: "without a version", section: "RFC 9112 §3", change: () => ({ line: (path) => `GET ${path}` }) },
    {
      what: "with a fragment in its target",
      section: S4_1,
      change: target((path) => `${path}#part`),
      isHarmless: true,
    },
    {
      what: "with a space in its target",
      section: "RFC 9112 §3.2",
      change: target((path) => `${path}a b`),
      isHarmless: true,
    },
    { what: "with the target *", section: "RFC 9112 §3.2.4", change: target(() => "*"), isHarmless: true },
    {
      what: "with a target without slash",
      section: "RFC 9112 §3.2",
      change: target(() => "chat"),
      isHarmless: true,
    },
  ],
  // 20.2 Fields that have to be there, once, and right.
  [
    ...["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"].map(
      (name): BadRequest => ({
        what: `without ${name}`,
        section: S4_2_1,
        change: without(name),
        isHarmless: false,
      }),
    ),
    {
      what: "with two Host fields",
      section: "RFC 9112 §3.2",
      change: also("Host", "other.example"),
      statuses: [400],
    },
    {
      what: "with two equal Sec-WebSocket-Version fields",
      section: "RFC 6455 §11.3.5",
      change: also("Sec-WebSocket-Version", "13"),
      isHarmless: true,
    },
    {
      what: "with the versions 13 and 8",
      section: "RFC 6455 §11.3.5",
      change: also("Sec-WebSocket-Version", "8"),
      isHarmless: true,
    },
    {
      what: "with two keys",
      section: "RFC 6455 §11.3.1",
      change: also("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA=="),
    },
    { what: "with Upgrade: h2c", section: S4_2_1, change: having("Upgrade", "h2c") },
    { what: "with Upgrade: websocketx", section: S4_2_1, change: having("Upgrade", "websocketx") },
    { what: "with an empty Upgrade", section: S4_2_1, change: having("Upgrade", "") },
    { what: "with Connection: close", section: S4_2_1, change: having("Connection", "close") },
    { what: "with Connection: keep-alive", section: S4_2_1, change: having("Connection", "keep-alive") },
    {
      what: "with Connection: Upgraded",
      section: S4_2_1,
      change: having("Connection", "Upgraded"),
      isHarmless: true,
    },
  ],
  // 20.3 Versions.
  ["0", "1", "7", "8", "12", "14", "25", "130", "013", "+13", "13.0", "abc", "", "13, 8", "-13"].map(
    (value): BadRequest => ({
      what: `with Sec-WebSocket-Version ${JSON.stringify(value)}`,
      section: "RFC 6455 §4.2.2, §4.4",
      change: having("Sec-WebSocket-Version", value),
      // The draft that version 8 stands for has the same frames.
      isHarmless: ["8", "013", "13, 8"].includes(value),
      statuses: [400, 426],
      // §4.4 asks for the list of versions where another one was asked for; what is no number asks for none.
      ...(/^\d+$/.test(value) ? { demands: "sec-websocket-version" } : {}),
    }),
  ),
  // 20.4 Keys.
  [
    ...[
      ["an empty", ""],
      ["a 15-byte", Buffer.alloc(15, 1).toString("base64")],
      ["a 17-byte", Buffer.alloc(17, 1).toString("base64")],
      ["a 0-byte", "===="],
      ["a 64-byte", Buffer.alloc(64, 1).toString("base64")],
      ["an unpadded", "AQIDBAUGBwgJCgsMDQ4PEA"],
      ["a badly padded", "AQIDBAUGBwgJCgsMDQ4PEA="],
      ["a not base64", "!!!!!!!!!!!!!!!!!!!!!!=="],
      ["a base64url", "-_-_-_-_-_-_-_-_-_-_-A=="],
      ["a spaced", "AQIDBAUG BwgJCgsMDQ4PEA=="],
      ["a doubled", "AQIDBAUGBwgJCgsMDQ4PEA==, AQIDBAUGBwgJCgsMDQ4PEA=="],
    ].map(
      ([kind, value]): BadRequest => ({
        what: `with ${kind} key`,
        section: S4_2_1,
        change: having("Sec-WebSocket-Key", value!),
        statuses: [400],
      }),
    ),
    {
      what: "whose key has bits set that base64 drops",
      section: "RFC 4648 §3.5",
      change: having("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEB=="),
      isHarmless: true,
    },
  ],
  // 20.5 What smuggles a second request past a proxy.
  [
    {
      what: "with a body and its Content-Length",
      section: SMUGGLING,
      change: (good) => ({ ...also("Content-Length", "5")(good), body: "hello" }),
      isHarmless: true,
    },
    {
      what: "with Transfer-Encoding: chunked",
      section: SMUGGLING,
      change: (good) => ({ ...also("Transfer-Encoding", "chunked")(good), body: "0\r\n\r\n" }),
      isHarmless: true,
    },
    {
      what: "with Content-Length and Transfer-Encoding",
      section: SMUGGLING,
      change: ({ fields }) => ({
        fields: [...fields, ["Content-Length", "5"], ["Transfer-Encoding", "chunked"]],
        body: "0\r\n\r\n",
      }),
    },
    {
      what: "with two different Content-Length fields",
      section: SMUGGLING,
      change: ({ fields }) => ({ fields: [...fields, ["Content-Length", "0"], ["Content-Length", "5"]] }),
    },
    { what: "with a negative Content-Length", section: SMUGGLING, change: also("Content-Length", "-1") },
    {
      what: "with a Content-Length that is no number",
      section: SMUGGLING,
      change: also("Content-Length", "0x5"),
    },
    {
      what: "with a space before a colon",
      section: "RFC 9112 §5.1",
      change: also("X-Field ", "value"),
      statuses: [400],
    },
    {
      what: "with a tab before a colon",
      section: "RFC 9112 §5.1",
      change: also("X-Field\t", "value"),
      statuses: [400],
    },
    { what: "with a field name that is empty", section: "RFC 9110 §5.1", change: also("", "value") },
    { what: "with a space in a field name", section: "RFC 9110 §5.1", change: also("X Field", "value") },
    {
      what: "with a line folded as HTTP/1.0 could",
      section: "RFC 9112 §5.2",
      change: also("X-Field", "a\r\n b"),
      isHarmless: true,
    },
    { what: "with NUL in a value", section: "RFC 9110 §5.5", change: also("X-Field", "a\0b") },
    { what: "with a lone CR in a value", section: "RFC 9112 §2.2", change: also("X-Field", "a\rb") },
    {
      what: "with a lone LF in front of a second Host",
      section: "RFC 9112 §2.2",
      change: also("X-Field", "a\nHost: other.example"),
      isHarmless: true,
    },
    {
      what: "with a line that has no colon",
      section: "RFC 9112 §5",
      change: also("X-Field\r\nnothing", "value\r\nmore"),
      isHarmless: false,
    },
    {
      what: "with LF for all line ends",
      section: "RFC 9112 §2.2",
      change: () => ({ newline: "\n" }),
      isHarmless: true,
    },
    {
      what: "with a control character in its target",
      section: "RFC 9112 §3.2",
      change: target((path) => `${path}\x01`),
    },
  ],
  // 20.6 Host.
  ["", "a b", "a/b", "user@host", "host:port", "a, b", "[::1", "http://host"].map(
    (value): BadRequest => ({
      what: `with Host ${JSON.stringify(value)}`,
      section: "RFC 9112 §3.2",
      change: having("Host", value),
      isHarmless: true,
      statuses: [400],
    }),
  ),
];

/** What a server has to take, however unusual it is. */
export const UNUSUAL_REQUESTS: readonly (readonly [
  what: string,
  change: (good: RequestParts) => Partial<RequestParts>,
])[] = [
  [
    "with field names in lower case",
    ({ fields }) => ({ fields: fields.map(([name, value]): Field => [name.toLowerCase(), value]) }),
  ],
  [
    "with field names in upper case",
    ({ fields }) => ({ fields: fields.map(([name, value]): Field => [name.toUpperCase(), value]) }),
  ],
  ["with its fields the other way round", ({ fields }) => ({ fields: [...fields].reverse() })],
  ["with Upgrade: WebSocket", having("Upgrade", "WebSocket")],
  ["with Connection: keep-alive, Upgrade", having("Connection", "keep-alive, Upgrade")],
  ["with Connection: upgrade", having("Connection", "upgrade")],
  ["with two Connection fields", ({ fields }) => ({ fields: [["Connection", "keep-alive"], ...fields] })],
  [
    "with spaces around values",
    ({ fields }) => ({ fields: fields.map(([name, value]): Field => [name, `  ${value}\t `]) }),
  ],
  [
    "without spaces before values",
    ({ fields }) => ({ fields: fields.map(([name, value]): Field => [name, `\0${value}`]) }),
  ],
  [
    "with a query",
    () => ({ line: (path) => `GET ${path}${path.includes("?") ? "&" : "?"}a=b%20c HTTP/1.1` }),
  ],
  ["with a cookie of 4 KiB", also("Cookie", `a=${"b".repeat(4_094)}`)],
  [
    "with 50 more fields",
    ({ fields }) => ({
      fields: [...fields, ...Array.from({ length: 50 }, (_, i): Field => [`X-Field-${i}`, "value"])],
    }),
  ],
  ["with Content-Length: 0", also("Content-Length", "0")],
  ["with bytes above 0x7f in a value", also("X-Field", "caf\u00e9")],
];
