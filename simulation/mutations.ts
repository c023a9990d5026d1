/** A mistake that somebody could make in the session machine, and the change to the built package that makes it. */
export interface Mutation {
  /** What is wrong then. */
  readonly name: string;
  readonly edits: readonly MutationEdit[];
}

/** A text that is once in a file below `dist/session/machine`, and what to put there. */
export interface MutationEdit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Mistakes that the simulation has to notice: `test/simulation/prove-mutations.ts` makes each of them. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: "drops an acknowledgement that would go alone",
    edits: [{ file: "session-machine.js", find: "this.say(link, ACK_PACKET, this.received);", replace: "" }],
  },
  {
    name: "hands over a message that came before",
    edits: [
      {
        file: "receiving-side.js",
        find: "if (number <= this.received)\n                    continue;\n                this.received = number;\n                this.#message(",
        replace: "this.received = Math.max(number, this.received);\n                this.#message(",
      },
    ],
  },
  {
    name: "hands over a record with a channel that came before",
    edits: [
      {
        file: "receiving-side.js",
        find: "if (number <= this.received)\n                    continue;\n                this.received = number;\n                if (!this.#record",
        replace: "this.received = Math.max(number, this.received);\n                if (!this.#record",
      },
    ],
  },
  {
    name: "forgets the epoch of an open",
    edits: [{ file: "server-machine.js", find: "open.epoch <= this.#epoch", replace: "false" }],
  },
  {
    name: "takes what comes from a fenced transport",
    edits: [
      {
        file: "session-machine.js",
        find: 'while (isGood && at < end && link.state !== "gone")',
        replace: "while (isGood && at < end)",
      },
      { file: "receiving-side.js", find: 'at < end && link.state !== "gone"', replace: "at < end" },
    ],
  },
  {
    name: "lets a fenced transport stay",
    edits: [{ file: "session-machine.js", find: "if (other.epoch < link.epoch)", replace: "if (false)" }],
  },
  {
    name: "lets a takeover wait for the end of the old transport",
    edits: [
      {
        file: "server-machine.js",
        find: "if (!open.isProbe)",
        replace: "if (!open.isProbe && this.active === undefined)",
      },
    ],
  },
  {
    name: "does not send again what is not confirmed",
    edits: [{ file: "session-machine.js", find: "this.log.rewind();", replace: "" }],
  },
  {
    name: "does not send again when a response was lost",
    edits: [{ file: "link.js", find: "this.#user.linkLost(this);", replace: "{}" }],
  },
  {
    name: "goes on behind a gap",
    edits: [{ file: "receiving-side.js", find: "number > this.received + 1", replace: "false" }],
  },
  {
    name: "frees a batch before all of it is confirmed",
    edits: [{ file: "record-log.js", find: "batch.last <= number)", replace: "batch.first <= number + 1)" }],
  },
  {
    name: "frees nothing",
    edits: [{ file: "record-log.js", find: "this.cost -= ", replace: "0 - " }],
  },
  {
    name: "gives no credit",
    edits: [
      { file: "receiving-side.js", find: "this.control(CREDIT_RECORD, channel.number, limit);", replace: "" },
    ],
  },
  {
    name: "gives no credit for the pieces of a long message",
    edits: [{ file: "receiving-side.js", find: "limit += parts.byteLength + MESSAGE_COST;", replace: "" }],
  },
  {
    name: "lets messages stall that are long together",
    edits: [
      {
        file: "receiving-side.js",
        find: "this.#assembling[0] === channel || this.#assemblingBytes <= maxMessageBytes",
        replace: "this.#assemblingBytes <= maxMessageBytes",
      },
    ],
  },
  {
    name: "counts a message as taken before it is",
    edits: [
      {
        file: "receiving-side.js",
        find: "if (config.handler.message(this.owner, channel, (head & BINARY_BIT) === 0, bytes, start, end, id)) {",
        replace:
          "config.handler.message(this.owner, channel, (head & BINARY_BIT) === 0, bytes, start, end, id); {",
      },
    ],
  },
  {
    name: "sends beyond the window",
    edits: [
      {
        file: "sending-side.js",
        find: "channel.limit = limit;\n        this.wantFlush();",
        replace: "channel.limit = limit + 1e6;\n        this.wantFlush();",
      },
    ],
  },
  {
    name: "takes what does not fit, neither on its channel nor into the outbox",
    edits: [
      {
        file: "sending-side.js",
        find: "channel.queuedBytes + cost - (old === undefined ? 0 : old.cost) <= channel.maxQueuedBytes",
        replace: "true",
      },
      { file: "sending-side.js", find: "this.outboxBytes + more <= config.maxOutboxBytes", replace: "true" },
    ],
  },
  {
    name: "does not count what it drops",
    edits: [{ file: "sending-side.js", find: "channel.dropped += count;", replace: "" }],
  },
  {
    name: "drops a message of which a part has left",
    edits: [
      { file: "sending-side.js", find: "queue.length > 0 && queue.first.offset > 0 ? 1 : 0", replace: "0" },
    ],
  },
  {
    name: "does not say that a piece continues a message",
    edits: [{ file: "sending-side.js", find: "(offset === 0 ? 0 : CONTINUED_BIT)", replace: "0" }],
  },
  {
    name: "loses the id of a message in pieces",
    edits: [{ file: "receiving-side.js", find: "channel.id = id;", replace: "" }],
  },
  {
    name: "never tells that there is room again",
    edits: [{ file: "sending-side.js", find: "config.handler.ready(this.owner, channel);", replace: "" }],
  },
  {
    name: "keeps what ended sessions held in the budget",
    edits: [
      {
        file: "sending-side.js",
        find: "this.log.clear();\n        this.settle();",
        replace: "this.log.clear();",
      },
    ],
  },
  {
    name: "closes before all was sent",
    edits: [
      {
        file: "session-machine.js",
        find: "if (this.queuedCount === 0)\n            this.emptied();",
        replace: "this.emptied();",
      },
    ],
  },
  {
    name: "forgets what waits when it tells what was not confirmed",
    edits: [
      {
        file: "unconfirmed-messages.js",
        find: "for (const message of queue)",
        replace: "for (const message of [])",
      },
    ],
  },
  {
    name: "tells of what was confirmed instead of what was not",
    edits: [
      {
        file: "unconfirmed-messages.js",
        find: "if (number <= log.confirmed)",
        replace: "if (number > log.confirmed)",
      },
    ],
  },
  {
    name: "gives up a session before the resume window is over",
    edits: [
      {
        file: "server-machine.js",
        find: "nowMs() + this.#deadlines.resumeWindowMs",
        replace: "nowMs() + this.#deadlines.resumeWindowMs / 2",
      },
    ],
  },
  {
    name: "keeps a session whose client never comes back",
    edits: [{ file: "server-machine.js", find: "if (this.#expiresMs <= nowMs)", replace: "if (false)" }],
  },
  {
    name: "resumes as if the session were new",
    edits: [
      {
        file: "client-machine.js",
        find: "(server ? RESUME_BIT : 0)",
        replace: "0",
      },
    ],
  },
  {
    name: "does not notice that nothing is heard",
    edits: [{ file: "session-machine.js", find: "this.detach(active, TIMEOUT_CODE);", replace: "{}" }],
  },
  {
    name: "does not dial again when the transport is lost",
    edits: [
      {
        file: "client-machine.js",
        find: "else\n            wait(notBeforeMs);",
        replace: "",
      },
    ],
  },
  {
    name: "begins to send before it rewound, over a new transport",
    edits: [
      { file: "record-log.js", find: "this.#cursor = this.#head;", replace: "this.#cursor ??= this.#head;" },
    ],
  },
  {
    name: "numbers records in a block that others send as it is",
    edits: [
      { file: "shared-block.js", find: "else if (this.#whole === undefined)", replace: "else if (true)" },
    ],
  },
  {
    name: "copies what many get, and sends it as well",
    edits: [
      {
        file: "record-log.js",
        find: "this.#copyShared();\n            return;",
        replace: "this.#copyShared();",
      },
    ],
  },
  {
    name: "takes a block of others for the place of its own records",
    edits: [
      {
        file: "record-log.js",
        find: "while (own !== undefined && own.shared !== undefined)",
        replace: "while (own !== undefined && own.shared === undefined)",
      },
    ],
  },
  {
    name: "hands over messages of a channel that it refused",
    edits: [
      { file: "receiving-side.js", find: "if (channel.isRefused)\n            return true;", replace: "" },
    ],
  },
  {
    name: "lets one long message have all turns",
    edits: [
      {
        file: "sending-side.js",
        find: "const end = Math.min(data.length, offset + this.config.pieceBytes);",
        replace: "const end = data.length;",
      },
    ],
  },
  // The machine of a client.
  {
    name: "does not say from a client what came",
    edits: [{ file: "client-machine.js", find: "say(active, ACK_PACKET, received);", replace: "" }],
  },
  {
    name: "hands over to a client what came before",
    edits: [
      {
        file: "client-machine.js",
        find: "if (number <= received)\n                continue;\n            received = number;",
        replace: "received = Math.max(number, received);",
      },
    ],
  },
  {
    name: "goes on behind a gap at a client",
    edits: [{ file: "client-machine.js", find: "number > received + 1", replace: "false" }],
  },
  {
    name: "does not send again from a client what is not confirmed",
    edits: [
      {
        file: "client-outbox.js",
        find: "sentCount = 0;\n            wantsFlush();",
        replace: "wantsFlush();",
      },
    ],
  },
  {
    name: "does not send again from a client when a request was lost",
    edits: [
      {
        file: "client-machine.js",
        find: "say(link, USE_PACKET, received);\n                    sendAgain();",
        replace: "",
      },
    ],
  },
  {
    name: "frees at a client one record too many",
    edits: [
      {
        file: "client-outbox.js",
        find: "const count = to - confirmed;",
        replace: "const count = to - confirmed + (records.length > to - confirmed ? 1 : 0);",
      },
    ],
  },
  {
    name: "keeps at a client what was confirmed",
    edits: [
      {
        file: "client-outbox.js",
        find: "recordCost -= cost;",
        replace: "recordCost -= 0 * cost;",
      },
    ],
  },
  {
    name: "gives no credit from a client",
    edits: [
      {
        file: "client-inbox.js",
        find: "control(CREDIT_RECORD, number, limit);",
        replace: "",
      },
    ],
  },
  {
    name: "gives no credit from a client for the pieces of a long message",
    edits: [{ file: "client-inbox.js", find: "next += byteLength + MESSAGE_COST;", replace: "" }],
  },
  {
    name: "loses at a client the pieces before the last",
    edits: [{ file: "client-inbox.js", find: "longer.set(whole);", replace: "{}" }],
  },
  {
    name: "loses at a client the id of a message in pieces",
    edits: [{ file: "client-inbox.js", find: "firstId = id;", replace: "" }],
  },
  {
    name: "counts a message of a client as taken before it is",
    edits: [
      {
        file: "client-inbox.js",
        find: "if (handler.message(channel, (head & BINARY_BIT) === 0, message, from, to, firstId))",
        replace:
          "handler.message(channel, (head & BINARY_BIT) === 0, message, from, to, firstId);\n                if (true)",
      },
    ],
  },
  {
    name: "sends beyond the window of the server",
    edits: [
      {
        file: "client-outbox.js",
        find: "limit = Math.max(limit, value);",
        replace: "limit = Math.max(limit, value) + 1e6;",
      },
    ],
  },
  {
    name: "takes at a client what does not fit into the outbox",
    edits: [
      {
        file: "client-outbox.js",
        find: "outboxBytes <= maxOutboxBytes",
        replace: "true",
      },
    ],
  },
  {
    name: "does not count what a client drops",
    edits: [{ file: "client-outbox.js", find: "handler.dropped?.(channel);", replace: "" }],
  },
  {
    name: "drops at a client a message of which a part has left",
    edits: [
      { file: "client-outbox.js", find: "queue.length > 0 && queue[0].offset > 0 ? 1 : 0", replace: "0" },
    ],
  },
  {
    name: "does not say from a client that a piece continues a message",
    edits: [{ file: "client-outbox.js", find: "(offset === 0 ? 0 : CONTINUED_BIT)", replace: "0" }],
  },
  {
    name: "never tells at a client that there is room again",
    edits: [{ file: "client-outbox.js", find: "handler.ready?.(channel);", replace: "" }],
  },
  {
    name: "closes a client before all was sent",
    edits: [
      {
        file: "client-outbox.js",
        find: "lastRecord > 0 || queuedCount > 0",
        replace: "lastRecord > 0",
      },
    ],
  },
  {
    name: "forgets what waits when a client tells what was not confirmed",
    edits: [{ file: "client-outbox.js", find: "left.push(...channel.forget());", replace: "" }],
  },
  {
    name: "replaces at a client a message that has another key",
    edits: [{ file: "client-outbox.js", find: "other.key === key", replace: "other.key !== key" }],
  },
  {
    name: "does not notice at a client that nothing is heard",
    edits: [{ file: "client-machine.js", find: "detach(active, TIMEOUT_CODE);", replace: "{}" }],
  },
  {
    name: "waits for ever at a client for the answer to open",
    edits: [
      {
        file: "client-machine.js",
        find: "later(() => detach(link, TIMEOUT_CODE), config.attachTimeoutMs, link);",
        replace: "",
      },
    ],
  },
  {
    name: "hands over messages of a channel that the client refused",
    edits: [
      {
        file: "client-inbox.js",
        find: "if (channel.isRefused)\n                    return;\n                const",
        replace: "const",
      },
    ],
  },
  {
    name: "lets one long message of a client have all turns",
    edits: [
      {
        file: "client-outbox.js",
        find: "const end = Math.min(data.length, offset + pieceBytes);",
        replace: "const end = data.length;",
      },
    ],
  },
  // Relays between nodes.
  {
    name: "goes on at the gate when a message of the owner was lost",
    edits: [
      {
        file: "../relay/gate-relay.js",
        find: "number === this.#heard + 1",
        replace: "number > this.#heard",
      },
    ],
  },
  {
    name: "goes on at the owner when a message of the gate was lost",
    edits: [
      { file: "../relay/relayed-transport.js", find: "if (number > this.#heard + 1)", replace: "if (false)" },
    ],
  },
  {
    name: "lets through what the owner sent before it heard of a loss",
    edits: [{ file: "../relay/gate-relay.js", find: "heard >= this.#lostAt", replace: "true" }],
  },
  {
    name: "does not tell the owner that blocks were lost",
    edits: [
      {
        file: "../relay/relayed-transport.js",
        find: "if (!this.#isEnded)\n                this.receiver.lost();",
        replace: "",
      },
    ],
  },
  {
    name: "takes a broker that is down for an owner that is gone",
    edits: [
      { file: "../relay/session-relay.js", find: "return this.#heardMs >= timeMs;", replace: "return true;" },
    ],
  },
];
