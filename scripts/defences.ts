/** A change to one file of the built package. */
export interface Replacement {
  /** The file below `dist/`. */
  readonly file: string;
  /** The text to replace; it has to occur exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** Takes one defence out of the built package, or puts the mistake back in its place. */
export interface Switch {
  /** More than one only where the mistake takes more than one: if either is enough, each has a proof of its own. */
  readonly replacements: readonly Replacement[];
  /** What that means, in a few words for the table. */
  readonly says: string;
}

/** A test that shows a defence, and the switch with which it fails. */
export interface Proof {
  /** The file below `test/security/`, without `.test.ts`. */
  readonly suite: string;
  /** The full name of the test. */
  readonly test: string;
  readonly without: Switch;
}

/** A mistake known from other implementations, and what holds here. */
export interface Defence {
  /** Who made it, and what went wrong. */
  readonly mistake: string;
  /** What Hawser does instead. */
  readonly rule: string;
  readonly proofs: readonly Proof[];
  /** What of it is not there yet, as the table says it. */
  readonly notYet?: string;
}

function proof(suite: string, test: string, without: Switch): Proof {
  return { suite, test, without };
}

function without(
  file: string,
  find: string,
  replace: string,
  says: string,
  ...more: readonly Replacement[]
): Switch {
  return { replacements: [{ file, find, replace }, ...more], says };
}

/** The rows of the table in `SECURITY.md`; `npm run prove-defences` writes it. */
export const DEFENCES: readonly Defence[] = [
  {
    mistake: "ws CVE-2016-10518: uninitialised memory in a ping that is given a number",
    rule: "The type of every payload is checked; of a buffer reserved too large, only what was written is sent",
    proofs: [
      proof(
        "payloads",
        "a number to send, ping or pong is refused, and never that many bytes of uninitialised memory",
        without(
          "node/connection/payload.js",
          'throw new UsageError("INVALID_PAYLOAD"',
          "return Buffer.allocUnsafe(Number(data) || 100); void ((a, b) => a + b)(0",
          "a number becomes a buffer of that size",
        ),
      ),
      proof(
        "payloads",
        "an engine that is given a number as a ping refuses it, on both sides",
        without(
          "protocol/frame-writer.js",
          "if (data?.BYTES_PER_ELEMENT === 1)",
          "if (true)",
          "the engine takes what has a length for bytes",
        ),
      ),
      proof(
        "payloads",
        "of a buffer that was reserved too large, only what was written is sent",
        without(
          "protocol/frame-writer.js",
          ": host.utf8Write(text, bytes, start);",
          ": (host.utf8Write(text, bytes, start), mayTake);",
          "the length reserved counts, and not the length written",
        ),
      ),
    ],
  },
  {
    mistake: "ws CVE-2026-45736: uninitialised memory in a close frame whose reason is a typed array",
    rule: "A reason is a string; arrays are sent by `byteLength`, never by `length`",
    proofs: [
      proof(
        "payloads",
        "a close reason that is a typed array is refused, and the connection stays usable",
        without(
          "protocol/close-payload.js",
          'if (typeof reason !== "string")',
          "if (false)",
          "the type of the reason is not checked",
        ),
      ),
      proof(
        "payloads",
        "a typed array is sent by its byte length, not by its number of elements",
        without(
          "node/connection/payload.js",
          "new Uint8Array(data.buffer, data.byteOffset, data.byteLength)",
          "new Uint8Array(data.buffer, data.byteOffset, data.length)",
          "`length` instead of `byteLength`",
        ),
      ),
    ],
  },
  {
    mistake:
      "RFC 6455 §10.3: masking keys that can be predicted let a page write HTTP into the caches of proxies",
    rule: "Masking keys come from the system's randomness",
    proofs: [
      proof(
        "payloads",
        "masking keys come from the system's randomness, so that no peer can choose what is on the wire",
        without("node/node-host.js", "randomFillSync(masks);", "", "nothing fills the keys"),
      ),
    ],
  },
  {
    mistake: "ws GHSA-5v72-xg48-5rpm: names of `Object.prototype` in `Sec-WebSocket-Extensions`",
    rule: "What a peer names is in a list, a `Map` or an object without prototype",
    proofs: [
      proof(
        "handshake-request",
        "names of Object.prototype in Sec-WebSocket-Extensions are names like any others",
        without(
          "protocol/extensions/extension-grammar.js",
          "offers.push(offer);",
          "((offers.byName ??= {})[offer.name] ??= []).push(offer); offers.push(offer);",
          "offers are keys of an object",
        ),
      ),
      proof(
        "handshake-request",
        "names of Object.prototype are no paths",
        without(
          "node/server/route-table.js",
          "const exact = this.#exact.get(path);",
          "const exact = {}[path.slice(1)] ?? this.#exact.get(path);",
          "paths are keys of an object",
        ),
      ),
    ],
  },
  {
    mistake: "Node CVE-2026-21710: a header called `__proto__` throws",
    rule: "Raw header fields in a list; names are compared, and never keys",
    proofs: [
      proof(
        "handshake-request",
        "a header called `__proto__` is a header like any other",
        without(
          "protocol/handshake/header-list.js",
          "getAll(name) {",
          "getAll(name) { const byName = {}; for (const [key, value] of this) (byName[key.toLowerCase()] ??= []).push(value);",
          "fields are keys of an object",
        ),
      ),
    ],
  },
  {
    mistake: "ws CVE-2021-32640, faye CVE-2020-7662: regular expressions over headers that take minutes",
    rule: "Tokenizers that read their text once; caps on length and count",
    proofs: [
      proof(
        "handshake-request",
        "a header value full of blanks is read once, and not again for each blank",
        without(
          "protocol/handshake/http-token.js",
          "export function trimWhitespace(text) {",
          'export function trimWhitespace(text) { return text.replace(/^[ \\t]+|[ \\t]+$/g, "");',
          "values are trimmed by a regular expression",
        ),
      ),
      proof(
        "handshake-request",
        "a hostile list of extensions is read once, and has at most 32 elements of 16 parameters",
        without(
          "protocol/extensions/extension-grammar.js",
          "offers.length === MAX_EXTENSION_OFFERS",
          "false",
          "any number of elements",
        ),
      ),
    ],
  },
  {
    mistake: "ws CVE-2024-37890: more headers than Node keeps, so that `Upgrade` is undefined",
    rule: "Every header may be absent; `serve` refuses too many instead of leaving some out",
    proofs: [
      proof(
        "handshake-request",
        "headers beyond those that Node keeps are absent, and absent is refused, not read",
        without(
          "protocol/handshake/server-handshake.js",
          '!listsInclude(headers.getAll("upgrade"), "websocket")',
          'headers.get("upgrade").toLowerCase() !== "websocket"',
          "`Upgrade` is read as if it were there",
        ),
      ),
      proof(
        "handshake-request",
        "a request with too many header fields or bytes is refused with 431",
        without(
          "protocol/handshake/head-parser.js",
          "if (this.#raw.length === 2 * this.#limits.maxHeaders)",
          "if (this.#raw.length === 2 * this.#limits.maxHeaders) return; if (false)",
          "fields above the limit are left out",
        ),
      ),
    ],
  },
  {
    mistake: "tungstenite CVE-2023-43669: a growing head is parsed again with each piece",
    rule: "An incremental parser; caps on bytes, header count and time",
    proofs: [
      proof(
        "handshake-request",
        "a head that comes byte by byte is not read again from its beginning",
        without(
          "protocol/handshake/head-parser.js",
          "const { wrong, isHead } = this.#findLines(bytes, from, end);",
          "const { wrong, isHead } = this.#findLines(bytes, 0, end);",
          "all of a line is looked at again with each chunk",
        ),
      ),
      proof(
        "handshake-request",
        "a head that does not end is dropped at the deadline of the handshake",
        without("node/server/handshake-guard.js", "this.onTimeout();", "", "nothing happens at the deadline"),
      ),
      proof(
        "handshake-request",
        "a head that comes byte by byte costs its bytes, and not a piece of memory for each",
        without(
          "node/server/first-request.js",
          "this.#rest ??= new ByteQueue(nodeHost);",
          "this.#rest ??= new ByteQueue(nodeHost); (this.pieces ??= []).push(chunk);",
          "every chunk is kept",
        ),
      ),
    ],
  },
  {
    mistake: "Slowloris: heads that never end hold connections; Node looks for them every 30 s only",
    rule: "`handshakeTimeoutMs` holds for every request, and is looked at at least four times as often",
    proofs: [
      proof(
        "handshake-request",
        "a head that does not end is dropped at the deadline where it is for HTTP, too",
        without(
          "node/server/serve.js",
          "connectionsCheckingInterval: checkInterval(headersTimeout),",
          "",
          "Node looks when it does",
        ),
      ),
    ],
  },
  {
    mistake:
      "ws CVE-2026-48779, undici CVE-2026-12151, Bandit CVE-2026-42786: tiny or empty fragments without end",
    rule: "Fragments are charged beyond their bytes, copied together, and a message has a deadline",
    proofs: [
      proof(
        "fragments",
        "empty fragments without end are charged for, and end the connection",
        without(
          "protocol/engine.js",
          "assembler.overheadBytes > config.maxFragmentOverheadBytes",
          "false",
          "fragments cost nothing",
        ),
      ),
      proof(
        "fragments",
        "tiny fragments are copied together, and keep alive nothing of the chunks that they came in",
        without(
          "core/byte-queue.js",
          "const byteLength = this.#byteLength + end - start;",
          "const byteLength = this.#byteLength + end - start; (this.pieces ??= []).push(bytes.subarray(start, end));",
          "every piece is kept by reference",
        ),
      ),
      proof(
        "fragments",
        "a message that does not end is given up at its deadline",
        without(
          "protocol/engine.js",
          "if (config.messageTimeoutMs > 0 && this.isOpen)",
          "if (false)",
          "no deadline for a message",
        ),
      ),
    ],
  },
  {
    mistake: "Several: pings of a peer that does not read the pongs; large or fragmented control frames",
    rule: "64 pongs may wait, then the connection is failed; control frames have 125 bytes and one frame",
    proofs: [
      proof(
        "fragments",
        "pings of a peer that does not read its pongs end the connection",
        without(
          "node/connection/sending-connection.js",
          "++this.#pendingPongs > settings.maxPendingPongs",
          "false",
          "any number of pongs may wait",
        ),
      ),
      proof(
        "fragments",
        "a control frame is bounded, and cannot be fragmented",
        without(
          "protocol/engine.js",
          "if (payloadLength > MAX_CONTROL_BYTES)",
          "if (false)",
          "control frames of any length",
        ),
      ),
    ],
  },
  {
    mistake: "undici CVE-2026-1526, python websockets CVE-2018-1000518: decompression bombs",
    rule: "The output is capped while it is inflated, over all fragments of a message",
    proofs: [
      proof(
        "compression",
        "a decompression bomb is stopped while it is inflated, not when it is whole in memory",
        without(
          "node/deflate/inflate-context.js",
          "maxOutputLength: Math.min(Math.max(1, maxBytes) + ahead, bufferConstants.MAX_LENGTH)",
          "maxOutputLength: bufferConstants.MAX_LENGTH",
          "the limit is looked at behind the inflating of a first message",
        ),
      ),
      proof(
        "compression",
        "a decompression bomb is stopped while it is inflated, not when it is whole in memory",
        without(
          "node/deflate/kept-inflate.js",
          'if (total > maxOutputBytes)\n                return "too-big";',
          'if (total > maxOutputBytes && this.#position + written < BUFFER_BYTES)\n                return "too-big";',
          "the limit is looked at behind the inflating of a later message",
        ),
      ),
      proof(
        "compression",
        "a bomb that is handed out in pieces is stopped at the limit",
        without(
          "node/deflate/sync-zlib.js",
          "if (total > maxBytes)",
          "if (false)",
          "pieces of any size are inflated",
        ),
      ),
      proof(
        "compression",
        "what is inflated is counted over all fragments of a message",
        without(
          "protocol/engine.js",
          "config.maxMessageBytes - assembler.inflatedBytes",
          "config.maxMessageBytes",
          "each fragment has the whole limit",
        ),
      ),
    ],
  },
  {
    mistake: "undici CVE-2026-2229: window bits outside of 8 to 15 throw",
    rule: "A bad offer is declined, a bad answer fails the handshake",
    proofs: [
      proof(
        "handshake-answer",
        "an answer with impossible window bits fails the handshake, and throws nothing later",
        without(
          "protocol/extensions/deflate-negotiation.js",
          "isWindowBits(bits) && String(bits) === value ? bits : undefined",
          "bits",
          "any number is taken",
        ),
      ),
      proof(
        "handshake-answer",
        "an offer with impossible window bits is declined, and the connection goes on without compression",
        without(
          "protocol/extensions/deflate-negotiation.js",
          "isWindowBits(bits) && String(bits) === value ? bits : undefined",
          "bits",
          "any number is taken",
        ),
      ),
    ],
  },
  {
    mistake:
      "undici CVE-2026-1528, gorilla CVE-2020-27813, Tomcat CVE-2020-13935: 64-bit lengths that overflow",
    rule: "The high word is judged before any sum; nothing is allocated for a length that is only announced",
    proofs: [
      proof(
        "fragments",
        "a length above 2^53-1 is refused before anything is added to it",
        without("protocol/frame-parser.js", "if (high > 0x1f_ffff)", "if (false)", "any high word is taken"),
      ),
      proof(
        "fragments",
        "no memory is taken for a length that is only announced",
        without(
          "protocol/message-assembler.js",
          "this.announcedBytes += payloadLength;",
          "this.announcedBytes += payloadLength; this.room = new Uint8Array(payloadLength);",
          "room is made for what is announced",
        ),
      ),
    ],
  },
  {
    mistake: "undici, June 2026: a size limit that fragments pass by",
    rule: "What came and what the header announces count together, before a byte of it comes",
    proofs: [
      proof(
        "fragments",
        "a size limit counts over all fragments, and what a header announces before it comes",
        without(
          "protocol/engine.js",
          "(assembler?.announcedBytes ?? 0) + payloadLength",
          "payloadLength",
          "each fragment has the whole limit",
        ),
      ),
    ],
  },
  {
    mistake: "undici CVE-2026-1527: line ends through an option",
    rule: "Every name and value that goes out in a head is checked, on both sides",
    proofs: [
      proof(
        "handshake-answer",
        "a line end in an option of the client is an error, and no header",
        without(
          "protocol/handshake/http-token.js",
          "if ((code < SPACE && code !== HTAB) || code === 0x7f || code > 0xff)",
          "if (false)",
          "any character may stand in a value",
        ),
      ),
      proof(
        "handshake-answer",
        "a line end in what a hook answers with is an error, and no header",
        without(
          "protocol/handshake/http-token.js",
          "if ((code < SPACE && code !== HTAB) || code === 0x7f || code > 0xff)",
          "if (false)",
          "any character may stand in a value",
        ),
      ),
    ],
  },
  {
    mistake: "python websockets CVE-2021-33880: credentials compared in a time that tells how much fits",
    rule: "The secret of a session, 128 random bits, is compared to its end wherever it differs; levels 1 and 2 compare none",
    proofs: [
      proof(
        "sessions",
        "the secret of a session is compared to its end, wherever it differs",
        without(
          "session/wire/same-bytes.js",
          "difference |= one[i] ^ (other[i] ?? 0);",
          "if ((difference |= one[i] ^ (other[i] ?? 0)) !== 0) return false;",
          "the comparison stops at the first byte that differs",
        ),
      ),
      proof(
        "sessions",
        "who knows the id of a session that is being authenticated does not get it either",
        without(
          "session/server/session-admission.js",
          "const isSame = sameBytes(pending.open.token, open.token);",
          "const isSame = true;",
          "the secret counts only once the session is there",
        ),
      ),
    ],
  },
  {
    mistake:
      "engine.io CVE-2020-36048, 2022-21676, 2022-41940, 2023-31125: exceptions that a peer's bytes cause",
    rule: "No throw that a peer can reach; what handlers of the application throw ends one connection",
    proofs: [
      proof(
        "handshake-request",
        "a path or cookie with a broken percent-encoding is refused or kept, and throws nothing",
        without(
          "node/server/route-table.js",
          "const value = decode(part);",
          "const value = decodeURIComponent(part);",
          "the path is decoded unguarded",
        ),
      ),
      proof(
        "compression",
        "data that is no DEFLATE ends the connection, and not the process",
        without(
          "node/deflate/inflate-context.js",
          'return isTooLarge(error) ? "too-big" : "invalid";',
          "throw error;",
          "what zlib throws goes on",
        ),
      ),
      proof(
        "compression",
        "data that is no DEFLATE ends the connection, and not the process",
        without(
          "node/deflate/sync-zlib.js",
          "if (this.#hasFailed)\n            return -1;",
          'if (this.#hasFailed)\n            throw new Error("zlib");',
          "what zlib says of a later message is thrown",
        ),
      ),
      proof(
        "lifecycle",
        "a handler that throws ends its connection with 1011, and no other",
        without(
          "node/connection/connection.js",
          "const result = handlers.message(this, data, isBinary);",
          "let result; try { result = handlers.message(this, data, isBinary); } catch (error) { queueMicrotask(() => { throw error; }); }",
          "what a handler throws is thrown on",
        ),
      ),
      proof(
        "lifecycle",
        "a handler whose promise is rejected ends its connection with 1011, and not the process",
        without(
          "node/connection/watch-rejection.js",
          "if (isThenable(result))",
          "if (false)",
          "nobody listens to the promise of a handler",
        ),
      ),
      proof(
        "sessions",
        "whatever comes as blocks, nothing throws, and other sessions go on",
        without(
          "node/transports/http-transports.js",
          "if (read === undefined) {",
          "if (false) {",
          "a request that cannot be read is used all the same",
        ),
      ),
      proof(
        "sessions",
        "the body of a request is refused above its limit, with a length and without one",
        without(
          "node/transports/request-body.js",
          'Number(incoming.headers["content-length"] ?? 0) > MAX_HTTP_REQUEST_BYTES',
          "false",
          "the length that is announced is not looked at",
        ),
      ),
      proof(
        "sessions",
        "the body of a request is refused above its limit, with a length and without one",
        without(
          "node/transports/request-body.js",
          "if ((this.#pieces?.byteLength ?? piece.length) > MAX_HTTP_REQUEST_BYTES)",
          "if (false)",
          "what comes without a length is not counted",
        ),
      ),
      proof(
        "sessions",
        "bodies that are half there are bounded together",
        without(
          "node/transports/request-body.js",
          "if (budget.heldBytes > budget.maxBytes)",
          "if (false)",
          "each is bounded, and all together are not",
        ),
      ),
      proof(
        "sessions",
        "a request costs something before anything of its body has come",
        without(
          "node/transports/request-body.js",
          "this.#count(REQUEST_BYTES);",
          "",
          "the bytes of bodies are all that counts",
        ),
      ),
      proof(
        "sessions",
        "a body in pieces of one byte is held as its bytes, and keeps nothing of what it came in",
        without(
          "node/transports/request-body.js",
          "this.#pieces.append(piece, 0, piece.length);",
          "this.#pieces.append(piece, 0, piece.length); (this.all ??= []).push(piece);",
          "every piece is kept",
        ),
      ),
    ],
  },
  {
    mistake: "socket.io CVE-2024-38355: an error event without a listener ends the process",
    rule: "A listener for errors stands before anything can fail, and stays",
    proofs: [
      proof(
        "lifecycle",
        "a connection that is reset needs no error handler, on a server",
        without(
          "node/raw-socket.js",
          "this.owner.onError(systemError(status, call));",
          "throw systemError(status, call);",
          "errors are thrown",
        ),
      ),
      proof(
        "lifecycle",
        "a connection that is reset needs no error handler, beside an HTTP server",
        without(
          "node/own-stream.js",
          'owned.on("error", onError);',
          "",
          "connections do not listen for errors",
        ),
      ),
      proof(
        "lifecycle",
        "a connection that is reset needs no error handler, on a client",
        without(
          "node/own-stream.js",
          'owned.on("error", onError);',
          "",
          "connections do not listen for errors",
        ),
      ),
    ],
  },
  {
    mistake:
      "socket.io parser CVE-2020-36049, 2022-2421, 2023-32695, 2026-33151: packets that are not validated, attachments without end",
    rule: "Each packet and record is read strictly, and drops its transport or ends its session; counts and sums are bounded",
    proofs: [
      proof(
        "sessions",
        "whatever comes as blocks, nothing throws, and other sessions go on",
        without(
          "session/server/opening-transport.js",
          "if (open === undefined)",
          "if (false)",
          "a first packet that cannot be read is used all the same",
        ),
      ),
      proof(
        "sessions",
        "a message is refused above its limit, however small its pieces are",
        without(
          "session/machine/receiving-side.js",
          "byteLength > config.maxMessageBytes)",
          "false)",
          "the sum of the pieces is not looked at",
        ),
      ),
      proof(
        "sessions",
        "no more channels are opened than allowed",
        without(
          "session/machine/receiving-side.js",
          "this.#incoming.size + this.#heldChannels > config.maxChannels",
          "false",
          "channels are not counted",
        ),
      ),
      proof(
        "sessions",
        "who opens channels without end is let go",
        without(
          "session/machine/receiving-side.js",
          "this.#refused.size >= REFUSED_CHANNELS * this.config.maxChannels",
          "false",
          "refused channels are not counted",
        ),
      ),
    ],
  },
  {
    mistake:
      "socket.io CVE-2020-28481, Storybook CVE-2026-27148, Vite CVE-2025-24010: no check of the origin",
    rule: "Pages of the same origin by default, else those on a list; a frightening name for all",
    proofs: [
      proof(
        "sessions",
        "a page of another origin gets no session over HTTP, and no header field that lets it read",
        without(
          "node/transports/http-transports.js",
          "if (others.length > 0 || !isOriginAllowed(origins, asked))",
          "if (false)",
          "only the handshake of a WebSocket is looked at",
        ),
      ),
      proof(
        "origin",
        "a page of another origin is refused by default",
        without(
          "node/server/acceptor.js",
          'route.target.options.origins ?? "same-origin"',
          'route.target.options.origins ?? "dangerously-allow-any-origin"',
          "every origin is allowed by default",
        ),
      ),
      proof(
        "origin",
        "a list allows the subdomains that it names, and not what only ends alike",
        without(
          "protocol/handshake/origin-policy.js",
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a program
          "origin.host.endsWith(`.${allowed.host}`)",
          "origin.host.endsWith(allowed.host)",
          "the dot before the domain is not looked for",
        ),
      ),
      proof(
        "origin",
        "only the frightening word allows every page; a `*` is an error",
        without(
          "protocol/handshake/origin-policy.js",
          "export function assertOriginPolicy(policy) {",
          "export function assertOriginPolicy(policy) { return;",
          "policies are not checked",
        ),
      ),
      proof(
        "origin",
        "a list also refuses a page whose name was made to lead here (DNS rebinding)",
        without(
          "protocol/handshake/origin-policy.js",
          ": policy.some((entry) => matchesEntry(origin, entry))",
          ": isSameOrigin(origin, request.host) || policy.some((entry) => matchesEntry(origin, entry))",
          "the same origin is allowed beside every list",
        ),
      ),
    ],
  },
  {
    mistake: "Next CVE-2026-27977: `Origin: null` let through",
    rule: "`null` is an origin, and refused; only a function may allow it",
    proofs: [
      proof(
        "origin",
        "the origin null is refused by default, and by a list",
        without(
          "protocol/handshake/origin-policy.js",
          "if (origin === undefined)\n",
          'if (request.origin === "null") return true; if (origin === undefined)\n',
          "`null` passes as if it were none",
        ),
      ),
    ],
  },
  {
    mistake:
      "PROXY headers taken from anybody; mastercactapus/proxyprotocol CVE-2019-14243: a cut one ends the process",
    rule: "It is expected from the proxies on a list and from nobody else; what is none is refused",
    proofs: [
      proof(
        "handshake-request",
        "nobody but a listed proxy names his address by the PROXY protocol",
        without(
          "node/server/proxy-gate.js",
          "if (this.#proxies.includes(socket))",
          "if (true)",
          "everybody is such a proxy",
        ),
      ),
      proof(
        "handshake-request",
        "a header of the PROXY protocol that is cut is refused",
        without(
          "node/server/proxy-header.js",
          "if (byteLength < portAt + 4 || !areFieldsValid(header, portAt + 4))",
          "if (false)",
          "addresses are read without a look at their length",
        ),
      ),
    ],
  },
  {
    mistake:
      "Next CVE-2026-44578, proxies that look at the status alone: requests smuggled through an upgrade",
    rule: "The server refuses what can be read in two ways, answers a refusal once and closes; the client checks all of the answer",
    proofs: [
      proof(
        "handshake-request",
        "a target in absolute form is refused, whatever its Host says",
        without(
          "protocol/handshake/origin-form.js",
          'target.startsWith("/") && ',
          "",
          "a target need not be a path",
        ),
      ),
      proof(
        "handshake-request",
        "a handshake with a body is refused",
        without(
          "protocol/handshake/server-handshake.js",
          'if (hasBody || headers.has("transfer-encoding"))',
          "if (false)",
          "bodies are not looked for",
        ),
      ),
      proof(
        "handshake-request",
        "what is sent behind a refused handshake is never read as a request",
        without(
          "node/server/refuse-upgrade.js",
          "stream.end(Buffer.concat([",
          'process.nextTick(() => stream.server.emit("connection", stream)); stream.write(Buffer.concat([',
          "the socket of a refusal is used again",
        ),
      ),
      proof(
        "handshake-request",
        "a head that two readers could read differently is refused",
        without(
          "protocol/handshake/head-parser.js",
          "if (!isToken(name))",
          'if (name === "")',
          "names of header fields are not checked",
        ),
      ),
      proof(
        "handshake-answer",
        "an answer of another status than 101 opens nothing, however right the rest is",
        without(
          "protocol/handshake/client-handshake.js",
          "if (head.status !== 101)",
          "if (false)",
          "the status is not checked",
        ),
      ),
      proof(
        "handshake-answer",
        "an answer without the right Upgrade opens nothing",
        without(
          "protocol/handshake/client-handshake.js",
          'if (upgrades.length !== 1 || !equalsIgnoringAsciiCase(upgrades[0], "websocket"))',
          "if (false)",
          "`Upgrade` is not checked",
        ),
      ),
      proof(
        "handshake-answer",
        "an answer without Connection: Upgrade opens nothing",
        without(
          "protocol/handshake/client-handshake.js",
          'if (!listsInclude(headers.getAll("connection"), "upgrade"))',
          "if (false)",
          "`Connection` is not checked",
        ),
      ),
      proof(
        "handshake-answer",
        "an answer without the right Sec-WebSocket-Accept opens nothing",
        without(
          "protocol/handshake/client-handshake.js",
          "if (accepts.length !== 1 || trimWhitespace(accepts[0]) !== acceptKey)",
          "if (false)",
          "`Sec-WebSocket-Accept` is not checked",
        ),
      ),
    ],
  },
  {
    mistake: "Daphne CVE-2026-44545: defaults without limit",
    rule: "Every limit is finite by default, except the rates and the lifetime of a connection, which are off",
    proofs: [
      proof(
        "limits",
        "every limit is finite by default, except the rates and the lifetime of a connection",
        without(
          "node/connection/connection-settings.js",
          "maxPendingPongs: 64,",
          "maxPendingPongs: Infinity,",
          "a default without limit",
        ),
      ),
      proof(
        "limits",
        "a message above 16 MiB is refused by default, by its header",
        without(
          "protocol/engine-config.js",
          "maxMessageBytes: 16 * 1024 * 1024,",
          "maxMessageBytes: Infinity,",
          "a default without limit",
        ),
      ),
    ],
  },
  {
    mistake: "gun CVE-2026-43973: a client holds an answer to the handshake that does not end",
    rule: "The client's side has caps on bytes, interim answers and time, too",
    proofs: [
      proof(
        "handshake-answer",
        "an answer whose head does not end is given up at 16 KiB",
        without(
          "protocol/handshake/head-parser.js",
          "const taken = Math.min(chunk.length, this.#limits.maxHeadBytes - this.#headBytes);",
          "const taken = chunk.length;",
          "heads of any length",
        ),
      ),
      proof(
        "handshake-answer",
        "an answer of nothing but interim answers is given up",
        without(
          "node/client/read-head.js",
          "++interimAnswers > MAX_INTERIM_ANSWERS",
          "false",
          "any number of interim answers",
        ),
      ),
      proof(
        "handshake-answer",
        "an answer that trickles is given up at the deadline",
        without(
          "node/client/opening.js",
          'this.failWith("HANDSHAKE_TIMEOUT"',
          'void ("HANDSHAKE_TIMEOUT"',
          "nothing happens at the deadline",
        ),
      ),
    ],
  },
  {
    mistake: "Node CVE-2026-21637: exceptions of callbacks that TLS calls end the process",
    rule: "What such a callback throws or rejects ends one handshake, and is told in a warning",
    proofs: [
      proof(
        "lifecycle",
        "an SNICallback, ALPNCallback or pskCallback that throws ends one TLS handshake and is told",
        without(
          "node/server/serve.js",
          "...guardTlsCallbacks(options.tls),",
          "",
          "the callbacks are called unguarded",
        ),
      ),
      proof(
        "lifecycle",
        "a checkServerIdentity that throws ends one handshake",
        without(
          "node/client/tls-options.js",
          "if (checkServerIdentity !== undefined)",
          "if (false)",
          "the callback is called unguarded",
        ),
      ),
    ],
  },
  {
    mistake: "ws, python websockets: credentials follow a redirect to another origin",
    rule: "At another origin only harmless header fields and no client certificate; no redirect unless allowed",
    proofs: [
      proof(
        "handshake-answer",
        "a redirect to another origin takes no credentials along",
        without(
          "node/client/attempt.js",
          "isSame ? from.headers : headersForOtherOrigin(from.headers)",
          "from.headers",
          "all header fields go along",
        ),
      ),
      proof(
        "handshake-answer",
        "a redirect to another origin takes no client certificate along",
        without(
          "node/client/tls-options.js",
          ".filter(([name]) => !OF_ONE_ORIGIN.has(name))",
          "",
          "all options of TLS go along",
        ),
      ),
      proof(
        "handshake-answer",
        "a redirect is not followed unasked",
        without(
          "node/client/connect.js",
          "options.maxRedirects ?? 0",
          "options.maxRedirects ?? 1",
          "one redirect is followed by default",
        ),
      ),
      proof(
        "handshake-answer",
        "a redirect never leads from wss: to ws:",
        without(
          "node/client/redirect.js",
          "if (from.isSecure && !target.isSecure)",
          "if (false)",
          "`ws:` behind `wss:` is followed",
        ),
      ),
    ],
  },
  {
    mistake: "httpoxy, CVE-2016-5385: the header `Proxy` of a request becomes `HTTP_PROXY` of a CGI program",
    rule: "`HTTP_PROXY` does not count where `REQUEST_METHOD` is set",
    proofs: [
      proof(
        "handshake-answer",
        "a Proxy header of a request never becomes the proxy of a CGI program",
        without(
          "node/client/http-proxy.js",
          'if (name === "http_proxy" && environment.REQUEST_METHOD !== undefined)',
          "if (false)",
          "`REQUEST_METHOD` is not looked at",
        ),
      ),
    ],
  },
  {
    mistake: "crossws, hono, effect: a socket without a listener for errors while an async upgrade hook runs",
    rule: "The listener stands before the first `await`; behind it the state is looked at again",
    proofs: [
      proof(
        "lifecycle",
        "a socket that is reset while an async upgrade hook runs does not end the process",
        without("node/own-stream.js", 'owned.on("error", onError);', "", "no listener while it runs"),
      ),
      proof(
        "lifecycle",
        "a client that ends while the upgrade hook runs is not opened",
        without(
          "node/server/acceptor.js",
          "if (answer === undefined || stream.destroyed || !stream.writable || stream.readableEnded)",
          "if (answer === undefined)",
          "the state is not looked at again",
        ),
      ),
      proof(
        "lifecycle",
        "a client that has gone keeps no place, even if the upgrade hook never answers",
        without(
          "node/server/acceptor.js",
          "await Promise.race([answer, gone])",
          "await answer",
          "only the hook is waited for",
        ),
      ),
      proof(
        "lifecycle",
        "a server that shuts down while the upgrade hook runs opens nothing",
        without(
          "node/server/acceptor.js",
          "if (this.isShuttingDown)\n            throw shuttingDown();\n        // `end` may",
          "// `end` may",
          "the state is not looked at again",
        ),
      ),
    ],
  },
  {
    mistake: "Bun: inflaters abort on a legal block with BFINAL=1",
    rule: "It is taken (RFC 7692 §7.2.3.4), 32 times in a message",
    proofs: [
      proof(
        "compression",
        "a block with BFINAL=1 is taken, and the message goes on behind it",
        without(
          "node/deflate/inflate-context.js",
          "const MAX_FINAL_BLOCKS = 32;",
          "const MAX_FINAL_BLOCKS = 0;",
          "none is taken in the middle of a message",
        ),
      ),
      proof(
        "compression",
        "a message of nothing but blocks with BFINAL=1 is given up after 32 of them",
        without(
          "node/deflate/inflate-context.js",
          "const MAX_FINAL_BLOCKS = 32;",
          "const MAX_FINAL_BLOCKS = Infinity;",
          "any number is taken",
        ),
      ),
    ],
  },
  {
    mistake:
      "uWebSockets refuses close codes 1012 to 3999; undici's HTTP/2 client wants `Sec-WebSocket-Accept`",
    rule: "Close codes are those of RFC 6455 §7.4 and IANA",
    proofs: [
      proof(
        "lifecycle",
        "close codes are those of RFC 6455 §7.4 and IANA: 1012-1014 and 3000-4999 are legal, the gaps are not",
        without(
          "protocol/close-code.js",
          "if (code >= 3000)\n        return code <= 4999;",
          "if (code >= 4000)\n        return code <= 4999;",
          "3000 to 3999 are refused",
        ),
      ),
    ],
  },
  {
    mistake: "HTTP/2 rapid reset, CVE-2023-44487: streams that are reset at once escape every limit",
    rule: "A session that gives up more than 100 handshakes, and 10 a second, is ended with ENHANCE_YOUR_CALM",
    proofs: [
      proof(
        "http2",
        "rapid reset: a session that resets its streams before they are answered is ended",
        without(
          "node/server/connect-streams.js",
          "if (this.#bucket.take(1, now) === 0)",
          "if (this.#bucket.take(1, now) >= 0)",
          "nobody is ended for it",
        ),
      ),
    ],
  },
  {
    mistake:
      "HTTP/2: many streams pass as one connection; sessions that open none, or half a head, are held for ever",
    rule: "Each stream counts as a connection; sessions count by address and have the time of a handshake for their first stream. CONTINUATION, PING and SETTINGS floods are ended by Node",
    proofs: [
      proof(
        "http2",
        "the streams of a session count for its address, with 429",
        without(
          "node/server/upgrade-request.js",
          'this.#remoteAddress = stream.session?.socket?.remoteAddress ?? "";',
          'this.#remoteAddress = "";',
          "a stream has no address",
        ),
      ),
      proof(
        "http2",
        "the streams of a session count in total, with 503",
        without(
          "node/server/connection-count.js",
          "if (this.#total >= this.#maxTotal)",
          "if (false)",
          "there is no cap in total",
        ),
      ),
      proof(
        "http2",
        "the sessions of an address are limited, with streams or without",
        without(
          "node/server/http2-sessions.js",
          "if (this.#isStopping || this.#count.add(address) !== undefined)",
          "if (this.#isStopping)",
          "sessions are not counted",
        ),
      ),
      proof(
        "http2",
        "a session that opens no stream is dropped when the time for a handshake is over",
        without("node/server/session-guard.js", "this.session.destroy();", "", "it is not dropped"),
      ),
      proof(
        "http2",
        "a stream whose hook does not answer in time is reset, and its session goes on",
        without(
          "node/server/acceptor.js",
          "guard.allow(this.#limits.handshakeTimeoutMs);",
          "",
          "a hook has no limit of time",
        ),
      ),
      proof(
        "http2",
        "a head larger than maxHeaderBytes, or with too many fields, is no handshake",
        without(
          "node/server/http2-sessions.js",
          "maxHeaderListSize: limits.maxHeaderBytes,",
          "",
          "heads may be as large as Node's default",
        ),
      ),
    ],
  },
  {
    mistake:
      "HTTP/2: one stream hurts the others of its session; windows that are never opened make the sender hold everything",
    rule: "What is wrong with a stream is answered on that stream; what waits for a window counts for `maxBufferedBytes`, and only that stream is reset",
    proofs: [
      proof(
        "http2",
        "a refused stream, or one that breaks a rule, does not hurt its siblings",
        without(
          "node/server/http2-answers.js",
          "setImmediate(() => stream.close())",
          "stream.session?.destroy()",
          "a refusal ends the session, as it ends a connection of HTTP/1.1",
        ),
      ),
      proof(
        "http2",
        "a peer that gives no window holds no more than maxBufferedBytes, and loses its stream alone",
        without(
          "node/connection/sending-connection.js",
          "if (buffered === 0 || buffered + byteLength <= settings.maxBufferedBytes)",
          "if (true)",
          "there is no limit on what waits",
        ),
      ),
    ],
  },
  {
    mistake:
      "RFC 8441 §4: an extended CONNECT for another protocol, or for two hosts at once, taken for WebSocket",
    rule: "`:protocol` is `websocket`, or 501; a `Host` that differs from `:authority` is refused with 400",
    proofs: [
      proof(
        "http2",
        "an extended CONNECT with another :protocol is refused with 501",
        without(
          "protocol/handshake/server-connect.js",
          'if (!isWebSocketConnect(head))\n        return refuse("INVALID_UPGRADE"',
          'if (false)\n        return refuse("INVALID_UPGRADE"',
          ":protocol is not looked at",
        ),
      ),
      proof(
        "http2",
        "an :authority and a Host that differ are refused: one of them is what a policy looks at",
        without(
          "protocol/handshake/connect-head.js",
          "return others.every((other) => equalsIgnoringAsciiCase(other, first)) ? first : undefined;",
          "return first;",
          "the first one counts",
        ),
      ),
    ],
  },
  {
    mistake: "Several: connections without number or end",
    rule: "Caps in total and by address; deadlines for silence, pongs, the closing handshake and the lifetime",
    proofs: [
      proof(
        "limits",
        "connections are capped in total, with 503",
        without(
          "node/server/connection-count.js",
          "if (this.#total >= this.#maxTotal)",
          "if (false)",
          "the total is not looked at",
        ),
      ),
      proof(
        "limits",
        "connections are capped by address, with 429",
        without(
          "node/server/connection-count.js",
          "ofClient >= this.#maxPerAddress",
          "false",
          "the address is not looked at",
        ),
      ),
      proof(
        "limits",
        "the addresses of one IPv6 network count as one client",
        without(
          "node/server/connection-count.js",
          "const client = clientGroup(address);\n        const ofClient",
          "const client = address;\n        const ofClient",
          "each IPv6 address is a client of its own",
        ),
      ),
      proof(
        "limits",
        "connections that send no request are capped by address, and take no places of others",
        without(
          "node/server/upgrade-listener.js",
          "return this.#count.add(address) === undefined;",
          "this.#count.add(address); return true;",
          "only what has a request is counted",
        ),
      ),
      proof(
        "limits",
        "a connection that is silent is closed at the idle deadline",
        without(
          "protocol/liveness.js",
          "if (hasCome(this.#idleAtMs, nowMs))",
          "if (false)",
          "nothing happens at the deadline",
        ),
      ),
      proof(
        "limits",
        "a peer that answers no ping is dropped",
        without(
          "protocol/liveness.js",
          "if (this.#isAwaitingPong && !this.#hasHeardSincePing)",
          "if (false)",
          "nothing happens at the deadline",
        ),
      ),
      proof(
        "limits",
        "a connection is closed at the end of its maximum lifetime, however busy it is",
        without(
          "protocol/liveness.js",
          "if (hasCome(this.#endsAtMs, nowMs))",
          "if (false)",
          "nothing happens at the deadline",
        ),
      ),
      proof(
        "limits",
        "a peer that never ends the closing handshake is dropped",
        without(
          "protocol/liveness.js",
          "if (hasCome(this.#phaseByMs, nowMs))",
          "if (false)",
          "nothing happens at the deadline",
        ),
      ),
    ],
  },
  {
    mistake:
      "RFC 6455 §5.1, §5.2, §5.4, §8.1: frames that break the rules pass where a fast path does not look",
    rule: "What comes whole is judged as what comes in pieces: UTF-8, masks, lengths, reserved bits, order, size",
    proofs: [
      proof(
        "compression",
        "compressed text that is not UTF-8 is refused, whether its frame comes whole or in pieces",
        without(
          "protocol/engine.js",
          "if (opcode === Opcode.text && config.checksText && !isAscii && !host.isUtf8(inflated, 0, length))",
          "if (false)",
          "compressed text that comes whole is not checked",
        ),
      ),
      proof(
        "compression",
        "compressed text that is not UTF-8 is refused, whether its frame comes whole or in pieces",
        without(
          "protocol/engine.js",
          "if (!assembler.checkText(inflated, 0, inflated.length, false))",
          "if (false)",
          "compressed text that comes in pieces is not checked",
        ),
      ),
      proof(
        "fragments",
        "text that is not UTF-8 is refused, whether its frame comes whole or in pieces",
        without(
          "protocol/engine.js",
          "if (opcode === Opcode.text && !isAscii && config.checksText && !host.isUtf8(bytes, start, until))",
          "if (false)",
          "text that comes whole is not checked",
        ),
      ),
      proof(
        "fragments",
        "text that is not UTF-8 is refused, whether its frame comes whole or in pieces",
        without(
          "protocol/engine.js",
          "if (opcode === Opcode.text && !isAscii && config.checksText && !config.host.isUtf8(bytes, start, end))",
          "if (false)",
          "text behind another frame is not checked",
        ),
      ),
      proof(
        "fragments",
        "text that is not UTF-8 is refused, whether its frame comes whole or in pieces",
        without(
          "protocol/engine.js",
          "if (!assembler.checkText(bytes, start, end, isAscii))",
          "if (false)",
          "text that comes in pieces is not checked",
        ),
      ),
      proof(
        "fragments",
        "a frame that is not masked as it has to be is refused, whether it comes whole or in pieces",
        without(
          "protocol/engine.js",
          "let length = bytes[at + 1] ^ maskBit;",
          "let length = bytes[at + 1] & 0x7f;",
          "the bit of the mask is not looked at in a frame that comes whole",
        ),
      ),
      proof(
        "fragments",
        "a frame that is not masked as it has to be is refused, whether it comes whole or in pieces",
        without(
          "protocol/engine.js",
          'if (masked !== (config.role === "server"))',
          "if (false)",
          "the bit of the mask is not looked at in any other",
        ),
      ),
      proof(
        "fragments",
        "a length that is written with more bytes than it takes is refused, whether it comes whole or in pieces",
        without(
          "protocol/engine.js",
          "if (length < 126)",
          "if (false)",
          "any length is taken in a frame that comes whole",
        ),
      ),
      proof(
        "fragments",
        "a length that is written with more bytes than it takes is refused, whether it comes whole or in pieces",
        without(
          "protocol/frame-parser.js",
          "if (length < 126)",
          "if (false)",
          "any length is taken in any other",
        ),
      ),
      proof(
        "fragments",
        "a reserved bit is refused, whether its frame comes whole or in pieces",
        without(
          "protocol/engine.js",
          "let opcode = bytes[at] ^ FIN_BIT;",
          "let opcode = (bytes[at] ^ FIN_BIT) & OPCODE_BITS;",
          "reserved bits are left out of a frame that comes whole",
        ),
      ),
      proof(
        "fragments",
        "a reserved bit is refused, whether its frame comes whole or in pieces",
        without(
          "protocol/engine.js",
          "if (!isCompressed || this.deflate === undefined)",
          "if (false)",
          "reserved bits are not looked at in any other",
        ),
      ),
      proof(
        "fragments",
        "a message inside another one is refused, whether it comes whole or in pieces",
        without(
          "protocol/engine.js",
          "if (this.#assembler !== undefined || config.streaming",
          "if (config.streaming",
          "a message that comes whole may be inside another one",
        ),
      ),
      proof(
        "fragments",
        "a message inside another one is refused, whether it comes whole or in pieces",
        without(
          "protocol/engine.js",
          "else if (assembler !== undefined) {",
          "else if (false) {",
          "any other may",
        ),
      ),
      proof(
        "fragments",
        "the size limits hold for a message that comes whole in one frame",
        without(
          "protocol/engine.js",
          " || length > maxWholeBytes",
          "",
          "a message that comes whole has any size",
        ),
      ),
      proof(
        "fragments",
        "the size limits hold for a message that comes whole in one frame",
        without(
          "protocol/engine.js",
          "if (payloadLength > config.maxFrameBytes)",
          "if (false)",
          "frames of any length",
        ),
      ),
    ],
  },
  {
    mistake: "Heartbleed, CVE-2014-0160: bytes of one connection seen by another, since memory is used again",
    rule: "What is kept of the buffer that all sockets are read into is copied before anything else is read",
    proofs: [
      proof(
        "shared-buffer",
        "a message that the application keeps is not changed by what others send later",
        without(
          "node/connection/own-message.js",
          "if (bytes === receiveBuffer)",
          "if (false)",
          "a large message is a part of the shared buffer",
          {
            file: "node/connection/own-message.js",
            find: "if (isFresh && ",
            replace: "if (",
          },
        ),
      ),
      proof(
        "shared-buffer",
        "what waits on a paused connection is not changed by what others send",
        without(
          "node/connection/held-bytes.js",
          "this.#bytes = Buffer.allocUnsafeSlow(this.#end);\n        this.#bytes.set(bytes.subarray(start, end));",
          "this.#bytes = bytes.subarray(start, end);",
          "what waits is left where it was read",
        ),
      ),
      proof(
        "shared-buffer",
        "a message of which a part has come is not changed by what others send",
        without(
          "core/byte-queue.js",
          "let block = this.#bytes;",
          "if (this.#bytes === undefined) { this.#bytes = bytes.subarray(start, end); this.#byteLength = byteLength; return; } let block = this.#bytes;",
          "the first piece is left where it was read",
        ),
      ),
      proof(
        "shared-buffer",
        "a header or a ping of which a part has come is not changed by what others send",
        without(
          "protocol/control-assembler.js",
          "this.bytes.set(bytes.subarray(start, end), this.length);",
          "if (this.length === 0) this.bytes = bytes.subarray(start, start + 125); else this.bytes.set(bytes.subarray(start, end), this.length);",
          "the first piece of a ping is left where it was read",
        ),
      ),
      proof(
        "shared-buffer",
        "a header or a ping of which a part has come is not changed by what others send",
        without(
          "protocol/frame-parser.js",
          "this.#carry.bytes.set(bytes.subarray(position, end));",
          "this.#carry.bytes = bytes.subarray(position, position + MAX_HEADER_BYTES);",
          "the beginning of a header is left where it was read",
        ),
      ),
      proof(
        "shared-buffer",
        "a ping, a pong or a piece of a message that the application keeps is not changed later",
        without(
          "node/connection/connection.js",
          "handlers.ping?.(this, ownBytes(bytes, start, end))",
          "handlers.ping?.(this, asBuffer(bytes).subarray(start, end))",
          "the payload of a ping is a part of the shared buffer",
        ),
      ),
      proof(
        "shared-buffer",
        "a ping, a pong or a piece of a message that the application keeps is not changed later",
        without(
          "node/connection/connection.js",
          "handlers.pong?.(connection, ownBytes(bytes, start, end)",
          "handlers.pong?.(connection, asBuffer(bytes).subarray(start, end)",
          "the payload of a pong is",
        ),
      ),
      proof(
        "shared-buffer",
        "a ping, a pong or a piece of a message that the application keeps is not changed later",
        without(
          "node/connection/connection.js",
          "handlers.messageChunk?.(connection, ownMessage(bytes, start, end, isFresh)",
          "handlers.messageChunk?.(connection, asBuffer(bytes).subarray(start, end)",
          "a piece of a message is",
        ),
      ),
      proof(
        "shared-buffer",
        "what comes by TLS over a stream of this process is not changed by an answer that comes at once",
        without(
          "node/connection/receive-buffer.js",
          "if (!isOfSystem(handle))",
          "if (false)",
          "TLS is read into it whatever it is over",
        ),
      ),
    ],
  },
  {
    mistake: "Several: a peer that is within every limit on size, and makes us do too much",
    rule: "Token buckets for messages and for bytes, where they are set; above them a peer waits or is ended",
    proofs: [
      proof(
        "limits",
        "a peer above the rate of messages is ended, whatever kind of frame it sends",
        without(
          "node/connection/receive-rate.js",
          "this.#frames?.take(frames, nowMs) ?? 0",
          "0",
          "frames are not charged",
        ),
      ),
      proof(
        "limits",
        "a peer above the rate of messages is ended, whatever kind of frame it sends",
        without(
          "protocol/engine.js",
          "at = until;\n            this.#receivedFrames++;",
          "at = until;",
          "messages that come whole are not counted",
        ),
      ),
      proof(
        "limits",
        "a peer above the rate of messages is ended, whatever kind of frame it sends",
        without(
          "protocol/engine.js",
          "this.#receivedFrames++;\n        const opcode",
          "const opcode",
          "other frames are not counted",
        ),
      ),
      proof(
        "limits",
        "a peer above the rate of bytes is ended",
        without(
          "node/connection/receive-rate.js",
          "this.#bytes?.take(bytes, nowMs) ?? 0",
          "0",
          "bytes are not charged",
        ),
      ),
      proof(
        "limits",
        "a peer above the rate is read no faster, and loses nothing, where it is not to be ended",
        without(
          "node/connection/receiving-connection.js",
          "if (delayMs === 0)",
          "if (true)",
          "nothing waits",
        ),
      ),
    ],
  },
  {
    mistake:
      "Several: every connection is within its limits, and all of them together are more than the memory",
    rule: "A budget for each connection and one for the server; above it those that hold the most are ended",
    proofs: [
      proof(
        "limits",
        "a connection that makes us hold more than its memory limit is ended",
        without(
          "node/connection/measured-connection.js",
          "return this.#heldBytes - ownBytes + CONNECTION_BASE_BYTES > settings.maxConnectionMemoryBytes",
          "return false",
          "one connection may hold anything",
        ),
      ),
      proof(
        "limits",
        "a server that holds more than its memory limit ends who holds the most, and the small ones stay",
        without(
          "node/connection/memory-budget.js",
          "if (this.#bytes <= this.#maxBytes || this.#isSweeping || this.timerSlot >= 0)",
          "if (true)",
          "all together may hold anything",
        ),
      ),
      proof(
        "limits",
        "a server that holds more than its memory limit ends who holds the most, and the small ones stay",
        without(
          "node/connection/memory-budget.js",
          "b.heldBytes - a.heldBytes",
          "a.heldBytes - b.heldBytes",
          "the small ones are ended first",
        ),
      ),
    ],
  },
  {
    mistake:
      "Safari 15.0 to 15.3: permessage-deflate is agreed on and then broken, so that nobody with it connects",
    rule: "These browsers are answered without it",
    proofs: [
      proof(
        "compression",
        "a browser whose permessage-deflate is broken (Safari 15.0 to 15.3) is answered without it",
        without(
          "node/server/acceptor.js",
          '!breaksDeflate(request.headers.get("user-agent"))',
          "true",
          "the browser is not looked at",
        ),
      ),
    ],
  },
  {
    mistake: "Several: what waits for a slow reader, on either side, has no bound",
    rule: "A peer that does not read is dropped at `maxBufferedBytes`; what waits for us is counted, and holds nothing else",
    proofs: [
      proof(
        "limits",
        "a peer that does not read is dropped at `maxBufferedBytes`",
        without(
          "node/connection/sending-connection.js",
          "buffered === 0 || buffered + byteLength <= settings.maxBufferedBytes",
          "true",
          "any number of bytes is buffered",
        ),
      ),
      proof(
        "limits",
        "a peer that does not read is dropped at `maxBufferedBytes`",
        without(
          "node/connection/sending-connection.js",
          "buffered === 0 || buffered + byteLength <= this.context.settings.maxBufferedBytes",
          "true",
          "any number of bytes of a message in pieces is buffered",
        ),
      ),
      proof(
        "limits",
        "a small message that waits to be taken keeps alive nothing of what came around it",
        without(
          "node/connection/message-queue.js",
          'typeof message === "string" ? message : ownBytes(message)',
          "message",
          "messages wait in the pieces of memory that many share",
        ),
      ),
      proof(
        "limits",
        "a small message that is handed out at once keeps alive no chunk that came from the network",
        without(
          "node/connection/own-message.js",
          "isFresh && 2 * (end - start) >= bytes.buffer.byteLength",
          "true",
          "messages are parts of the chunk that they came in",
        ),
      ),
    ],
  },
  {
    mistake: "Several: an end that loses messages, waits for ever, or throws when a closed socket is used",
    rule: "`shutdown` takes no more, tells all, waits and then drops; using a connection that has gone never throws",
    proofs: [
      proof(
        "lifecycle",
        "a shutdown stops accepting and tells every client",
        without(
          "node/server/server.js",
          "void socket.close(code, reason);",
          "void 0;",
          "the clients are told nothing",
        ),
      ),
      proof(
        "lifecycle",
        "a shutdown drops who does not answer, after the drain timeout",
        without("node/server/occupants.js", "connection.terminate();", "void 0;", "nobody is dropped"),
      ),
      proof(
        "lifecycle",
        "a connection that has gone can be used: nothing throws, `send` says closed",
        without(
          "node/connection/sending-connection.js",
          'if (!this.engine.isOpen)\n            return "closed";\n        let payload;',
          'if (!this.engine.isOpen)\n            throw new Error("not open");\n        let payload;',
          "`send` throws on a connection that has gone",
        ),
      ),
    ],
  },
  {
    mistake: "Socket.IO, SockJS: who reads the URL of a request, in a log say, has the session",
    rule: "The id in a URL is no secret, and without the secret of no use; what is secret is in bodies, and answers are not stored",
    proofs: [
      proof(
        "sessions",
        "who knows the id of a session and not its secret does not get it",
        without(
          "session/machine/server-machine.js",
          "sameBytes(open.id, this.id) && sameBytes(open.token, this.token)",
          "sameBytes(open.id, this.id)",
          "the id is enough",
        ),
      ),
      proof(
        "sessions",
        "answers are stored nowhere, set no cookies, and say nothing secret in a header field",
        without(
          "node/transports/http-transports.js",
          'response.setHeader("cache-control", "no-store, no-transform");',
          "",
          "nothing is said about storing",
        ),
      ),
    ],
  },
  {
    mistake:
      "Several: sessions that wait for their clients are each within their limits, and all together more than there is",
    rule: "A budget for all sessions of a server: those that wait go first, the largest of them; what is half there counts, too",
    proofs: [
      proof(
        "sessions",
        "what many sessions hold together is bounded: those that wait for their clients go first",
        without(
          "session/server/session-server.js",
          "if (this.#isAbove(1))",
          "if (false)",
          "nobody is evicted",
        ),
      ),
      proof(
        "sessions",
        "half of a message is held like anything else: a flood of them is ended",
        without(
          "session/machine/receiving-side.js",
          "heldBytes += parts.heldBytes;",
          "void parts;",
          "messages that are not complete are not counted",
        ),
      ),
      proof(
        "sessions",
        "a small message that waits for its receiver keeps nothing of what came around it, and counts what it takes",
        without(
          "session/peer/session-peer.js",
          "data = Uint8Array.prototype.slice.call(data);",
          "void data;",
          "it waits where it was copied to",
        ),
      ),
      proof(
        "sessions",
        "the oldest result of all that are kept is found at once, however many were forgotten before it",
        without(
          "rpc/call-ledgers.js",
          "this.#oldest ??= this.#done.entries();",
          "this.#oldest = this.#done.entries();",
          "it is looked for from the beginning each time",
        ),
      ),
      proof(
        "sessions",
        "who sends credentials without end has them judged now and then: only the last ones count",
        without(
          "session/server/session-authenticator.js",
          "session.judged.take(1, startMs)",
          "0",
          "all of them are judged",
        ),
      ),
      proof(
        "sessions",
        "a server that reads nothing has no pongs kept by its client",
        without(
          "session/machine/client-machine.js",
          "link.transport.bufferedBytes < ACK_AFTER_BYTES",
          "true",
          "every ping is answered",
        ),
      ),
      proof(
        "sessions",
        "a server that asks for credentials without end has the application asked once at a time",
        without(
          "session/client/client-session.js",
          "code !== ASK_FOR_CREDENTIALS_SIGNAL || serverAsks",
          "code !== ASK_FOR_CREDENTIALS_SIGNAL",
          "it is asked for each",
        ),
      ),
      proof(
        "sessions",
        "who makes calls and resets the session has no more handlers at work than a server can know of",
        without(
          "rpc/call-ledgers.js",
          "if (this.#leftCalls >= MAX_LEFT_CALLS)",
          "if (false)",
          "all of them go on",
        ),
      ),
      proof(
        "sessions",
        "who asks and never fetches an answer has a kilobyte of pongs kept, as what they are",
        without(
          "session/machine/session-machine.js",
          "link.transport.bufferedBytes <= PONG_BELOW_BYTES",
          "true",
          "every ping is answered",
        ),
      ),
      proof(
        "sessions",
        "who sends and never reads has no acknowledgements kept, and gets one when it reads",
        without(
          "session/machine/session-machine.js",
          "link.transport.bufferedBytes > DRAIN_ABOVE_BYTES",
          "false",
          "all that comes is acknowledged, read or not",
        ),
      ),
      proof(
        "sessions",
        "a session is given back to its client alone, and what it cost is free again when it has ended",
        without(
          "session/server/session-server.js",
          "this.#options.count.remove(session.address);",
          "",
          "sessions that have ended are still counted",
        ),
      ),
    ],
  },
];
