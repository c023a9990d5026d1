/** A mistake that somebody could make in the session machine, and the change to the built package that makes it. */
export interface Mutation {
  /** What is wrong then. */
  readonly name: string;
  /** Below `dist/session/machine`. */
  readonly file: string;
  /** Text that is there once. */
  readonly find: string;
  readonly replace: string;
}

/** Mistakes that the simulation has to notice: `test/simulation/mutations.test.ts` makes each of them. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: "drops an acknowledgement that would go alone",
    file: "session-machine.js",
    find: "this.say(link, ACK_PACKET, this.received);",
    replace: "",
  },
  {
    name: "hands over a message that came before",
    file: "receiving-side.js",
    find: "if (number <= this.received)\n                    continue;\n                this.received = number;\n                this.#message(",
    replace: "this.received = Math.max(number, this.received);\n                this.#message(",
  },
  {
    name: "hands over a record with a channel that came before",
    file: "receiving-side.js",
    find: "if (number <= this.received)\n                    continue;\n                this.received = number;\n                if (!this.#record",
    replace: "this.received = Math.max(number, this.received);\n                if (!this.#record",
  },
  {
    name: "forgets the epoch of an open",
    file: "server-machine.js",
    find: "open.epoch <= this.#epoch",
    replace: "false",
  },
  {
    name: "takes what comes from a fenced transport",
    file: "session-machine.js",
    find: 'while (isGood && at < end && link.state !== "gone")',
    replace: "link = { __proto__: link, state: 'standby' };\n        while (isGood && at < end)",
  },
  {
    name: "lets a fenced transport stay",
    file: "session-machine.js",
    find: "if (other.epoch < link.epoch)",
    replace: "if (false)",
  },
  {
    name: "lets a takeover wait for the end of the old transport",
    file: "server-machine.js",
    find: "if (!open.isProbe)",
    replace: "if (!open.isProbe && this.active === undefined)",
  },
  {
    name: "does not send again what is not confirmed",
    file: "session-machine.js",
    find: "this.log.rewind();",
    replace: "",
  },
  {
    name: "does not send again when a response was lost",
    file: "link.js",
    find: "this.#user.linkLost(this);",
    replace: "",
  },
  {
    name: "goes on behind a gap",
    file: "receiving-side.js",
    find: "number > this.received + 1",
    replace: "false",
  },
  {
    name: "frees a batch before all of it is confirmed",
    file: "record-log.js",
    find: "batch.last <= number)",
    replace: "batch.first <= number)",
  },
  {
    name: "frees nothing",
    file: "record-log.js",
    find: "this.cost -= ",
    replace: "0 - ",
  },
  {
    name: "gives no credit",
    file: "receiving-side.js",
    find: "this.control(CREDIT_RECORD, channel.number, limit);",
    replace: "",
  },
  {
    name: "gives no credit for the pieces of a long message",
    file: "receiving-side.js",
    find: "limit += parts.byteLength + MESSAGE_COST;",
    replace: "",
  },
  {
    name: "lets messages stall that are long together",
    file: "receiving-side.js",
    find: "this.#assembling[0] === channel || this.#assemblingBytes <= maxMessageBytes",
    replace: "this.#assemblingBytes <= maxMessageBytes",
  },
  {
    name: "counts a message as taken before it is",
    file: "receiving-side.js",
    find: "if (config.handler.message(this.owner, channel, (head & BINARY_BIT) === 0, bytes, start, end, id)) {",
    replace:
      "config.handler.message(this.owner, channel, (head & BINARY_BIT) === 0, bytes, start, end, id); {",
  },
  {
    name: "sends beyond the window",
    file: "sending-side.js",
    find: "channel.limit = limit;\n        this.wantFlush();",
    replace: "channel.limit = limit + 1e6;\n        this.wantFlush();",
  },
  {
    name: "takes what does not fit into the outbox",
    file: "sending-side.js",
    find: "this.outboxBytes + more <= config.maxOutboxBytes",
    replace: "true",
  },
  {
    name: "does not count what it drops",
    file: "sending-side.js",
    find: "channel.dropped += count;",
    replace: "",
  },
  {
    name: "drops a message of which a part has left",
    file: "sending-side.js",
    find: "queue.length > 0 && queue[0].offset > 0 ? 1 : 0",
    replace: "0",
  },
  {
    name: "does not say that a piece continues a message",
    file: "sending-side.js",
    find: "(offset === 0 ? 0 : CONTINUED_BIT)",
    replace: "0",
  },
  {
    name: "loses the id of a message in pieces",
    file: "receiving-side.js",
    find: "channel.id = id;",
    replace: "",
  },
  {
    name: "never tells that there is room again",
    file: "sending-side.js",
    find: "config.handler.ready(this.owner, channel);",
    replace: "",
  },
  {
    name: "keeps what ended sessions held in the budget",
    file: "sending-side.js",
    find: "this.log.clear();\n        this.settle();",
    replace: "this.log.clear();",
  },
  {
    name: "closes before all was sent",
    file: "session-machine.js",
    find: "if (this.queuedCount === 0)\n            this.emptied();",
    replace: "this.emptied();",
  },
  {
    name: "forgets what waits when it tells what was not confirmed",
    file: "unconfirmed-messages.js",
    find: "for (const message of queue)",
    replace: "for (const message of [])",
  },
  {
    name: "tells of what was confirmed as if it had not been... and of nothing that was not",
    file: "unconfirmed-messages.js",
    find: "if (number <= log.confirmed)",
    replace: "if (number > log.confirmed)",
  },
  {
    name: "gives up a session before the resume window is over",
    file: "server-machine.js",
    find: "nowMs() + this.#deadlines.resumeWindowMs",
    replace: "nowMs() + this.#deadlines.resumeWindowMs / 2",
  },
  {
    name: "keeps a session whose client never comes back",
    file: "server-machine.js",
    find: "if (this.#expiresMs <= nowMs)",
    replace: "if (false)",
  },
  {
    name: "resumes as if the session were new",
    file: "client-machine.js",
    find: "isResume: this.#server !== undefined",
    replace: "isResume: false",
  },
  {
    name: "does not notice that nothing is heard",
    file: "session-machine.js",
    find: "this.detach(active, TIMEOUT_CODE);",
    replace: "{}",
  },
  {
    name: "waits for ever for the answer to open",
    file: "session-machine.js",
    find: "this.detach(link, TIMEOUT_CODE);",
    replace: "{}",
  },
  {
    name: "does not dial again when the transport is lost",
    file: "client-machine.js",
    find: "else\n            this.#wait(notBeforeMs, spreadMs);",
    replace: "",
  },
  {
    name: "begins to send before it rewound, over a new transport",
    file: "record-log.js",
    find: "this.cursor = this.head;",
    replace: "this.cursor ??= this.head;",
  },
  {
    name: "hands over messages of a channel that it refused",
    file: "receiving-side.js",
    find: "if (channel.isRefused)\n            return true;",
    replace: "",
  },
  {
    name: "lets one long message have all turns",
    file: "sending-side.js",
    find: "const end = Math.min(data.length, offset + this.config.pieceBytes);",
    replace: "const end = data.length;",
  },
];
