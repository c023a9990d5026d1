import type { SessionConfig } from "./session-config.js";
import type { ClientHandler } from "./session-handler.js";
import type { SessionHost } from "./session-host.js";

/** A {@link ClientHandler} of one session, which need not be told which one. */
export type BoundHandler = {
  readonly [Name in keyof ClientHandler<never>]: ClientHandler<never>[Name] extends (
    owner: never,
    ...given: infer Given
  ) => infer Result
    ? (...given: Given) => Result
    : never;
};

/** What a client's session needs from where it runs: there, text is encoded before it is put anywhere. */
export interface ClientMachineHost extends Omit<SessionHost, "utf8Write"> {
  /** Text as UTF-8. */
  utf8Encode(text: string): Uint8Array;
}

/** What a client's session goes by: what a server's does, but for what its sessions hold together. */
export interface ClientConfig extends Omit<SessionConfig<BoundHandler>, "budget" | "host"> {
  readonly host: ClientMachineHost;
}

/** What a session goes by whose handler and host serve others, too: for tests. */
export function boundConfig<Owner>(config: SessionConfig<ClientHandler<Owner>>, owner: Owner): ClientConfig {
  const bound: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(config.handler)) {
    bound[name] = (...given: unknown[]): unknown => (call as (...all: unknown[]) => unknown)(owner, ...given);
  }
  const { host } = config;
  const utf8Encode = (text: string): Uint8Array => {
    const room = host.allocate(3 * text.length);
    return new Uint8Array(room.subarray(0, host.utf8Write(text, room, 0)));
  };
  return { ...config, host: { ...host, utf8Encode }, handler: bound as unknown as BoundHandler };
}
