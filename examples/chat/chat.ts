// The endpoint /chat: who is here, and what they say.
import { isCloseCodeAllowed } from "hawser/protocol";
import { accept, CloseCode, closeCodeName, endpoint, type ServerConnection } from "hawser/server";
import { imageTypeOf } from "./image-type.js";
import { type CloseCodeInWords, MAX_IMAGE_BYTES, type Person, type ServerMessage } from "./messages.js";
import { cleanName, readClientMessage } from "./read-client-message.js";
import { wireIdOf } from "./wire.js";

/** A tab. Its `data` is what the `upgrade` hook accepted it with. */
type ChatSocket = ServerConnection<Person>;

const room = new Set<ChatSocket>();
let lastId = 0;

const closeCodes: readonly CloseCodeInWords[] = [...Object.values(CloseCode), 3000, 4000].map((code) => ({
  code,
  name: closeCodeName(code),
  canBeSent: isCloseCodeAllowed(code, "server"),
}));

export const chat = endpoint<Person>({
  maxMessageBytes: MAX_IMAGE_BYTES, // a larger one is refused with 1009, before it is read
  pingIntervalMs: 10_000, // often, so that heartbeats can be seen
  compression: true,
  compressFromBytes: 256,

  upgrade(request) {
    return accept({ id: ++lastId, name: cleanName(request.query.get("name") ?? "") });
  },

  open(socket) {
    room.add(socket);
    tell(socket, {
      type: "welcome",
      text: `Welcome, ${socket.data.name}! Whoever has this page open can read what you write.`,
      you: socket.data,
      wireId: wireIdOf(socket),
      closeCodes,
    });
    tellWhoIsHere();
  },

  message(socket, data, isBinary) {
    if (typeof data === "string") onText(socket, data);
    else if (isBinary) onImage(socket, data);
  },

  pong(socket, _data, roundTripMs) {
    if (roundTripMs !== undefined) tell(socket, { type: "latency", ms: roundTripMs });
  },

  close(socket) {
    room.delete(socket);
    tellWhoIsHere();
  },
});

function onText(socket: ChatSocket, json: string): void {
  const message = readClientMessage(json);
  switch (message?.type) {
    case "say":
      tellAll({ type: "said", from: socket.data, atMs: Date.now(), text: message.text });
      break;
    case "typing":
      for (const other of room) if (other !== socket) tell(other, { type: "typing", from: socket.data });
      break;
    case "rename":
      socket.data = { id: socket.data.id, name: message.name };
      tellWhoIsHere();
      break;
    case "ping":
      void socket.ping(); // the answer comes to the pong handler
      break;
    case "close":
      void socket.close(message.code, message.reason);
      break;
    case undefined:
      void socket.close(CloseCode.policyViolation, "not a message of this chat");
  }
}

function onImage(socket: ChatSocket, bytes: Buffer): void {
  const imageType = imageTypeOf(bytes);
  if (imageType === undefined) {
    tell(socket, { type: "refused", why: "That is not a PNG, JPEG, GIF or WebP image." });
    return;
  }
  tellAll({ type: "image", from: socket.data, atMs: Date.now(), imageType });
  for (const other of room) other.send(bytes, { compress: false }); // images are compressed already
}

function tellWhoIsHere(): void {
  tellAll({ type: "people", people: [...room].map((socket) => socket.data) });
}

function tellAll(message: ServerMessage): void {
  for (const socket of room) tell(socket, message);
}

function tell(socket: ChatSocket, message: ServerMessage): void {
  socket.send(JSON.stringify(message));
}
