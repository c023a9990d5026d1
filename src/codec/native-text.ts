/** What is used of the Encoding Standard (WHATWG): its classes are in every runtime, but not in the language's library. */
interface EncodingPlatform {
  readonly TextEncoder: new () => {
    encode(text: string): Uint8Array;
    encodeInto(text: string, bytes: Uint8Array): { readonly read: number; readonly written: number };
  };
  readonly TextDecoder: new (
    label: string,
    options: { fatal: boolean; ignoreBOM: boolean },
  ) => { decode(bytes: Uint8Array): string };
}

const platform = globalThis as unknown as EncodingPlatform;

/** Writes UTF-8; a lone surrogate becomes U+FFFD. */
export const textEncoder: InstanceType<EncodingPlatform["TextEncoder"]> =
  /* @__PURE__ */ new platform.TextEncoder();

/** Reads UTF-8, throws for what is not, and leaves a byte order mark in the text. */
export const textDecoder: InstanceType<EncodingPlatform["TextDecoder"]> =
  /* @__PURE__ */ new platform.TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
