/** Where a head ends, and what is wrong with it. Everything here is written with regular expressions on purpose: it shares no way of reading with `src/protocol/handshake`. */
export interface HeadModel {
  /** Whether the end of the head was there. */
  readonly isComplete: boolean;
  /** What is wrong, as the codes of errors. Empty for a good head. */
  readonly wrong: ReadonlySet<string>;
  /** The start line as matched. */
  readonly start: RegExpExecArray | null;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** What follows the head. */
  readonly rest: string;
}

const TCHAR = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]";
const TOKEN = `${TCHAR}+`;
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e]+) HTTP/(\\d\\.\\d)$`);
const STATUS_LINE = /^HTTP\/(\d\.\d) ([1-9]\d\d)(?: (.*))?$/s;
const FIELD = new RegExp(`^(${TOKEN}):[ \\t]*((?:.*[^ \\t])?)[ \\t]*$`, "s");

/** Reads the head of a request or an answer; bytes are characters up to 0xFF. */
export function readHeadModel(
  text: string,
  kind: "request" | "response",
  limits: { readonly maxHeadBytes: number; readonly maxHeaders: number },
): HeadModel {
  const skipped = kind === "request" && text.startsWith("\r\n") ? 2 : 0;
  const body = text.slice(skipped);
  const endAt = body.startsWith("\r\n") ? 0 : body.indexOf("\r\n\r\n");
  const isComplete = endAt !== -1;
  const headLength = isComplete ? endAt + (endAt === 0 ? 2 : 4) : body.length;
  const head = body.slice(0, headLength);
  const wrong = new Set<string>();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n|$)/.test(head)) wrong.add("MALFORMED_HEAD");
  // A CR at the end of what was cut is not wrong yet; at the end of a whole head there is none.
  if (skipped + headLength > limits.maxHeadBytes) wrong.add("HEAD_TOO_LARGE");
  const lines = head.split("\r\n");
  if (isComplete) lines.splice(endAt === 0 ? 1 : -2);
  else lines.pop();
  const start = lines.length === 0 ? null : (kind === "request" ? REQUEST_LINE : STATUS_LINE).exec(lines[0]!);
  if (lines.length > 0) {
    const version = start?.[kind === "request" ? 3 : 1] ?? /^HTTP\/(\d\.\d)/.exec(lines[0]!)?.[1];
    if (start === null) wrong.add("MALFORMED_HEAD");
    if (version !== undefined && version !== "1.0" && version !== "1.1") wrong.add("HTTP_VERSION");
  }
  const fields = lines.slice(1).map((line) => FIELD.exec(line));
  if (fields.includes(null)) wrong.add("MALFORMED_HEAD");
  if (fields.length > limits.maxHeaders) wrong.add("HEAD_TOO_LARGE");
  return {
    isComplete,
    wrong,
    start,
    fields: fields.flatMap((match) => (match === null ? [] : [[match[1]!, match[2]!] as const])),
    rest: body.slice(headLength),
  };
}

/** The values of a field, in any case of A-Z. */
export function valuesOf({ fields }: HeadModel, name: string): string[] {
  return fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
}

/** The elements of comma-separated lists. */
export function elements(values: readonly string[]): string[] {
  return values
    .flatMap((value) => value.split(",").map((one) => one.replace(/^[ \t]+|[ \t]+$/g, "")))
    .filter((one) => one !== "");
}

const AUTHORITY =
  /^(?:\[[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*\]|(?:[a-z0-9\-._~!$&'()*+,;=]|%[0-9a-f]{2})+)(?::(\d*))?$/i;

/** What is wrong with a good head as a request to open a WebSocket (RFC 6455 §4.2.1), as the codes of errors. */
export function judgeRequest(head: HeadModel): Set<string> {
  const wrong = new Set<string>();
  const expect = (holds: boolean, code: string): void => {
    if (!holds) wrong.add(code);
  };
  const [, method = "", target = "", version = ""] = head.start ?? [];
  expect(version === "1.1", "HTTP_VERSION");
  expect(method === "GET", "METHOD_NOT_ALLOWED");
  expect(/^\/[^#]*$/.test(target), "INVALID_TARGET");
  const hosts = valuesOf(head, "host");
  const port = AUTHORITY.exec(hosts[0] ?? "");
  expect(hosts.length === 1 && port !== null && Number(port[1] ?? 0) <= 65_535, "INVALID_HOST");
  const lengths = valuesOf(head, "content-length");
  expect(
    lengths.every((length) => length === "0"),
    "UNEXPECTED_BODY",
  );
  expect(valuesOf(head, "transfer-encoding").length === 0, "UNEXPECTED_BODY");
  const names = (name: string, token: string): boolean =>
    elements(valuesOf(head, name)).some((element) => element.toLowerCase() === token);
  expect(names("upgrade", "websocket"), "INVALID_UPGRADE");
  expect(names("connection", "upgrade"), "INVALID_CONNECTION");
  const versions = valuesOf(head, "sec-websocket-version");
  expect(versions.length === 1 && versions[0] === "13", "UNSUPPORTED_VERSION");
  const keys = valuesOf(head, "sec-websocket-key");
  const isKey =
    /^[A-Za-z0-9+/]{22}==$/.test(keys[0] ?? "") &&
    Buffer.from(keys[0]!, "base64").toString("base64") === keys[0];
  expect(keys.length === 1 && isKey, "INVALID_KEY");
  expect(valuesOf(head, "origin").length <= 1, "ORIGIN_NOT_ALLOWED");
  const lists = valuesOf(head, "sec-websocket-protocol");
  const protocols = elements(lists);
  const areTokens = protocols.every((one) => new RegExp(`^${TOKEN}$`).test(one));
  const areDistinct = new Set(protocols).size === protocols.length;
  expect(lists.length === 0 || (protocols.length > 0 && areTokens && areDistinct), "INVALID_PROTOCOLS");
  const extensions = extensionsModel(valuesOf(head, "sec-websocket-extensions"));
  expect(extensions !== undefined, "INVALID_EXTENSIONS");
  return wrong;
}

/** An extension with its parameters; `true` where there is no value. */
export interface ExtensionModel {
  readonly name: string;
  readonly parameters: readonly (readonly [name: string, value: string | true])[];
}

const PARAMETER = new RegExp(`^(${TOKEN})(?:[ \\t]*=[ \\t]*(?:(${TOKEN})|"((?:\\\\?${TCHAR})+)"))?$`);

/** Reads `Sec-WebSocket-Extensions` (RFC 6455 §9.1); undefined if it is malformed or has more than 32 or 16 parts. */
export function extensionsModel(values: readonly string[]): ExtensionModel[] | undefined {
  const list: ExtensionModel[] = [];
  for (const element of elements(values)) {
    const [name = "", ...rest] = element.split(";").map((one) => one.replace(/^[ \t]+|[ \t]+$/g, ""));
    if (!new RegExp(`^${TOKEN}$`).test(name)) return undefined;
    const parameters: [string, string | true][] = [];
    for (const one of rest) {
      const match = PARAMETER.exec(one);
      if (match === null) return undefined;
      parameters.push([match[1]!, match[2] ?? match[3]?.replaceAll("\\", "") ?? true]);
    }
    if (parameters.length > 16) return undefined;
    list.push({ name, parameters });
  }
  return list.length > 32 ? undefined : list;
}

/** The parameters of permessage-deflate as they stand in an offer or an answer; undefined if RFC 7692 §7.1 has them wrong. */
export function deflateModel(
  { parameters }: ExtensionModel,
  kind: "offer" | "answer",
): ReadonlyMap<string, string | true> | undefined {
  const map = new Map<string, string | true>(parameters);
  if (map.size !== parameters.length) return undefined;
  const isBits = (value: string | true): boolean => value !== true && /^(?:[89]|1[0-5])$/.test(value);
  for (const [name, value] of map) {
    const isLegal =
      (/^(?:server|client)_no_context_takeover$/.test(name) && value === true) ||
      (/^(?:server|client)_max_window_bits$/.test(name) && isBits(value)) ||
      (name === "client_max_window_bits" && value === true && kind === "offer");
    if (!isLegal) return undefined;
  }
  return map;
}

/** Whether a server may answer this offer so, and a client has to take it (RFC 7692 §7.1). Both are legal by themselves. */
export function answersOffer(
  offer: ReadonlyMap<string, string | true>,
  answer: ReadonlyMap<string, string | true>,
): boolean {
  if (offer.has("server_no_context_takeover") && !answer.has("server_no_context_takeover")) return false;
  const asked = offer.get("server_max_window_bits");
  // §7.1.2.1: accepted by naming it, also where 15 was asked for, which limits nothing.
  if (asked !== undefined && !(Number(answer.get("server_max_window_bits")) <= Number(asked))) return false;
  return !answer.has("client_max_window_bits") || offer.has("client_max_window_bits");
}
