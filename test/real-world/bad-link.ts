import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { projectPath } from "#scripts/project-root.js";
import { Inbox, PATIENCE_MS } from "../support/inbox.js";
import { withTimeout } from "../support/with-timeout.js";
import type { LinkAnswer, LinkCall } from "./link-calls.js";

const PROGRAM = projectPath("testbed", "bad_link.py");
/** The exit code of the probe where the machine forbids it. */
const IMPOSSIBLE = 77;

/** The address of the server; the client has the next one. */
export const SERVER = "10.9.0.1";
const CLIENT = "10.9.0.2";

/** What happens to the packets of both directions. */
export interface LinkState {
  readonly delay_ms?: number;
  /** The share that is lost. */
  readonly loss?: number;
  readonly is_up?: boolean;
  /** Have the packet with data behind so many others lost, and both ends told that the connection is reset. */
  readonly reset_after?: number | null;
}

/** Why this machine lets nobody make network namespaces; undefined where it does. Any other failure is one. */
export function linkObstacle(python: string): string | undefined {
  const { status, stdout, stderr } = spawnSync(python, [PROGRAM, "--probe"], { encoding: "utf8" });
  if (status === 0) return undefined;
  if (status === IMPOSSIBLE) return stdout.trim();
  throw new Error(`${PROGRAM} --probe: exit code ${status}: ${stderr}`);
}

/** A process in a network namespace of its own, which does what it is asked. */
export class LinkEnd {
  readonly process: ChildProcess;
  readonly #waiting = new Map<number, (answer: LinkAnswer) => void>();
  #lastId = 0;

  constructor(program: "link-server" | "link-client") {
    const path = fileURLToPath(new URL(`${program}.js`, import.meta.url));
    // `unshare` becomes the program itself, so the namespace goes with it.
    this.process = spawn("unshare", ["--net", process.execPath, path], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.process.on("message", (answer: LinkAnswer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** Resolves when it is there to be asked. */
  async started(): Promise<void> {
    const started = new Promise<LinkAnswer>((resolve) => this.#waiting.set(0, resolve));
    await withTimeout(started, PATIENCE_MS, "the start of an end of the link");
  }

  async call<T>(method: string, ...values: readonly unknown[]): Promise<T> {
    const id = ++this.#lastId;
    const answer = new Promise<LinkAnswer>((resolve) => this.#waiting.set(id, resolve));
    this.process.send({ id, method, values } satisfies LinkCall);
    const { value, error } = await withTimeout(answer, 2 * PATIENCE_MS, `the answer to ${method}`);
    if (error !== undefined) throw new Error(error);
    return value as T;
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, "exit");
    this.process.disconnect();
    await withTimeout(exited, PATIENCE_MS, "the end of an end of the link");
  }
}

/** A link between two processes that does to packets what it is told. */
export class BadLink {
  readonly server: LinkEnd;
  readonly client: LinkEnd;
  readonly #link: ChildProcess;
  readonly #answers = new Inbox<string>("answer of the link");

  private constructor(server: LinkEnd, client: LinkEnd, python: string) {
    this.server = server;
    this.client = client;
    const ends = [String(server.process.pid), SERVER, String(client.process.pid), CLIENT];
    this.#link = spawn(python, [PROGRAM, ...ends], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface(this.#link.stdout!).on("line", (line) => this.#answers.push(line));
  }

  static async start(python: string): Promise<BadLink> {
    const [server, client] = [new LinkEnd("link-server"), new LinkEnd("link-client")];
    await Promise.all([server.started(), client.started()]);
    const link = new BadLink(server, client, python);
    await link.#answers.next();
    return link;
  }

  /** Resolves when it is so. */
  async set(state: LinkState): Promise<void> {
    this.#link.stdin!.write(`${JSON.stringify(state)}\n`);
    await this.#answers.next();
  }

  async end(): Promise<void> {
    await Promise.all([this.server.end(), this.client.end()]);
    const exited = once(this.#link, "exit");
    this.#link.stdin!.end();
    await withTimeout(exited, PATIENCE_MS, "the end of the link");
  }
}
