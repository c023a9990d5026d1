import { ReadableStream, WritableStream } from "node:stream/web";
import type { CloseResult } from "../../protocol/closing-handshake.js";
import type { Message, MessageQueue } from "./message-queue.js";
import type { SendStatus } from "./send-status.js";

/**
 * The messages of a queue as a stream that takes one only when it is read, so that the queue can pause TCP. It ends where
 * the connection was closed properly, and fails where it was not: what is piped into a file must not look complete.
 */
export function readableOf(
  queue: MessageQueue,
  closed: () => Promise<CloseResult>,
  onCancel: () => void,
): ReadableStream<Message> {
  return new ReadableStream<Message>(
    {
      async pull(controller) {
        const message = await queue.take();
        if (message !== undefined) {
          controller.enqueue(message);
          return;
        }
        const { wasClean, error } = await closed();
        if (wasClean) controller.close();
        else controller.error(error);
      },
      cancel: onCancel,
    },
    { highWaterMark: 0 },
  );
}

/** What a writable stream needs of its connection. */
export interface WritableTarget {
  send(message: Message): SendStatus;
  ready(): Promise<boolean>;
  close(code?: number, reason?: string): Promise<unknown>;
  terminate(): void;
}

/** A stream whose `write` ends when there is room for more. Closing it closes the connection with 1000. */
export function writableOf(target: WritableTarget): WritableStream<Message> {
  return new WritableStream<Message>({
    async write(message, controller) {
      const status = target.send(message);
      if (status === "queued") await target.ready();
      else if (status !== "sent") controller.error(new Error(`the message was not sent: ${status}`));
    },
    async close() {
      await target.close(1000);
    },
    abort() {
      target.terminate();
    },
  });
}
