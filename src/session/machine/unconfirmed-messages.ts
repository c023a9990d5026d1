import type { UnconfirmedMessage } from "../peer-port.js";
import { ControlRecord, RecordBit } from "../wire/packet-type.js";
import { WireReader } from "../wire/wire-reader.js";
import type { OutgoingChannel } from "./outgoing-channel.js";
import type { QueuedMessage } from "./queued-message.js";
import type { RecordLog } from "./record-log.js";
import type { SessionHost } from "./session-host.js";

/** The messages that the other side never confirmed: those in the log, and those that wait, in the order of each channel. */
export function unconfirmedMessages(
  log: RecordLog,
  channels: ReadonlyMap<number, OutgoingChannel>,
  host: SessionHost,
): UnconfirmedMessage[] {
  const found: UnconfirmedMessage[] = [];
  const add = (
    channel: string,
    data: string | Uint8Array,
    isText: boolean,
    id: Uint8Array | undefined,
  ): void => {
    const text = isText && typeof data !== "string" ? host.utf8Decode(data, 0, data.length) : data;
    found.push({ channel, data: text ?? data, id });
  };
  for (let batch = log.head; batch !== undefined; batch = batch.next) {
    const reader = new WireReader(batch.bytes, batch.start, batch.end);
    let cut = 0;
    for (let number = batch.first; number < batch.first + batch.count; number++) {
      const head = reader.take(1)[0]!;
      if (head >= ControlRecord.openChannel) {
        reader.skip(reader.varint());
        continue;
      }
      const channel = (head & RecordBit.channel) === 0 ? 0 : reader.varint();
      const id = (head & RecordBit.id) === 0 ? undefined : reader.field(32);
      const data = reader.take(reader.varint());
      if ((head & RecordBit.more) !== 0) continue;
      const isCut = (head & RecordBit.continued) !== 0;
      const message = isCut ? batch.messages![cut++] : undefined;
      if (number <= log.confirmed) continue;
      const name = channels.get(channel)!.name;
      const isText = (head & RecordBit.binary) === 0;
      if (message === undefined) add(name, data, isText, id);
      else addQueued(name, message);
    }
  }
  for (const { name, first } of channels.values()) {
    for (let message = first; message !== undefined; message = message.next) addQueued(name, message);
  }
  return found;

  function addQueued(channel: string, { data, isText, id }: QueuedMessage): void {
    add(channel, data, isText, id);
  }
}
