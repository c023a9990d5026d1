import { byId } from "./element.js";

/** Whom the buttons tell. */
export interface BreakItListener {
  cut(): void;
  block(isBlocked: boolean): void;
  offline(isOffline: boolean): void;
}

/** The buttons that break what carries the session. */
export class BreakIt {
  readonly #block = byId("block", HTMLButtonElement);
  readonly #offline = byId("offline", HTMLButtonElement);

  constructor(listener: BreakItListener) {
    byId("cut", HTMLButtonElement).onclick = () => listener.cut();
    this.#block.onclick = () => listener.block(this.#block.ariaPressed !== "true");
    this.#offline.onclick = () => {
      const isOffline = this.#offline.ariaPressed !== "true";
      this.#offline.ariaPressed = String(isOffline);
      this.#offline.textContent = isOffline ? "Go online" : "Go offline";
      listener.offline(isOffline);
    };
  }

  /** What the server says it does. */
  set isBlocked(isBlocked: boolean) {
    this.#block.ariaPressed = String(isBlocked);
    this.#block.textContent = isBlocked ? "Unblock WebSocket" : "Block WebSocket";
  }
}
