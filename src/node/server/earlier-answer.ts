import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/**
 * The answer that Node is still sending on a stream, if there is one: to a request that came before the one that asks for
 * an upgrade, which Node hands out without waiting. It would end up in the middle of the frames.
 */
export function earlierAnswer(stream: Duplex): ServerResponse | undefined {
  return (stream as Duplex & { readonly _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

/** Resolves when all of them have been sent, or never will be. */
export async function earlierAnswersSent(stream: Duplex): Promise<void> {
  for (;;) {
    const answer = earlierAnswer(stream);
    if (answer === undefined || answer.closed) return;
    await new Promise<void>((resolve) => answer.once("close", resolve));
  }
}
