import type { UnconfirmedMessage } from "../peer-port.js";
import { BINARY_BIT, CONTINUED_BIT, CONTROL_RECORD, MORE_BIT } from "../wire/record-head.js";
import { RecordReader } from "../wire/record-reader.js";
import type { ChannelTable } from "./channel-table.js";
import type { OutgoingChannel } from "./outgoing-channel.js";
import type { QueuedMessage } from "./queued-message.js";
import type { RecordLog } from "./record-log.js";
import type { SessionHost } from "./session-host.js";

/** The messages that the other side never confirmed: those in the log, and those that wait, in the order of each channel. */
export function unconfirmedMessages(
  log: RecordLog,
  channels: Pick<ChannelTable<OutgoingChannel>, "get" | "values">,
  host: SessionHost,
): UnconfirmedMessage[] {
  const found: UnconfirmedMessage[] = [];
  const add = (
    channel: number,
    { data, isText, id }: Pick<QueuedMessage, "data" | "isText" | "id">,
  ): void => {
    found.push({
      channel: channels.get(channel)!.name,
      data: isText && typeof data !== "string" ? host.utf8Decode(data, 0, data.length)! : data,
      id,
    });
  };
  for (let batch = log.head; batch !== undefined; batch = batch.next) {
    const reader = new RecordReader(batch.bytes, batch.start, batch.end);
    let cut = 0;
    for (let number = batch.first; number <= batch.last; number++) {
      reader.next();
      const { head, channel, id, start, at } = reader;
      if (head >= CONTROL_RECORD || (head & MORE_BIT) !== 0) continue;
      const whole = (head & CONTINUED_BIT) === 0 ? undefined : batch.messages![cut++]!;
      if (number <= log.confirmed) continue;
      const data = new Uint8Array(batch.bytes.subarray(start, at));
      add(channel, whole ?? { data, isText: (head & BINARY_BIT) === 0, id });
    }
  }
  for (const { number, queue } of channels.values()) {
    for (const message of queue) add(number, message);
  }
  return found;
}
