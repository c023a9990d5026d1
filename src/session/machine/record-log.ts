import { copyBytes } from "../../core/copy-bytes.js";
import { SharedPieces } from "../../core/shared-pieces.js";
import type { Transport } from "../transport-port.js";
import { MAX_DATA_HEAD_BYTES, writeDataHead } from "../wire/data-head.js";
import { MAX_BLOCK_BYTES } from "../wire/packet-type.js";
import { CHANNEL_BIT, ID_BIT } from "../wire/record-head.js";
import { varintLength, writeVarint } from "../wire/varint.js";
import type { QueuedMessage } from "./queued-message.js";
import type { SessionHost } from "./session-host.js";
import { MESSAGE_COST } from "./session-rules.js";
import { SharedBlock } from "./shared-block.js";

/** Before the records of a batch: room for the head of their packet, which is written when it is sent. */
const HEADER_ROOM = MAX_DATA_HEAD_BYTES;
/** What stands before the payload of a record, at most: head, channel, id and length. */
const MAX_RECORD_HEADER_BYTES = 48;
const FIRST_CHUNK_BYTES = 512;
/** Four pieces of the usual size, with what stands before them. */
const MAX_CHUNK_BYTES = 66_560;

/** What the latest list of shared records begins with. */
let latest: SharedPieces<SharedBlock> | undefined;

/** Records that lie one behind the other and leave in one block. */
export interface Batch {
  /** The chunk, or the bytes of `shared`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  end: number;
  /** The number of the first record. */
  readonly first: number;
  /** The number of the last record. */
  last: number;
  isSent: boolean;
  next: Batch | undefined;
  /** The messages whose last piece of several is in here, so that all of each can be told of. */
  messages: QueuedMessage[] | undefined;
  /** The block, where other logs have the same. */
  readonly shared: SharedBlock | undefined;
}

/**
 * The records that were given a number and are not confirmed, as the bytes that go out: a record is encoded once, into a chunk that
 * many share, and sent from there as often as need be. There is an object for a batch, and none for a record. What many
 * sessions get is not copied into the chunk of each: a batch is made of a block that all of them have.
 */
export class RecordLog {
  /** The latest records, which other logs have as well: numbered, and not in a batch yet. */
  #shared: SharedPieces<SharedBlock> | undefined = undefined;
  /** The number of the last record. */
  last = 0;
  /** What is kept, in bytes, each record counting {@link MESSAGE_COST} more. */
  cost = 0;
  readonly #pieceBytes: number;
  readonly #host: SessionHost;
  #chunk: Uint8Array | undefined = undefined;
  #head: Batch | undefined = undefined;
  #tail: Batch | undefined = undefined;
  #cursor: Batch | undefined = undefined;
  /** The oldest and the newest batch that are in a chunk of this log. */
  #ownHead: Batch | undefined = undefined;
  #ownTail: Batch | undefined = undefined;
  /** The number of the last record that ever left. */
  #written = 0;
  /** The number of the last record that the other side has. */
  confirmed = 0;

  constructor(host: SessionHost, pieceBytes: number) {
    this.#host = host;
    this.#pieceBytes = pieceBytes;
  }

  /** The oldest batch that is kept. */
  get head(): Batch | undefined {
    if (this.#shared !== undefined) this.#gather();
    return this.#head;
  }

  /** Whether there is something to write. */
  get hasUnwritten(): boolean {
    return this.#shared !== undefined || this.#cursor !== undefined;
  }

  /** Whether the batch that grows has room for more. */
  get isFilling(): boolean {
    if (this.#shared !== undefined) this.#gather();
    const tail = this.#tail;
    return tail === undefined || tail.isSent || tail.end - tail.start < this.#pieceBytes;
  }

  /**
   * Adds a record: `data`, or `data[from, to)` if it is bytes. Returns how many bytes of payload it has.
   * @param head its first byte, without the bits for what is given: `channel` above 0, `id`.
   */
  append(
    head: number,
    channel: number,
    id: Uint8Array | undefined,
    data: string | Uint8Array,
    from: number,
    to: number,
  ): number {
    if (this.#shared !== undefined) {
      if (this.#isLong(this.#shared)) this.#gather();
      else this.#copyShared();
    }
    const isText = typeof data === "string";
    const batch = this.#batchFor(MAX_RECORD_HEADER_BYTES + (isText ? 3 * data.length : to - from));
    const { bytes, end: start } = batch;
    let at = start + 1;
    bytes[start] = head;
    if (channel > 0) {
      bytes[start] |= CHANNEL_BIT;
      at = writeVarint(bytes, at, channel);
    }
    if (id !== undefined) {
      bytes[start] |= ID_BIT;
      bytes[at++] = id.length;
      bytes.set(id, at);
      at += id.length;
    }
    let length = to - from;
    if (isText) {
      // Most text is ASCII, as long in bytes as in characters.
      const guess = at + varintLength(length);
      length = this.#host.utf8Write(data, bytes, guess);
      const payload = at + varintLength(length);
      if (payload !== guess) bytes.copyWithin(payload, guess, guess + length);
      at = writeVarint(bytes, at, length);
    } else {
      at = writeVarint(bytes, at, length);
      copyBytes(data, from, to, bytes, at);
    }
    at += length;
    batch.end = at;
    batch.last = ++this.last;
    this.cost += at - start + MESSAGE_COST;
    return length;
  }

  /** Adds a record that is complete, and does not change. Many in a row, in many logs, become one block of all of them. */
  appendShared(record: Uint8Array): void {
    const before = this.#shared;
    const shared = before === undefined ? (latest = SharedPieces.of(record, latest)) : before.with(record);
    this.#shared = shared;
    this.last++;
    this.cost += record.length + MESSAGE_COST;
    if (shared.byteLength >= this.#pieceBytes) this.#gather();
  }

  /** The shared records become a batch: the block that others have, or a part of the one that has begun here. */
  #gather(): void {
    const tail = this.#tail;
    if (tail !== undefined && !tail.isSent && tail.shared === undefined && !this.#isLong(this.#shared!)) {
      this.#copyShared();
      return;
    }
    const shared = SharedBlock.of(this.#shared!);
    const { bytes, start } = shared;
    const first = this.last - this.#shared!.count + 1;
    this.#shared = undefined;
    this.#add({
      bytes,
      start,
      end: bytes.length,
      first,
      last: this.last,
      isSent: false,
      next: undefined,
      messages: undefined,
      shared,
    });
  }

  /** Whether the block that grows would have more than two pieces with the shared records: others would wait longer for their turn. */
  #isLong({ byteLength }: SharedPieces<SharedBlock>): boolean {
    const tail = this.#tail;
    if (tail === undefined || tail.isSent || tail.shared !== undefined) return false;
    return tail.end - tail.start + byteLength > 2 * this.#pieceBytes;
  }

  /** The shared records are copied, since others of this log alone are in the same block. */
  #copyShared(): void {
    const shared = this.#shared!;
    this.#shared = undefined;
    const { last } = this;
    this.last = last - shared.count;
    const batch = this.#batchFor(shared.byteLength);
    batch.bytes.set(shared.joined, batch.end);
    batch.end += shared.byteLength;
    batch.last = this.last = last;
  }

  /** The message whose last piece, of several, was just added. */
  addMessage(message: QueuedMessage): void {
    const tail = this.#tail!;
    tail.messages ??= [];
    tail.messages.push(message);
  }

  /** Writes the next batch as a block, with what was received. False if there is none. */
  writeTo(transport: Transport, received: number): boolean {
    if (this.#shared !== undefined) this.#gather();
    const batch = this.#cursor;
    if (batch === undefined) return false;
    const { first, last, shared, bytes } = batch;
    batch.isSent = true;
    this.#cursor = batch.next;
    if (last > this.#written) this.#written = last;
    if (shared !== undefined) shared.sendTo(transport, received, first);
    else transport.send(bytes, writeDataHead(bytes, batch.start, received, first), batch.end);
    return true;
  }

  /** The other side has all records up to `number`. False if it cannot: they never left. */
  confirm(number: number): boolean {
    if (number > this.#written) return false;
    this.confirmed = number;
    let batch = this.#head;
    while (batch !== undefined && batch.last <= number) {
      this.cost -= batch.end - batch.start + (batch.last - batch.first + 1) * MESSAGE_COST;
      if (this.#cursor === batch) this.#cursor = batch.next;
      batch = batch.next;
    }
    this.#head = batch;
    if (batch === undefined) this.#tail = undefined;
    let own = this.#ownHead;
    if (own !== undefined && own.last <= number) {
      own = batch;
      while (own !== undefined && own.shared !== undefined) own = own.next;
      this.#ownHead = own;
      if (own === undefined) this.#ownTail = undefined;
    }
    return true;
  }

  /** Everything that is kept is to be sent again. */
  rewind(): void {
    if (this.#shared !== undefined) this.#gather();
    this.#cursor = this.#head;
    for (let batch = this.#head; batch !== undefined; batch = batch.next) batch.isSent = false;
  }

  /** Frees the chunk, if nothing is in it: called when nothing happens for a while. */
  letGo(): void {
    if (this.head === undefined) this.#chunk = undefined;
  }

  /** Everything is given up. */
  clear(): void {
    this.#head = this.#cursor = this.#tail = this.#ownHead = this.#ownTail = this.#shared = undefined;
    this.cost = 0;
    this.letGo();
  }

  /** The batch that grows, with room for `byteLength` bytes. */
  #batchFor(byteLength: number): Batch {
    const head = this.#ownHead;
    const tail = this.#ownTail;
    let chunk = this.#chunk;
    let position = HEADER_ROOM;
    let limit = chunk === undefined ? 0 : chunk.length;
    if (tail !== undefined) {
      // What is confirmed at the beginning of the chunk is used again, up to the oldest that is not.
      const isRound = tail.start < head!.start && head!.bytes === chunk;
      if (isRound) limit = head!.start - HEADER_ROOM;
      const end = tail.end + byteLength;
      if (
        tail === this.#tail &&
        this.isFilling &&
        !tail.isSent &&
        end <= limit &&
        end - tail.start < MAX_BLOCK_BYTES - HEADER_ROOM
      )
        return tail;
      position += tail.end;
      if (position + byteLength > limit && !isRound && head!.bytes === chunk) {
        position = HEADER_ROOM;
        limit = head!.start - HEADER_ROOM;
      }
    }
    if (chunk === undefined || position + byteLength > limit) {
      const size = Math.min(MAX_CHUNK_BYTES, chunk === undefined ? FIRST_CHUNK_BYTES : 4 * chunk.length);
      position = HEADER_ROOM;
      chunk = this.#chunk = this.#host.allocate(Math.max(size, position + byteLength));
    }
    const batch: Batch = {
      bytes: chunk,
      start: position,
      end: position,
      first: this.last + 1,
      last: 0,
      isSent: false,
      next: undefined,
      messages: undefined,
      shared: undefined,
    };
    this.#ownHead ??= batch;
    this.#ownTail = batch;
    this.#add(batch);
    return batch;
  }

  #add(batch: Batch): void {
    const tail = this.#tail;
    if (tail === undefined) this.#head = batch;
    else tail.next = batch;
    this.#tail = batch;
    this.#cursor ??= batch;
  }
}
