import type { Person } from "../messages.js";
import { element } from "./element.js";

/** Neighbouring ids get colours far apart: the golden angle goes around the circle without ever meeting itself. */
const GOLDEN_ANGLE = 137.5;

/** A round badge with the first letter of the name. */
export function avatar({ id, name }: Person): HTMLElement {
  const badge = element("span", "avatar", [...name][0]?.toUpperCase() ?? "");
  badge.style.setProperty("--hue", String((200 + id * GOLDEN_ANGLE) % 360));
  badge.ariaHidden = "true";
  return badge;
}
