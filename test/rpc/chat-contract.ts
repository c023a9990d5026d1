import { call, clientCall, defineContract, stream, toClient, toServer } from "hawser/contract";
import { z } from "zod";

/** What the tests of contracts speak. */
export const chat = defineContract({
  events: {
    typing: toServer(z.object({ who: z.string() })),
    message: toClient(z.object({ from: z.string(), text: z.string() })),
    cursor: z.object({ x: z.number(), y: z.number() }),
  },
  calls: {
    add: call({ input: z.object({ a: z.number(), b: z.number() }), output: z.number() }),
    join: call({
      input: z.object({ room: z.string() }),
      output: z.object({ members: z.number() }),
      errors: { FULL: z.object({ max: z.number() }), CLOSED: null },
    }),
    ping: call(),
    slow: call({ input: z.string(), output: z.string() }),
    lookUp: call({ input: z.string(), output: z.string(), idempotent: true }),
    confirm: clientCall({ input: z.string(), output: z.boolean() }),
    parse: call({ input: z.string().transform(Number), output: z.number().transform(String) }),
  },
  streams: {
    count: stream({
      input: z.object({ from: z.number(), to: z.number() }),
      down: z.number(),
      output: z.string(),
      errors: { TOO_FAR: z.object({ to: z.number() }) },
    }),
    upload: stream({ input: z.string(), up: z.string(), output: z.object({ length: z.number() }) }),
    echo: stream({ down: z.string(), up: z.string() }),
  },
});
