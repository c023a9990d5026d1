import type { Session } from "hawser";
import { NUMBERS_CHANNEL, NUMBERS_INTERVAL_MS, type NumberedMessage } from "../messages.js";
import { type NumberCounts, NumberTally } from "../number-tally.js";
import { byId } from "./element.js";

const NOTHING: NumberCounts = { arrived: 0, lost: 0, doubled: 0, reordered: 0 };

/** Numbered messages each way, and what became of them: the proof that nothing is lost, doubled or out of order. */
export class Numbers {
  readonly #session: Session;
  readonly #onChange: (isOn: boolean) => void;
  readonly #switch = byId("traffic", HTMLButtonElement);
  #down = new NumberTally();
  /** What the server has seen of ours. */
  #up = NOTHING;
  #sent = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param onChange whether the server is to send, too. */
  constructor(session: Session, onChange: (isOn: boolean) => void) {
    this.#session = session;
    this.#onChange = onChange;
    this.#switch.onclick = () => this.#set(!this.isOn);
    session.receive(NUMBERS_CHANNEL, {
      message: (data) => {
        const { number, seen } = JSON.parse(String(data)) as NumberedMessage;
        this.#down.take(number);
        this.#up = seen;
        this.#show();
        return undefined;
      },
    });
    session.onPeer(() => this.#beginAgain());
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  #set(isOn: boolean): void {
    clearInterval(this.#timer);
    this.#timer = isOn ? setInterval(() => this.#send(), NUMBERS_INTERVAL_MS) : undefined;
    this.#switch.ariaChecked = String(isOn);
    this.#onChange(isOn);
  }

  /** A session begins, and in each both sides begin at one. */
  #beginAgain(): void {
    this.#down = new NumberTally();
    this.#up = NOTHING;
    this.#sent = 0;
    if (this.isOn) this.#onChange(true);
    this.#show();
  }

  #send(): void {
    const status = this.#session.channel(NUMBERS_CHANNEL).send(String(this.#sent + 1));
    // One that has no room is not sent, and its number is the next one's.
    if (status === "sent" || status === "queued") this.#sent++;
    this.#show();
  }

  #show(): void {
    show("up", this.#up, this.#sent);
    show("down", this.#down.counts, undefined);
  }
}

function show(way: "up" | "down", counts: NumberCounts, sent: number | undefined): void {
  const arrived = counts.arrived.toLocaleString("en");
  byId(`${way}-arrived`, HTMLElement).textContent =
    sent === undefined ? arrived : `${arrived} of ${sent.toLocaleString("en")}`;
  for (const name of ["lost", "doubled", "reordered"] as const) {
    const cell = byId(`${way}-${name}`, HTMLElement);
    cell.textContent = String(counts[name]);
    cell.classList.toggle("bad", counts[name] > 0);
  }
}
