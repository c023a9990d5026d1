import { byId, element } from "./element.js";

/** A row of values of which one is chosen, in the fieldset with this id. */
export class Choice {
  value: number;

  constructor(id: string, values: readonly number[], value: number, changed: () => void) {
    this.value = value;
    const row = element("div", "choices");
    for (const each of values) {
      const input = element("input", "visually-hidden");
      input.type = "radio";
      input.name = id;
      input.checked = each === value;
      input.onchange = () => {
        this.value = each;
        changed();
      };
      row.append(element("label", "choice", input, element("span", "", each.toLocaleString("en"))));
    }
    byId(id, HTMLFieldSetElement).append(row);
  }
}
