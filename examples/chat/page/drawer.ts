import { byId } from "./element.js";

/** What is behind the chat: beside it where there is room, and to be opened on a phone. */
export class Drawer {
  constructor() {
    const section = byId("behind", HTMLElement);
    const toggle = byId("behind-toggle", HTMLButtonElement);
    const expand = (isExpanded: boolean): void => {
      toggle.ariaExpanded = String(isExpanded);
      section.classList.toggle("collapsed", !isExpanded);
    };
    toggle.onclick = () => expand(toggle.ariaExpanded !== "true");
    expand(matchMedia("(min-width: 60rem)").matches); // on a phone the chat comes first
  }
}
