import type { Duplex } from "node:stream";
import { setImmediate, setTimeout } from "node:timers/promises";
import {
  type DeflateParameters,
  type Extension,
  extensionText,
  PERMESSAGE_DEFLATE,
  parametersOf,
  readAnswer,
  readExtensions,
} from "./deflate-parameters.js";
import { buildFrame, type FrameInput, maskKey, OPCODE } from "./frame.js";
import {
  acceptFor,
  fieldValues,
  type HttpHead,
  headText,
  MAX_HEAD_BYTES,
  newKey,
  statusOf,
  takeHead,
} from "./http-head.js";
import { MessageDeflater, MessageInflater } from "./message-deflate.js";
import { CaseFailure, NotNegotiated } from "./outcome.js";
import type { PeerEvent } from "./peer-event.js";
import { PeerEventReader } from "./peer-event-reader.js";
import type { TestedRole } from "./tested-role.js";
import { WireRecord } from "./wire-record.js";

/** Long enough for the pieces of a write to arrive one by one, and how many of them are worth the time. */
const PAUSE_MS = 3;
const MOST_PAUSES = 20;
/** Enough for a peer in the same process to read and to answer. */
const SPARE_TURNS = 4;

/** A client that connected to be tested. */
export interface AcceptedClient {
  readonly socket: Duplex;
  readonly request: HttpHead;
  /** What came behind the request. */
  readonly firstBytes: Buffer;
}

/** The server that is tested. */
export interface ServerTarget {
  /** The value for `Host`. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  connect(): Promise<Duplex>;
}

/** How the opening handshake is done; without anything, the plainest that there is. */
export interface OpenOptions {
  /** The permessage-deflate offers, the preferred first; each is what a client writes. */
  readonly deflate?: readonly DeflateWish[];
  /** More header fields of ours. */
  readonly fields?: readonly (readonly [string, string])[];
  /** In how many bytes at a time our head is written. Default: all at once. */
  readonly headPieces?: readonly number[];
  /** What is written together with our head. */
  readonly behindHead?: (peer: Peer) => Buffer;
}

/** Parameters of permessage-deflate that a case wants. What is not named is left to the default of RFC 7692. */
export type DeflateWish = Partial<DeflateParameters>;

/** The other end of the connection: what is under test, as a case sees it. */
export class Peer {
  /** Which end is under test. */
  readonly tested: TestedRole;
  /** What went over the wire. */
  readonly wire: WireRecord = new WireRecord();
  /** What the case waits for, to be told when it waits too long. */
  waitingFor = "the connection";
  /** What was agreed on; undefined without compression. */
  deflate: DeflateParameters | undefined;
  readonly #target: ServerTarget | undefined;
  readonly #accepted: AcceptedClient | undefined;
  readonly #reader: PeerEventReader;
  readonly #events: PeerEvent[] = [];
  #deflater: MessageDeflater | undefined;
  #socket: Duplex | undefined;
  #waiter: (() => void) | undefined;
  #head: Buffer | undefined = Buffer.alloc(0);
  #ended: PeerEvent | undefined;
  #closeSent = false;

  constructor(other: ServerTarget | AcceptedClient) {
    this.tested = "connect" in other ? "server" : "client";
    this.#target = "connect" in other ? other : undefined;
    this.#accepted = "connect" in other ? undefined : other;
    this.#reader = new PeerEventReader(this.tested, (event) => this.#push(event));
  }

  /** The request of the client that is tested. */
  get request(): HttpHead {
    return this.#accepted!.request;
  }

  /** The server that is tested. */
  get target(): ServerTarget {
    return this.#target!;
  }

  /** Another connection to the server that is tested, to see whether it survived. Its wire is not recorded here. */
  another(): Peer {
    return new Peer(this.target);
  }

  /** Opens the transport, without a handshake. */
  async connect(): Promise<void> {
    let socket = this.#accepted?.socket;
    if (socket === undefined) {
      try {
        socket = await this.#target!.connect();
      } catch (error) {
        throw new CaseFailure(
          `no connection to the server: ${error instanceof Error ? error.message : error}`,
        );
      }
      this.wire.event("the transport is open");
    } else {
      this.wire.text("received", Buffer.from(requestText(this.request)));
    }
    this.#socket = socket;
    if ("setNoDelay" in socket) (socket as Duplex & { setNoDelay(on: boolean): void }).setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("end", () => this.#end("closed the transport"));
    socket.on("close", () => this.#end("closed the transport"));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      this.#end(`broke the transport (${error.code ?? error.message})`),
    );
    const firstBytes = this.#accepted?.firstBytes;
    if (firstBytes !== undefined && firstBytes.length > 0) this.#receive(firstBytes);
    socket.resume();
  }

  /** Opens the transport and does the opening handshake; what fails there ends the case. */
  async open(options: OpenOptions = {}): Promise<void> {
    await this.connect();
    this.waitingFor = "the opening handshake";
    if (this.tested === "server") await this.#openAsClient(options);
    else await this.#openAsServer(options);
  }

  /** Bytes of a request to the server: what every valid one has, then more fields. */
  requestText(fields: readonly (readonly [string, string])[] = [], key: string = newKey()): string {
    return headText(`GET ${this.target.path} HTTP/1.1`, [
      ["Host", this.target.host],
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Key", key],
      ["Sec-WebSocket-Version", "13"],
      ...fields,
    ]);
  }

  /** The fields of an answer to the client that every valid one has. */
  answerFields(): (readonly [string, string])[] {
    return [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Accept", acceptFor(fieldValues(this.request, "sec-websocket-key")[0] ?? "")],
    ];
  }

  /** The permessage-deflate offers of the client. */
  get deflateOffers(): Extension[] {
    const offered = fieldValues(this.request, "sec-websocket-extensions").join(", ");
    return (readExtensions(offered) ?? []).filter(({ name }) => name === PERMESSAGE_DEFLATE);
  }

  /** Writes an HTTP head, or anything else that is no frame. */
  async writeText(text: string | Buffer, pieces: readonly number[] = []): Promise<void> {
    const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
    await this.#writePieces(bytes, pieces, (piece) => this.wire.text("sent", piece));
  }

  /** Waits for the head of an answer; undefined if the transport ended before. */
  async readHead(): Promise<HttpHead | undefined> {
    this.waitingFor = "an HTTP answer";
    for (;;) {
      const taken = this.#head && takeHead(this.#head);
      if (taken !== undefined) {
        this.#head = undefined;
        const text = requestText(taken.head);
        this.wire.text("received", Buffer.from(text, "latin1"));
        if (statusOf(taken.head) === 101) this.#receiveFrames(taken.rest);
        else if (taken.rest.length > 0) this.wire.text("received", taken.rest);
        return taken.head;
      }
      if (this.#ended !== undefined) return undefined;
      await this.#wait();
    }
  }

  /** From here on what is received is frames. */
  startFrames(): void {
    const rest = this.#head;
    this.#head = undefined;
    if (rest !== undefined) this.#receiveFrames(rest);
  }

  /** The bytes of a frame, masked as our role demands where the input does not say otherwise. */
  frame(input: FrameInput): Buffer {
    const mask = this.tested === "server" ? maskKey() : undefined;
    return buildFrame({ mask, ...input });
  }

  /** The bytes of a message: in one frame, or in fragments of a size, or cut at the ends of `cuts`. */
  message(
    isText: boolean,
    content: Uint8Array | string,
    { fragmentBytes = 0, isCompressed = false }: { fragmentBytes?: number; isCompressed?: boolean } = {},
  ): Buffer {
    const plain =
      typeof content === "string"
        ? Buffer.from(content)
        : Buffer.from(content.buffer, content.byteOffset, content.length);
    const payload = isCompressed ? this.compress(plain) : plain;
    const step = fragmentBytes > 0 ? fragmentBytes : Math.max(payload.length, 1);
    const frames: Buffer[] = [];
    for (let start = 0; start === 0 || start < payload.length; start += step) {
      frames.push(
        this.frame({
          opcode: start > 0 ? OPCODE.continuation : isText ? OPCODE.text : OPCODE.binary,
          payload: payload.subarray(start, start + step),
          fin: start + step >= payload.length,
          rsv: isCompressed && start === 0 ? 4 : 0,
        }),
      );
    }
    return frames.length === 1 ? frames[0]! : Buffer.concat(frames);
  }

  /** Deflates a message in the context of those before. */
  compress(content: Uint8Array): Buffer {
    return this.#deflater!.deflate(Buffer.from(content));
  }

  /** Writes frames, or what looks like them. */
  write(bytes: Buffer): void {
    this.wire.frames("sent", bytes);
    if (this.#socket?.writable === true) this.#socket.write(bytes);
  }

  /** Writes frames in pieces: each size of `pieces` in turn, the last one again and again. */
  async writePieces(bytes: Buffer, ...pieces: number[]): Promise<void> {
    await this.#writePieces(bytes, pieces, (piece) => this.wire.frames("sent", piece));
  }

  /** What the peer does next. Pings are answered on the way. After the end of the transport it is that, again and again. */
  async next(waitingFor: string): Promise<PeerEvent> {
    this.waitingFor = waitingFor;
    for (;;) {
      const event = this.#events.shift() ?? this.#ended;
      if (event === undefined) {
        await this.#wait();
      } else if (event.type === "ping") {
        if (!this.#closeSent) this.write(this.frame({ opcode: OPCODE.pong, payload: event.payload }));
      } else {
        return event;
      }
    }
  }

  /** As {@link next}, or undefined if nothing happens for so long. */
  async nextWithin(milliseconds: number, waitingFor: string): Promise<PeerEvent | undefined> {
    let timer: NodeJS.Timeout | undefined;
    this.waitingFor = waitingFor;
    const deadline = performance.now() + milliseconds;
    while (this.#events.length === 0 && this.#ended === undefined) {
      const left = deadline - performance.now();
      if (left <= 0) {
        // Where this process was busy itself, the answer may lie there unread: timers come before sockets.
        for (let turn = 0; turn < SPARE_TURNS && this.#events.length === 0; turn++) await setImmediate();
        if (this.#events.length > 0 || this.#ended !== undefined) break;
        return undefined;
      }
      await Promise.race([
        this.#wait(),
        new Promise((resolve) => {
          timer = globalThis.setTimeout(resolve, left);
        }),
      ]);
      clearTimeout(timer);
    }
    return this.next(waitingFor);
  }

  /** Says that a close frame was written, after which no pings are answered. */
  noteCloseSent(): void {
    this.#closeSent = true;
  }

  /** Whether the transport has ended. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Ends our direction of the transport. */
  end(): void {
    this.wire.event("the suite ends its direction of the transport");
    this.#socket?.end();
  }

  /** Resets the transport, where it can be reset. */
  reset(): void {
    this.wire.event("the suite resets the transport");
    const socket = this.#socket;
    // Node cannot reset what is below TLS; there it is cut off without TLS's own farewell.
    if (socket !== undefined && "resetAndDestroy" in socket && !("encrypted" in socket)) {
      (socket as Duplex & { resetAndDestroy(): void }).resetAndDestroy();
    } else socket?.destroy();
  }

  /** Ends the transport, however far the case came. What was written still leaves. */
  async finish(): Promise<void> {
    const socket = this.#socket ?? this.#accepted?.socket;
    if (socket === undefined || socket.destroyed) return;
    socket.on("error", () => {});
    socket.resume();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end();
    const timer = globalThis.setTimeout(() => socket.destroy(), 250);
    await closed;
    clearTimeout(timer);
  }

  async #openAsClient({ deflate, fields = [], headPieces = [], behindHead }: OpenOptions): Promise<void> {
    const offers = deflate?.map(deflateOffer);
    const key = newKey();
    const offered = offers?.map(extensionText).join(", ");
    const own = offered === undefined ? fields : [...fields, ["Sec-WebSocket-Extensions", offered] as const];
    const request = Buffer.from(this.requestText(own, key), "latin1");
    if (behindHead === undefined) {
      await this.writeText(request, headPieces);
    } else {
      const frames = behindHead(this);
      this.wire.text("sent", request);
      this.wire.frames("sent", frames);
      this.#socket!.write(Buffer.concat([request, frames]));
    }
    const head = await this.readHead();
    if (head === undefined) throw new CaseFailure("the transport ended in the opening handshake");
    const problem = answerProblem(head, key, fields);
    if (problem !== undefined) throw new CaseFailure(problem);
    const answered = fieldValues(head, "sec-websocket-extensions").join(", ");
    const accepted = answered === "" ? [] : readExtensions(answered);
    if (accepted === undefined)
      throw new CaseFailure(`the server answers with malformed extensions: ${answered}`);
    const [extension, second] = accepted;
    if (extension === undefined) {
      if (offers === undefined) return;
      throw new NotNegotiated(`the server does not accept ${offered}`);
    }
    if (offers === undefined)
      throw new CaseFailure(`the server chose an extension, ${answered}; none was offered`);
    if (second !== undefined || extension.name !== PERMESSAGE_DEFLATE) {
      throw new CaseFailure(`the server chose extensions that were not offered: ${answered}`);
    }
    const parameters = readAnswer(extension, offers);
    if (typeof parameters === "string")
      throw new CaseFailure(`the server answers ${answered}: ${parameters}`);
    this.#useDeflate(parameters);
  }

  async #openAsServer({ deflate, fields = [], headPieces = [], behindHead }: OpenOptions): Promise<void> {
    const answer = deflate === undefined ? undefined : this.#deflateAnswer(deflate);
    const all = [...this.answerFields(), ...fields];
    if (answer !== undefined) all.push(["Sec-WebSocket-Extensions", extensionText(answer)]);
    this.startFrames();
    if (answer !== undefined) this.#useDeflate(parametersOf(answer.parameters));
    const head = Buffer.from(headText("HTTP/1.1 101 Switching Protocols", all), "latin1");
    if (behindHead === undefined) {
      await this.writeText(head, headPieces);
    } else {
      const frames = behindHead(this);
      this.wire.text("sent", head);
      this.wire.frames("sent", frames);
      this.#socket!.write(Buffer.concat([head, frames]));
    }
    if (deflate !== undefined && answer === undefined) {
      throw new NotNegotiated("the client does not offer what this case needs of permessage-deflate");
    }
  }

  /** The answer of a server that wants the first of these wishes which an offer of the client allows. */
  #deflateAnswer(wishes: readonly DeflateWish[]): Extension | undefined {
    for (const wish of wishes) {
      for (const offer of this.deflateOffers) {
        const parameters = new Map(deflateOffer(wish).parameters);
        if (!wish.clientMaxWindowBits) parameters.delete("client_max_window_bits");
        if (offer.parameters.has("server_no_context_takeover"))
          parameters.set("server_no_context_takeover", undefined);
        const limit = offer.parameters.get("server_max_window_bits");
        if (limit !== undefined && !(Number(wish.serverMaxWindowBits) <= Number(limit))) {
          parameters.set("server_max_window_bits", limit);
        }
        const answer = { name: PERMESSAGE_DEFLATE, parameters };
        if (typeof readAnswer(answer, [offer]) !== "string") return answer;
      }
    }
    return undefined;
  }

  #useDeflate(parameters: DeflateParameters): void {
    const { serverMaxWindowBits, clientMaxWindowBits, serverNoContextTakeover, clientNoContextTakeover } =
      parameters;
    const server = [serverMaxWindowBits, !serverNoContextTakeover] as const;
    const client = [clientMaxWindowBits, !clientNoContextTakeover] as const;
    this.deflate = parameters;
    this.#deflater = new MessageDeflater(...(this.tested === "server" ? client : server));
    this.#reader.inflater = new MessageInflater(...(this.tested === "server" ? server : client));
  }

  async #writePieces(
    bytes: Buffer,
    pieces: readonly number[],
    record: (piece: Buffer) => void,
  ): Promise<void> {
    let start = 0;
    for (let i = 0; start < bytes.length && !this.hasEnded; i++) {
      const size = pieces[Math.min(i, pieces.length - 1)] ?? bytes.length;
      const piece = bytes.subarray(start, start + size);
      start += size;
      record(piece);
      if (this.#socket?.writable !== true) return;
      this.#socket.write(piece);
      // Each piece in a segment of its own: a pause where they are few, else at least a turn.
      if (start < bytes.length) await (i < MOST_PAUSES ? setTimeout(PAUSE_MS) : setImmediate());
    }
  }

  #receive(bytes: Buffer): void {
    if (this.#head === undefined) {
      this.#receiveFrames(bytes);
      return;
    }
    if (this.#head.length < MAX_HEAD_BYTES) this.#head = Buffer.concat([this.#head, bytes]);
    this.#wake();
  }

  #receiveFrames(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.wire.frames("received", bytes);
    this.#reader.push(bytes);
  }

  #push(event: PeerEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  #end(how: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = { type: "end", how };
    this.wire.event(`the peer ${how}`);
    this.#wake();
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiter = resolve;
    });
  }

  #wake(): void {
    this.#waiter?.();
    this.#waiter = undefined;
  }
}

function requestText({ startLine, fields }: HttpHead): string {
  return headText(startLine, fields);
}

/** What a client offers to get what a case wants. That it can limit its own window costs nothing to say. */
function deflateOffer(wish: DeflateWish): Extension {
  const parameters = new Map<string, string | undefined>();
  if (wish.serverNoContextTakeover) parameters.set("server_no_context_takeover", undefined);
  if (wish.clientNoContextTakeover) parameters.set("client_no_context_takeover", undefined);
  if (wish.serverMaxWindowBits) parameters.set("server_max_window_bits", String(wish.serverMaxWindowBits));
  const clientBits = wish.clientMaxWindowBits;
  parameters.set("client_max_window_bits", clientBits === undefined ? undefined : String(clientBits));
  return { name: PERMESSAGE_DEFLATE, parameters };
}

/** What is wrong with a server's answer, apart from extensions (RFC 6455 §4.1). */
function answerProblem(head: HttpHead, key: string, asked: OpenOptions["fields"] & {}): string | undefined {
  const status = statusOf(head);
  if (status !== 101)
    return `the server answers the opening handshake with ${JSON.stringify(head.startLine)}`;
  if (fieldValues(head, "upgrade").join().toLowerCase() !== "websocket")
    return "its Upgrade is not websocket";
  const connection = fieldValues(head, "connection").join().toLowerCase().split(",");
  if (!connection.some((token) => token.trim() === "upgrade")) return "its Connection does not name Upgrade";
  if (fieldValues(head, "sec-websocket-accept").join() !== acceptFor(key)) {
    return "its Sec-WebSocket-Accept is not the one for the key";
  }
  const [protocol] = fieldValues(head, "sec-websocket-protocol");
  if (protocol !== undefined) {
    const offered = asked
      .filter(([name]) => name === "Sec-WebSocket-Protocol")
      .flatMap(([, value]) => value.split(/, */));
    if (!offered.includes(protocol)) return `it chose the subprotocol ${protocol}, which was not offered`;
  }
  return undefined;
}
