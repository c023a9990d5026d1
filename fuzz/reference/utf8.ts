/** Whether these bytes are UTF-8, or, without `complete`, can become it by adding more. Asks the platform's decoder. */
export function isUtf8(bytes: Uint8Array, complete: boolean): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !complete });
    return true;
  } catch {
    return false;
  }
}
