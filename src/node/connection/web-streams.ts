import { ReadableStream, WritableStream } from "node:stream/web";
import { ConnectionError } from "../../core/hawser-error.js";
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
  readonly state: "open" | "closing" | "closed";
  readonly closed: Promise<CloseResult>;
  send(message: Message): SendStatus;
  ready(): Promise<boolean>;
  close(code?: number, reason?: string): Promise<CloseResult>;
  terminate(): void;
}

/**
 * A stream whose `write` ends when there is room for more. Closing it closes the connection with 1000. It fails where that
 * was not closed properly: what was piped into it must not look as if it had arrived.
 */
export function writableOf(target: WritableTarget): WritableStream<Message> {
  return new WritableStream<Message>({
    start(controller) {
      if (target.state === "closed") return;
      // Whoever pipes something that is silent would not hear of it by writing.
      void target.closed.then((result) => {
        if (!result.wasClean) controller.error(errorOf(result));
      });
    },
    async write(message, controller) {
      const status = target.send(message);
      if (status === "sent" || (status === "queued" && (await target.ready()))) return;
      const isLost = status === "queued";
      const { error } = isLost ? await target.closed : {};
      controller.error(error ?? new Error(`the message was not sent: ${isLost ? "closed" : status}`));
    },
    async close() {
      const result = await target.close(1000);
      if (!result.wasClean) throw errorOf(result);
    },
    abort() {
      target.terminate();
    },
  });
}

function errorOf({ error }: CloseResult): Error {
  return error ?? new ConnectionError("CONNECTION_LOST", "the transport ended without a closing handshake");
}
