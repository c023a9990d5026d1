// Runs in a page: two engines of hawser/protocol, joined by memory, in a browser and with nothing of Node.
import {
  acceptHead,
  acceptKey,
  CloseCode,
  Engine,
  engineConfig,
  HeadParser,
  Opcode,
  portableHost,
  readRequest,
  requestHead,
} from "hawser/protocol";

interface End {
  readonly engine: Engine<End>;
  readonly messages: string[];
  readonly other: { end?: End };
  readonly room: { bytes: Uint8Array; position: number };
}

function makeEnd(role: "client" | "server", other: { end?: End }): End {
  const host = portableHost({
    randomMask: () => crypto.getRandomValues(new Int32Array(1))[0]!,
    nowMs: () => performance.now(),
  });
  const deliver = (end: End, bytes: Uint8Array): void => void end.other.end?.engine.receive(bytes.slice());
  const config = engineConfig<End>({
    role,
    host,
    handler: {
      reserve(end, byteLength) {
        end.room.bytes = new Uint8Array(byteLength);
        return end.room;
      },
      commit: (end, until) => deliver(end, end.room.bytes.subarray(0, until)),
      write: deliver,
      message(end, opcode, bytes, start, until) {
        const text = host.utf8Decode(bytes, start, until);
        end.messages.push(text);
        if (role === "server") end.engine.send(`echo: ${text}`, opcode);
      },
      messageChunk() {},
      ping: () => true,
      pong() {},
      closing() {},
      disconnect() {},
      deadlineChanged() {},
    },
  });
  const end: { -readonly [Name in keyof End]: End[Name] } = {
    engine: undefined as never,
    messages: [],
    other,
    room: { bytes: new Uint8Array(0), position: 0 },
  };
  end.engine = new Engine(config, end);
  return end;
}

/** A handshake, an echo and a close, both sides in this page. */
export async function run(): Promise<{
  accept: string;
  messages: string[];
  wasClean: boolean;
  code: number;
}> {
  const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
  const head = new HeadParser("request").push(
    new TextEncoder().encode(requestHead({ target: "/", host: "example.test", key })),
  );
  if (!head?.ok) throw new Error("the head was not read");
  const request = readRequest(head.head);
  if (request instanceof Error) throw request;
  let hashed = "";
  acceptKey(request.key, (text) => (hashed = text));
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(hashed));
  const accept = acceptHead({ acceptKey: btoa(String.fromCharCode(...new Uint8Array(digest))) });

  const toServer: { end?: End } = {};
  const toClient: { end?: End } = {};
  const client = makeEnd("client", toServer);
  const server = makeEnd("server", toClient);
  toServer.end = server;
  toClient.end = client;
  client.engine.send("hé😀", Opcode.text);
  client.engine.close(CloseCode.normal, "done");
  const { wasClean, code } = server.engine.transportClosed();
  return { accept, messages: [...server.messages, ...client.messages], wasClean, code };
}

Object.assign(globalThis, { run });
