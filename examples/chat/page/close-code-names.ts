import type { CloseCodeInWords } from "../messages.js";

/** The browser knows close codes only as numbers; the names come with the welcome. This one can be there before. */
const names = new Map<number, string>([[1006, "no connection"]]);

export function learnCloseCodes(codes: readonly CloseCodeInWords[]): void {
  for (const { code, name } of codes) names.set(code, name);
}

/** `1001 going away` */
export function closeCodeInWords(code: number): string {
  return `${code} ${names.get(code) ?? (code >= 4000 ? "private use" : "unnamed")}`;
}

/** ` “server shutting down”`; nothing if there is no reason. */
export function quoted(reason: string): string {
  return reason === "" ? "" : ` “${reason}”`;
}
