import {
  agreedDeflate,
  type DeflateWish,
  deflateAnswer,
  deflateOffer,
  deflateOffersOf,
} from "./deflate-negotiation.js";
import { type DeflateParameters, type Extension, extensionText, parametersOf } from "./deflate-parameters.js";
import { EventQueue } from "./event-queue.js";
import { type FrameInput, OPCODE } from "./frame.js";
import { type HttpHead, headText, MAX_HEAD_BYTES, newKey, statusOf, takeHead } from "./http-head.js";
import { MessageInflater } from "./message-deflate.js";
import { type MessageShape, MessageWriter } from "./message-writer.js";
import { answerProblem, type HeadFields, openingAnswerFields, openingRequest } from "./opening-handshake.js";
import { CaseFailure, NotNegotiated } from "./outcome.js";
import type { PeerEvent } from "./peer-event.js";
import { PeerEventReader } from "./peer-event-reader.js";
import { RawSocket } from "./raw-socket.js";
import type { AcceptedClient, ServerTarget } from "./tested-end.js";
import type { TestedRole } from "./tested-role.js";
import { WireRecord } from "./wire-record.js";

/** How the opening handshake is done; without anything, the plainest that there is. */
export interface OpenOptions {
  /** The permessage-deflate offers, the preferred first; each is what a client writes. */
  readonly deflate?: readonly DeflateWish[];
  /** More header fields of ours. */
  readonly fields?: HeadFields;
  /** In how many bytes at a time our head is written. Default: all at once. */
  readonly headPieces?: readonly number[];
  /** What is written together with our head. */
  readonly behindHead?: (peer: Peer) => Buffer;
}

/** The other end of the connection: what is under test, as a case sees it. */
export class Peer {
  /** Which end is under test. */
  readonly tested: TestedRole;
  /** What went over the wire. */
  readonly wire: WireRecord = new WireRecord();
  /** What the case waits for, to be told when it waits too long. */
  waitingFor = "the connection";
  /** When the case last got on: its time limit counts from there, so that it need not know how many messages it has. */
  progressAtMs: number = performance.now();
  /** What was agreed on; undefined without compression. */
  deflate: DeflateParameters | undefined;
  readonly #target: ServerTarget | undefined;
  readonly #accepted: AcceptedClient | undefined;
  readonly #events: EventQueue = new EventQueue();
  readonly #reader: PeerEventReader;
  readonly #writer: MessageWriter;
  #socket: RawSocket | undefined;
  /** What came of a head that is not complete; undefined once frames are received. */
  #head: Buffer | undefined = Buffer.alloc(0);
  #closeSent = false;

  constructor(other: ServerTarget | AcceptedClient) {
    this.tested = "connect" in other ? "server" : "client";
    this.#target = "connect" in other ? other : undefined;
    this.#accepted = "connect" in other ? undefined : other;
    this.#reader = new PeerEventReader(this.tested, (event) => this.#events.push(event));
    this.#writer = new MessageWriter(this.tested);
    // It has a socket from the start, which has to end even if the case never looks at it.
    if (this.#accepted !== undefined) this.#socket = new RawSocket(this.#accepted.socket);
  }

  /** The request of the client that is tested. */
  get request(): HttpHead {
    return this.#accepted!.request;
  }

  /** Over HTTP/2: the fields of that request as they came. */
  get connectFields(): AcceptedClient["connectFields"] {
    return this.#accepted?.connectFields;
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
    if (this.#accepted === undefined) {
      try {
        this.#socket = new RawSocket(await this.target.connect());
      } catch (error) {
        throw new CaseFailure(
          `no connection to the server: ${error instanceof Error ? error.message : error}`,
        );
      }
      this.wire.event("the transport is open");
    } else {
      this.wire.text("received", textOf(this.request));
    }
    this.#socket!.listen({
      onBytes: (bytes) => this.#receive(bytes),
      onEnd: (how) => {
        if (this.#events.end(how)) this.wire.event(`the peer ${how}`);
      },
    });
    const firstBytes = this.#accepted?.firstBytes;
    if (firstBytes !== undefined && firstBytes.length > 0) this.#receive(firstBytes);
  }

  /** Opens the transport and does the opening handshake; what fails there ends the case. */
  async open(options: OpenOptions = {}): Promise<void> {
    await this.connect();
    this.waitingFor = "the opening handshake";
    if (this.tested === "server") await this.#openAsClient(options);
    else await this.#openAsServer(options);
  }

  /** A request to the server: what every valid one has, then more fields. */
  requestText(fields: HeadFields = [], key: string = newKey()): string {
    return openingRequest(this.target, fields, key);
  }

  /** The fields of an answer to the client that every valid one has. */
  answerFields(): (readonly [string, string])[] {
    return openingAnswerFields(this.request);
  }

  /** The permessage-deflate offers of the client. */
  get deflateOffers(): Extension[] {
    return deflateOffersOf(this.request);
  }

  /** Writes an HTTP head, or anything else that is no frame. */
  async writeText(text: string | Buffer, pieces: readonly number[] = []): Promise<void> {
    const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
    await this.#socket!.writePieces(bytes, pieces, (piece) => this.wire.text("sent", piece));
  }

  /** Waits for the head of an answer; undefined if the transport ended before. */
  async readHead(): Promise<HttpHead | undefined> {
    this.waitingFor = "an HTTP answer";
    for (;;) {
      const taken = this.#head && takeHead(this.#head);
      if (taken !== undefined) {
        this.#head = undefined;
        this.wire.text("received", textOf(taken.head));
        if (statusOf(taken.head) === 101) this.#receiveFrames(taken.rest);
        else if (taken.rest.length > 0) this.wire.text("received", taken.rest);
        return taken.head;
      }
      if (this.hasEnded) return undefined;
      await this.#events.changed();
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
    return this.#writer.frame(input);
  }

  /** The bytes of a message. */
  message(isText: boolean, content: Uint8Array | string, shape?: MessageShape): Buffer {
    return this.#writer.message(isText, content, shape);
  }

  /** Deflates a message in the context of those before. */
  compress(content: Uint8Array): Buffer {
    return this.#writer.compress(content);
  }

  /** Writes frames, or what looks like them, as long as our direction of the transport is open. */
  write(bytes: Buffer): void {
    if (this.#socket?.writable !== true) return;
    this.wire.frames("sent", bytes);
    this.#socket.write(bytes);
  }

  /** Writes frames in pieces: each size of `pieces` in turn, the last one again and again. */
  async writePieces(bytes: Buffer, ...pieces: number[]): Promise<void> {
    await this.#socket!.writePieces(bytes, pieces, (piece) => this.wire.frames("sent", piece));
  }

  /** What the peer does next. Pings are answered on the way. After the end of the transport it is that, again and again. */
  async next(waitingFor: string): Promise<PeerEvent> {
    this.waitingFor = waitingFor;
    for (;;) {
      const event = await this.#events.next();
      if (event.type !== "ping") return event;
      if (!this.#closeSent) this.write(this.frame({ opcode: OPCODE.pong, payload: event.payload }));
    }
  }

  /** As {@link next}, or undefined if nothing happens for so long. */
  async nextWithin(milliseconds: number, waitingFor: string): Promise<PeerEvent | undefined> {
    this.waitingFor = waitingFor;
    return (await this.#events.hasEventWithin(milliseconds)) ? this.next(waitingFor) : undefined;
  }

  /** Says that a close frame was written, after which no pings are answered. */
  noteCloseSent(): void {
    this.#closeSent = true;
  }

  /** Whether the transport has ended. */
  get hasEnded(): boolean {
    return this.#events.hasEnded;
  }

  /** Ends our direction of the transport. */
  end(): void {
    this.wire.event("the suite ends its direction of the transport");
    this.#socket?.end();
  }

  /** Resets the transport, where it can be reset. */
  reset(): void {
    this.wire.event("the suite resets the transport");
    this.#socket?.reset();
  }

  /** Ends the transport, however far the case came. What was written still leaves. */
  async finish(): Promise<void> {
    await this.#socket?.finish();
  }

  async #openAsClient(options: OpenOptions): Promise<void> {
    const { deflate, fields = [] } = options;
    const offers = deflate?.map(deflateOffer);
    const offered = offers?.map(extensionText).join(", ");
    const key = newKey();
    const own = offered === undefined ? fields : [...fields, ["Sec-WebSocket-Extensions", offered] as const];
    await this.#writeHead(this.requestText(own, key), options);
    const head = await this.readHead();
    if (head === undefined) throw new CaseFailure("the transport ended in the opening handshake");
    const problem = answerProblem(head, key, fields);
    if (problem !== undefined) throw new CaseFailure(problem);
    const parameters = agreedDeflate(head, offers);
    if (parameters !== undefined) this.#useDeflate(parameters);
  }

  async #openAsServer(options: OpenOptions): Promise<void> {
    const { deflate, fields = [] } = options;
    const answer = deflate && deflateAnswer(deflate, this.deflateOffers);
    const all = [...this.answerFields(), ...fields];
    if (answer !== undefined) all.push(["Sec-WebSocket-Extensions", extensionText(answer)]);
    this.startFrames();
    if (answer !== undefined) this.#useDeflate(parametersOf(answer.parameters));
    await this.#writeHead(headText("HTTP/1.1 101 Switching Protocols", all), options);
    if (deflate !== undefined && answer === undefined) {
      throw new NotNegotiated("the client does not offer what this case needs of permessage-deflate");
    }
  }

  async #writeHead(text: string, { headPieces, behindHead }: OpenOptions): Promise<void> {
    const head = Buffer.from(text, "latin1");
    if (behindHead === undefined) return this.writeText(head, headPieces);
    const frames = behindHead(this);
    this.wire.text("sent", head);
    this.wire.frames("sent", frames);
    return this.#socket!.write(Buffer.concat([head, frames]));
  }

  #useDeflate(parameters: DeflateParameters): void {
    this.deflate = parameters;
    this.#writer.useDeflate(parameters);
    this.#reader.inflater =
      this.tested === "server"
        ? new MessageInflater(parameters.serverMaxWindowBits, !parameters.serverNoContextTakeover)
        : new MessageInflater(parameters.clientMaxWindowBits, !parameters.clientNoContextTakeover);
  }

  #receive(bytes: Buffer): void {
    if (this.#head === undefined) {
      this.#receiveFrames(bytes);
      return;
    }
    if (this.#head.length < MAX_HEAD_BYTES) this.#head = Buffer.concat([this.#head, bytes]);
    this.#events.wake();
  }

  #receiveFrames(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.wire.frames("received", bytes);
    this.#reader.push(bytes);
  }
}

function textOf({ startLine, fields }: HttpHead): Buffer {
  return Buffer.from(headText(startLine, fields), "latin1");
}
