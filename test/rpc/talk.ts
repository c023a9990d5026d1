import {
  type CallError,
  type ContractClient,
  type ContractClientOptions,
  contractClient,
  type HandlersOf,
  type Implementation,
  type ImplementOptions,
  implement,
  type Remote,
} from "hawser/contract";
import { ManualClock, MemoryClient, type MemoryPeer } from "hawser/testing";
import { chat } from "./chat-contract.js";

/** Both sides of the contract `chat`, over a session in memory and with time that stands still. */
export interface Talk {
  readonly clock: ManualClock;
  /** The server, as the client sees it. */
  readonly server: ContractClient<typeof chat>;
  /** The client, as the server sees it, in its latest session. */
  readonly client: Remote<typeof chat, "client">;
  readonly line: MemoryClient;
  readonly implementation: Implementation<typeof chat>;
  /** What the server's handlers were called with, in order: `add {"a":1,"b":2}`. */
  readonly ran: string[];
  /** What `error` was told, here and there. */
  readonly serverErrors: CallError[];
  readonly clientErrors: CallError[];
}

export interface TalkOptions {
  readonly calls?: Partial<HandlersOf<typeof chat, "server">["calls"]>;
  readonly streams?: Partial<HandlersOf<typeof chat, "server">["streams"]>;
  readonly events?: HandlersOf<typeof chat, "server">["events"];
  readonly server?: ImplementOptions;
  readonly client?: ContractClientOptions & Partial<HandlersOf<typeof chat, "client">>;
}

export function startTalk(options: TalkOptions = {}): Talk {
  const clock = new ManualClock();
  const ran: string[] = [];
  const serverErrors: CallError[] = [];
  const clientErrors: CallError[] = [];
  const implementation = implement(chat, {
    calls: recorded(ran, {
      add: ({ a, b }) => a + b,
      join: ({ room }, context) => {
        if (room === "full") throw context.error("FULL", { max: 8 });
        if (room === "closed") throw context.error("CLOSED");
        return { members: room.length };
      },
      ping() {},
      slow: async (text) => text,
      lookUp: (text) => text,
      parse: (number) => number + 1,
      ...options.calls,
    }),
    streams: {
      async *count({ from, to }) {
        for (let i = from; i < to; i++) yield i;
        return "done";
      },
      async upload(_name, { values }) {
        let length = 0;
        for await (const part of values) length += part.length;
        return { length };
      },
      async *echo(_input, { values }) {
        yield* values;
      },
      ...options.streams,
    },
    events: options.events ?? {},
    error: (error) => serverErrors.push(error),
    clock,
    ...options.server,
  });
  let client: Remote<typeof chat, "client"> | undefined;
  const line = new MemoryClient((peer: MemoryPeer) => {
    client = implementation.accept(peer);
  });
  const server = contractClient(chat, line, {
    calls: { confirm: (text) => text === "yes" },
    error: (error) => clientErrors.push(error),
    clock,
    ...options.client,
  });
  return {
    clock,
    server,
    get client() {
      return client!;
    },
    line,
    implementation,
    ran,
    serverErrors,
    clientErrors,
  };
}

type CallHandlers = HandlersOf<typeof chat, "server">["calls"];

function recorded(ran: string[], handlers: CallHandlers): CallHandlers {
  const wrapped = Object.entries(handlers).map(([name, handler]) => [
    name,
    (input: never, context: never) => {
      ran.push(input === undefined ? name : `${name} ${JSON.stringify(input)}`);
      return handler(input, context);
    },
  ]);
  return Object.fromEntries(wrapped) as CallHandlers;
}

/** Lets everything happen that needs no time to pass. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
