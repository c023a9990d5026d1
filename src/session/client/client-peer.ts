import { UsageError } from "../../core/hawser-error.js";
import type { ClientConfig, ClientHandler, ClientIncoming } from "../machine/client-config.js";
import { type ClientMachine, clientMachine } from "../machine/client-machine.js";
import type { Peer, PeerReceiver, PeerStateListener, SessionEnd } from "../peer-port.js";
import { BAD_MESSAGE_CODE, FORBIDDEN_CODE } from "../wire/session-code.js";
import { eachOf, listen } from "./listen.js";

/** What a {@link ClientPeer} and its channels see to: the rest of the handler is for whoever has it. */
type OfChannels = "message" | "channelOpened" | "channelClosed" | "channelRefused";

/** Whoever has the sessions of a client, one after the other. */
export interface PeerOwner extends Omit<ClientHandler, OfChannels> {
  /** Calls what is the application's. What it throws is reported; it returns undefined then. */
  guard<T>(call: () => T): T | undefined;
  /** Tells it something, and waits for nothing. */
  tell(call: () => unknown): void;
  /** All that was received before the end was handed over. */
  finished(end: SessionEnd): void;
  /** What a receiver promised, in vain. */
  report(error: unknown): void;
}

/** One session of a client, from its beginning to its end; behind a reset another one follows. */
export interface ClientPeer extends Peer {
  /** The session itself. */
  readonly machine: ClientMachine;
  /** Resolves when it has ended. */
  readonly ended: Promise<SessionEnd>;
  /** The state is another one. */
  tellState(state: Peer["state"]): void;
  /**
   * The session has ended. What was confirmed counts as delivered, so it is handed over before anybody hears of that; but
   * not if its receivers take too long (`isLate`).
   */
  finish(end: SessionEnd | undefined, isLate?: boolean): void;
}

/** Makes one session of a client. `failures` as {@link clientMachine} takes it. */
export function clientPeer(
  config: Omit<ClientConfig, "handler">,
  failures: number,
  owner: PeerOwner,
  known: ReadonlyMap<string, PeerReceiver>,
): ClientPeer {
  const { guard, tell, report } = owner;
  const receivers = new Map(known);
  const listeners = new Set<PeerStateListener>();
  /** How many messages and ends wait for what a receiver promised. */
  let holding = 0;
  let end: SessionEnd | undefined;
  let state: Peer["state"] = "suspended";
  let resolve: (end: SessionEnd) => void;
  const ended = new Promise<SessionEnd>((settle) => {
    resolve = settle;
  });

  const receiverOf = (name: string): PeerReceiver | undefined => receivers.get(name) ?? receivers.get("*");

  const tellEnded = (name: string): unknown => receiverOf(name)?.ended?.(name);

  /** Does something when all before it on this channel is done; whether it is done with already. */
  const inTurn = (channel: ClientIncoming, run: () => unknown, byteLength: number): boolean => {
    const before = channel.turns;
    let wanted = run;
    if (!before) {
      const result = guard(run);
      if (typeof result !== "object") return true;
      wanted = () => result;
    }
    const wait = async (): Promise<void> => {
      try {
        await before;
        if (state !== "closed") await wanted(); // else the end was told already
      } catch (error) {
        report(error);
      }
      channel.taken(byteLength);
      if (channel.turns === turn) channel.turns = undefined;
      holding--;
      finish(end);
    };
    holding++;
    const turn = wait();
    channel.turns = turn;
    return false;
  };

  const handler: ClientHandler = {
    ...owner,
    message(channel, isText, bytes, start, stop, id) {
      const { name } = channel;
      const data = isText ? host.utf8Decode(bytes, start, stop) : host.allocate(stop - start);
      if (data === undefined) {
        machine.end(BAD_MESSAGE_CODE, "text that is not UTF-8");
        return true;
      }
      if (typeof data !== "string") data.set(bytes.subarray(start, stop));
      const run = (): unknown => {
        const receiver = receiverOf(name);
        if (!receiver) channel.refuse(FORBIDDEN_CODE);
        // What waited while its channel was refused is not taken, either.
        return channel.isRefused ? undefined : receiver?.message(data, id, name);
      };
      return inTurn(channel, run, stop - start);
    },
    channelOpened(channel) {
      if (!receiverOf(channel.name)) channel.refuse(FORBIDDEN_CODE);
    },
    // Whoever has come since it was refused is not at the end of anything.
    channelClosed: (channel) => void inTurn(channel, () => channel.isRefused || tellEnded(channel.name), 0),
    channelRefused: ({ name }, code) =>
      tell(() => {
        const receiver = receiverOf(name);
        if (receiver?.refused) return receiver.refused(name);
        throw new UsageError("CHANNEL_REFUSED", `channel "${name}" was refused with ${code}`);
      }),
  };
  const { host } = config;
  const machine = clientMachine({ ...config, handler }, failures);

  const tellState = (next: Peer["state"]): void => {
    state = next;
    eachOf(listeners, (listener) => tell(() => listener(state, end)));
  };

  const finish = (ending: SessionEnd | undefined, isLate = false): void => {
    end = ending;
    if (!end || state === "closed") return;
    // Nothing leaves any more, but what came is not all handed over.
    state = "suspended";
    if (holding > 0 && !isLate) return;
    state = "closed";
    for (const name of receivers.keys()) tell(() => tellEnded(name));
    tellState(state);
    resolve(end);
    owner.finished(end);
  };

  return {
    machine,
    ended,
    tellState,
    finish,
    id: [...machine.id].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    get state() {
      return state;
    },
    get roundTripMs() {
      return machine.roundTripMs();
    },
    channel: machine.channel,
    receive(name, receiver) {
      if (receiver) receivers.set(name, receiver);
      else receivers.delete(name);
    },
    onState: (listener) => listen(listeners, listener),
    close(code, reason) {
      machine.close(code, reason);
      machine.retryNow(); // what was sent is to arrive before the time is over
      return ended;
    },
  };
}
