// The page: connects what is shown with the connection. Each part of it is a file of its own.
import type { ServerMessage } from "../messages.js";
import { learnCloseCodes } from "./close-code-names.js";
import { CloseForm } from "./close-form.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { byId } from "./element.js";
import { OwnName } from "./own-name.js";
import { People } from "./people.js";
import { StateView } from "./state-view.js";
import { Transcript } from "./transcript.js";
import { WireStrip } from "./wire-strip.js";

const transcript = new Transcript();
const people = new People();
const wireStrip = new WireStrip();
const stateView = new StateView(() => connection.open());
const name = new OwnName((changed) => connection.send({ type: "rename", name: changed }));
const composer = new Composer({
  text: (text) => connection.send({ type: "say", text }),
  image: (file) => connection.sendImage(file),
  typing: () => connection.send({ type: "typing" }),
  refused: (why) => transcript.addNotice(why),
});
const closeForm = new CloseForm((by, code, reason) => {
  if (by === "server") connection.send({ type: "close", code, reason });
  else connection.close(code, reason);
});
byId("ping", HTMLButtonElement).onclick = () => connection.send({ type: "ping" });

let myId = 0;
/** What the binary message that comes next is. */
let announced: Extract<ServerMessage, { type: "image" }> | undefined;

const connection = new Connection(() => `/chat?name=${encodeURIComponent(name.value)}`, {
  state(state) {
    stateView.show(state);
    composer.isEnabled = state.name === "open";
    if (state.name === "closed") wireStrip.closed(state.code, state.reason, state.wasClean);
  },
  message,
  image(bytes) {
    if (announced === undefined) return;
    const { from, atMs, imageType } = announced;
    transcript.addImage(from, atMs, bytes, imageType, from.id === myId);
    announced = undefined;
  },
});
connection.open();

function message(message: ServerMessage): void {
  switch (message.type) {
    case "welcome":
      myId = message.you.id;
      transcript.addNotice(message.text);
      learnCloseCodes(message.closeCodes);
      closeForm.offer(message.closeCodes);
      wireStrip.watch(message.wireId);
      break;
    case "people":
      people.show(message.people, myId);
      name.value = message.people.find(({ id }) => id === myId)?.name ?? name.value;
      break;
    case "said":
      people.stoppedTyping(message.from.id);
      transcript.addText(message.from, message.atMs, message.text, message.from.id === myId);
      break;
    case "image":
      announced = message;
      break;
    case "typing":
      people.startedTyping(message.from);
      break;
    case "latency":
      byId("latency", HTMLElement).textContent = `${message.ms.toFixed(1)} ms`;
      break;
    case "refused":
      transcript.addNotice(message.why);
  }
}
