import type { Random } from "../random.js";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** What `Sec-WebSocket-Accept` is for the key that requests are made with (RFC 6455 §1.3). */
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

type Field = [name: string, value: string];

const ODD_VALUES = [
  "", " ", "\t", ",", ";", "\"", "\\", "websocket", "Upgrade", "close", "keep-alive, Upgrade", "13", "8", "chunked", "0",
  "5", "-1", "13, 8", "a, b, a", "__proto__", "constructor", "hasOwnProperty", "\x00", "\x7f", "\xff", "é", "a\r\n b",
  "null", "http://example.com", "https://evil.example", "example.com:0", "example.com:99999", "[::1]:80", "[::1",
  "user@example.com", "a b", "x".repeat(300),
]; // biome-ignore format: a table
const ODD_NAMES = [
  "Upgrade", "Connection", "Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Origin",
  "Sec-WebSocket-Extensions", "Sec-WebSocket-Accept", "Content-Length", "Transfer-Encoding", "Expect", "__proto__", "constructor",
  "toString", "X", "", " X", "X ", "\tX", "X:", "\u00e9", "Sec-WebSoc\u212aet-Key", "Cookie", "Trailer",
]; // biome-ignore format: a table
const ODD_TARGETS = [
  "/", "/a?b=c", "/?", "//host/path", "*", "http://example.com/", "example.com:80", "/a#b", "", "/%", "/\x80", "/a b",
  "/__proto__", `/${"x".repeat(500)}`,
]; // biome-ignore format: a table
const PARAMETERS = [
  "server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits",
  "client_max_window_bits", "x", "__proto__", "constructor", "toString",
]; // biome-ignore format: a table
const PARAMETER_VALUES = [
  "8",
  "9",
  "10",
  "15",
  "7",
  "16",
  "08",
  "+9",
  "9.0",
  "1e1",
  "",
  '"10"',
  '"1\\0"',
  '"',
  "true",
  "99999999999",
];

/** The request of a client, as it should be or with something wrong. */
export function anyRequest(random: Random): string {
  const fields: Field[] = [
    ["Host", random.pick(["example.com", "localhost:8080", "[::1]:80", "EXAMPLE.com."])],
    ["Upgrade", random.pick(["websocket", "WebSocket", "h2c, websocket"])],
    ["Connection", random.pick(["Upgrade", "keep-alive, Upgrade", "upgrade"])],
    ["Sec-WebSocket-Key", KEY],
    ["Sec-WebSocket-Version", "13"],
  ];
  if (random.chance(40))
    fields.push(["Sec-WebSocket-Protocol", random.pick(["chat", "chat, superchat", "a,b,c", "v2.chat"])]);
  if (random.chance(60)) fields.push(["Sec-WebSocket-Extensions", anyExtensions(random)]);
  if (random.chance(40))
    fields.push(["Origin", random.pick(["http://example.com", "null", "https://example.com:8443"])]);
  const method = random.chance(96)
    ? "GET"
    : random.pick(["POST", "get", "CONNECT", "G E T", "", "HEAD", "\x00GET"]);
  const target = random.chance(90) ? "/chat" : random.pick(ODD_TARGETS);
  const version = random.chance(95)
    ? "HTTP/1.1"
    : random.pick(["HTTP/1.0", "HTTP/2.0", "http/1.1", "HTTP/1.", ""]);
  return head(random, `${method} ${target} ${version}`, fields);
}

/** The answer of a server to {@link anyRequest}, as it should be or with something wrong. */
export function anyAnswer(random: Random): string {
  const fields: Field[] = [
    ["Upgrade", random.pick(["websocket", "WebSocket"])],
    ["Connection", random.pick(["Upgrade", "keep-alive, upgrade"])],
    ["Sec-WebSocket-Accept", ACCEPT],
  ];
  if (random.chance(40))
    fields.push(["Sec-WebSocket-Protocol", random.pick(["chat", "chat", "superchat", "other"])]);
  if (random.chance(60)) fields.push(["Sec-WebSocket-Extensions", anyExtensions(random)]);
  const line = random.chance(85)
    ? "HTTP/1.1 101 Switching Protocols"
    : random.pick([
        "HTTP/1.1 101",
        "HTTP/1.1 101 ",
        "HTTP/1.0 101 X",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 99 X",
        "HTTP/1.1 1010",
        "HTTP/1.1  101 X",
        "HTTP/2.0 101 X",
        "ICY 101 OK",
        "HTTP/1.1 302 \xff",
      ]);
  return head(random, line, fields);
}

function anyExtensions(random: Random): string {
  const list = Array.from({ length: random.chance(5) ? 40 : random.between(1, 3) }, () => {
    const name = random.chance(85)
      ? "permessage-deflate"
      : random.pick(["x-other", "__proto__", "constructor", "", "perMessage-deflate"]);
    const parameters = Array.from({ length: random.chance(3) ? 20 : random.below(4) }, () => {
      const parameter = random.pick(PARAMETERS);
      const wantsValue = parameter.endsWith("bits") ? 75 : 5;
      const equals = random.pick(["=", "=", "=", " = "]);
      return parameter + (random.chance(wantsValue) ? equals + anyValue(random) : "");
    });
    return [name, ...parameters].join(random.pick(["; ", ";", " ;\t"]));
  });
  return list.join(random.pick([", ", ",", " , ,"]));
}

function anyValue(random: Random): string {
  return random.chance(70) ? String(random.between(8, 15)) : random.pick(PARAMETER_VALUES);
}

function head(random: Random, startLine: string, fields: Field[]): string {
  if (random.chance(30)) shuffle(random, fields);
  if (random.chance(55)) mutateFields(random, fields);
  const lines = [
    startLine,
    ...fields.map(
      ([name, value]) =>
        `${name}:${random.pick([" ", " ", " ", "", "\t", "  "])}${value}${random.chance(5) ? " " : ""}`,
    ),
  ];
  let text = `${lines.join("\r\n")}\r\n\r\n`;
  if (random.chance(5)) text = `\r\n${text}`;
  if (random.chance(12)) {
    const at = random.below(text.length);
    const odd = random.pick(["\n", "\r", "\x00", "\r\n", "\r\n ", " ", "\x7f", "\xa0", "\t"]);
    text = text.slice(0, at) + odd + text.slice(at + (random.chance(50) ? 1 : 0));
  }
  if (random.chance(8)) text = text.slice(0, random.below(text.length));
  if (random.chance(25))
    text += random.pick(["\x81\x80\x00\x00\x00\x00", "GET / HTTP/1.1\r\n\r\n", "\x00", "xyz"]);
  return text;
}

function shuffle(random: Random, fields: Field[]): void {
  for (let i = fields.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [fields[i], fields[j]] = [fields[j]!, fields[i]!];
  }
}

function mutateFields(random: Random, fields: Field[]): void {
  const at = random.below(fields.length);
  const field = fields[at]!;
  switch (random.below(9)) {
    case 0:
      fields.splice(at, 1);
      break;
    case 1:
      fields.push([...field]);
      break;
    case 2:
      field[0] = random.chance(50) ? field[0].toUpperCase() : field[0].toLowerCase();
      break;
    case 3:
      field[0] = random.pick(ODD_NAMES);
      break;
    case 4:
      field[1] = random.pick(ODD_VALUES);
      break;
    case 5:
      fields.push([random.pick(ODD_NAMES), random.pick(ODD_VALUES)]);
      break;
    case 6:
      for (let i = random.between(20, 130); i > 0; i--) fields.push([`X-${i}`, "y"]);
      break;
    case 7:
      field[1] = `${field[1]}, ${random.pick(ODD_VALUES)}`;
      break;
    default:
      fields.push(["X-Long", "x".repeat(random.pick([100, 1000, 16_000, 20_000]))]);
  }
}
