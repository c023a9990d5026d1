// The hub /chat: who is here, and what they say. Nothing in this file knows of sockets, or which way a message travels.
import { accept, createHub, type HubSession, SessionCode } from "hawser/hub";
import { imageTypeOf } from "./image-type.js";
import {
  MAX_IMAGE_BYTES,
  MAX_OUTBOX_BYTES,
  NUMBERS_CHANNEL,
  NUMBERS_INTERVAL_MS,
  type NumberedMessage,
  type Person,
  type ServerMessage,
} from "./messages.js";
import { NumberTally } from "./number-tally.js";
import { cleanName, readClientMessage } from "./read-client-message.js";
import { tabOf } from "./tab.js";

/** What the chat knows of a session. */
interface Visitor {
  person: Person;
  isAway: boolean;
  /** What has come of the numbered messages of the page. */
  readonly tally: NumberTally;
  /** The last number that was sent to the page. */
  number: number;
  timer: NodeJS.Timeout | undefined;
}

type ChatSession = HubSession<Visitor>;

let lastId = 0;

export const chat = createHub<Visitor>({
  maxMessageBytes: MAX_IMAGE_BYTES, // a longer one is refused before it is read
  maxOutboxBytes: MAX_OUTBOX_BYTES,
  maxReceivedMessagesPerSecond: 100, // what is above that waits in the page

  /** Once for each session, however often its transport changes. */
  authenticate({ credentials, session }) {
    if (session !== undefined) return accept(session.data as Visitor);
    const person = { id: ++lastId, name: cleanName(credentials) };
    return accept({ person, isAway: false, tally: new NumberTally(), number: 0, timer: undefined });
  },

  open(session) {
    const { person, tally } = session.data;
    session.receive(NUMBERS_CHANNEL, {
      message(data) {
        tally.take(Number(data));
        return undefined;
      },
    });
    tell(session, {
      type: "welcome",
      text: `Welcome, ${person.name}! Whoever has this page open can read what you write.`,
      you: person,
      isBlocked: tabOf(session.request.query)?.isBlocked ?? false,
    });
    tellWhoIsHere();
  },

  message(session, data) {
    if (typeof data === "string") onText(session, data);
    else onImage(session, data);
  },

  // It has no transport, and what is said meanwhile waits for it; or it has one again, or another one.
  suspended: (session) => setAway(session, true),
  resumed: (session) => setAway(session, false),
  closed: leave,
  reset: leave,
});

function onText(session: ChatSession, json: string): void {
  const message = readClientMessage(json);
  const { data } = session;
  const tab = tabOf(session.request.query);
  switch (message?.type) {
    case "say":
      tellAll({ ...message, type: "said", from: data.person, atMs: Date.now() });
      break;
    case "typing":
      // Not for whoever is away: when they are back, it is not true any more.
      chat.broadcast(JSON.stringify({ type: "typing", from: data.person } satisfies ServerMessage), {
        where: (other) => other !== session && other.state === "live",
      });
      break;
    case "rename":
      data.person = { id: data.person.id, name: message.name };
      tellWhoIsHere();
      break;
    case "traffic":
      clearInterval(data.timer);
      if (message.isOn) data.timer = setInterval(() => sendNumber(session), NUMBERS_INTERVAL_MS);
      break;
    case "cut":
      tab?.cut();
      break;
    case "block":
      if (tab !== undefined) tab.isBlocked = message.isBlocked;
      tell(session, { type: "blocked", isBlocked: message.isBlocked });
      break;
    case undefined:
      session.end(SessionCode.forbidden, "not a message of this chat");
  }
}

function onImage(session: ChatSession, bytes: Uint8Array): void {
  const imageType = imageTypeOf(bytes);
  if (imageType === undefined) {
    tell(session, { type: "refused", why: "That is not a PNG, JPEG, GIF or WebP image." });
    return;
  }
  tellAll({ type: "image", from: session.data.person, atMs: Date.now(), imageType });
  chat.broadcast(bytes);
}

function sendNumber(session: ChatSession): void {
  const { data } = session;
  const message: NumberedMessage = { number: data.number + 1, seen: data.tally.counts };
  // One that has no room is not sent, and its number is the next one's.
  const status = session.channel(NUMBERS_CHANNEL).send(JSON.stringify(message));
  if (status === "sent" || status === "queued") data.number++;
}

function setAway({ data }: ChatSession, isAway: boolean): void {
  if (data.isAway === isAway) return;
  data.isAway = isAway;
  tellWhoIsHere();
}

function leave(session: ChatSession): void {
  clearInterval(session.data.timer);
  tellWhoIsHere();
}

function tellWhoIsHere(): void {
  const people = [...chat.sessions.values()].map(({ data }) => ({ ...data.person, isAway: data.isAway }));
  tellAll({ type: "people", people });
}

function tellAll(message: ServerMessage): void {
  chat.broadcast(JSON.stringify(message));
}

function tell(session: ChatSession, message: ServerMessage): void {
  session.send(JSON.stringify(message));
}
