import { connect, type SessionReset } from "hawser";
import { type ClientMessage, MAX_IMAGE_BYTES, MAX_OUTBOX_BYTES, type ServerMessage } from "../messages.js";
import { BreakIt } from "./break-it.js";
import { Composer } from "./composer.js";
import { Drawer } from "./drawer.js";
import { installNetworkSwitch, setOffline } from "./network-switch.js";
import { Numbers } from "./numbers.js";
import { OwnName } from "./own-name.js";
import { People } from "./people.js";
import { randomName } from "./random-name.js";
import { StateView } from "./state-view.js";
import { Timeline } from "./timeline.js";
import { Transcript } from "./transcript.js";
import { WireStrip } from "./wire-strip.js";

installNetworkSwitch(); // for the button; an application does not need it

/** What the server calls the sockets of this tab, so that it can show and break them. */
const tab = randomName();

const transcript = new Transcript((text) => say(text));
const people = new People();
const timeline = new Timeline();
const name = new OwnName((changed) => send({ type: "rename", name: changed }));

let myId = 0;
let lastNumber = 0;
/** What the binary message that comes next is. */
let announced: Extract<ServerMessage, { type: "image" }> | undefined;

const session = connect(`/chat?tab=${tab}`, {
  credentials: () => name.value, // who this is: asked before each new session
  maxOutboxBytes: MAX_OUTBOX_BYTES,
  maxMessageBytes: MAX_IMAGE_BYTES,
  message(_session, data) {
    if (typeof data === "string") onMessage(JSON.parse(data) as ServerMessage);
    else onImage(data);
  },
  state: (_session, state) => timeline.show(state),
  reset: (_session, reset) => onReset(reset),
});
timeline.show(session.state);

new Drawer();
new StateView(session);
new WireStrip(tab);
new Numbers(session, (isOn) => send({ type: "traffic", isOn }));
const breakIt = new BreakIt({
  cut() {
    timeline.mark("cut");
    send({ type: "cut" });
  },
  block: (isBlocked) => send({ type: "block", isBlocked }),
  offline(isOffline) {
    timeline.mark(isOffline ? "offline" : "online");
    setOffline(isOffline);
  },
});
new Composer({
  text: say,
  image: async (file) => void isTaken(session.send(new Uint8Array(await file.arrayBuffer()))),
  typing: () => send({ type: "typing" }),
  refused: (why) => transcript.addNotice(why),
});

/** Shown at once, as what it is: under way. It is sent when there is a way. */
function say(text: string): void {
  const number = ++lastNumber;
  if (isTaken(send({ type: "say", text, number }))) transcript.addPending(number, text);
}

/** Whether something is under way; if it is not, that is said. */
function isTaken(status: ReturnType<typeof session.send>): boolean {
  if (status === "sent" || status === "queued") return true;
  transcript.addNotice("There is no room for more that waits. Send it again when it is less.");
  return false;
}

function send(message: ClientMessage): ReturnType<typeof session.send> {
  return session.send(JSON.stringify(message));
}

function onMessage(message: ServerMessage): void {
  switch (message.type) {
    case "welcome":
      myId = message.you.id;
      transcript.addNotice(message.text);
      breakIt.isBlocked = message.isBlocked;
      break;
    case "people":
      people.show(message.people, myId);
      name.value = message.people.find(({ id }) => id === myId)?.name ?? name.value;
      break;
    case "said":
      people.stoppedTyping(message.from.id);
      if (message.from.id === myId)
        transcript.confirm(message.number, message.from, message.atMs, message.text);
      else transcript.addText(message.from, message.atMs, message.text);
      break;
    case "image":
      announced = message;
      break;
    case "typing":
      people.startedTyping(message.from);
      break;
    case "blocked":
      breakIt.isBlocked = message.isBlocked;
      timeline.mark(message.isBlocked ? "blocked" : "unblocked");
      // It would find out by itself, at its next look for a better way.
      if (!message.isBlocked) session.reconnect();
      break;
    case "refused":
      transcript.addNotice(message.why);
  }
}

function onImage(bytes: Uint8Array): void {
  if (announced === undefined) return;
  const { from, atMs, imageType } = announced;
  transcript.addImage(from, atMs, bytes, imageType, from.id === myId);
  announced = undefined;
}

/** The one thing that a session cannot do is outlive the server's memory of it. Then it says so, and what may be missing. */
function onReset({ code, reason, unconfirmed }: SessionReset): void {
  announced = undefined;
  const what =
    unconfirmed.length === 0 ? "Nothing was under way." : "What was under way may not have arrived.";
  transcript.addNotice(`The session was lost (${code} ${reason}), and a new one has begun. ${what}`);
  transcript.failPending();
}
