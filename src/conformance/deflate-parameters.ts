/** The parameters of permessage-deflate (RFC 7692 §7.1). */
export interface DeflateParameters {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  /** 8 to 15. */
  readonly serverMaxWindowBits: number;
  /** 8 to 15. */
  readonly clientMaxWindowBits: number;
}

/** An extension as it stands in a header: its name, then its parameters; the value of one may be missing. */
export interface Extension {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string | undefined>;
}

/** The extension that is spoken of. */
export const PERMESSAGE_DEFLATE = "permessage-deflate";

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const PARAMETER = new RegExp(`^(${TOKEN})(?:\\s*=\\s*(?:(${TOKEN})|"(${TOKEN})"))?$`);

/** Reads `Sec-WebSocket-Extensions` (RFC 6455 §9.1). Undefined if it is malformed, or names a parameter twice. */
export function readExtensions(value: string): Extension[] | undefined {
  const extensions: Extension[] = [];
  for (const item of value.split(",")) {
    const [name = "", ...rest] = item.split(";").map((part) => part.trim());
    if (!new RegExp(`^${TOKEN}$`).test(name)) return undefined;
    const parameters = new Map<string, string | undefined>();
    for (const part of rest) {
      const [, key, token, quoted] = PARAMETER.exec(part) ?? [];
      if (key === undefined || parameters.has(key)) return undefined;
      parameters.set(key, token ?? quoted);
    }
    extensions.push({ name, parameters });
  }
  return extensions;
}

/** An extension as it stands in a header. */
export function extensionText({ name, parameters }: Extension): string {
  const parts = [...parameters].map(([key, value]) => (value === undefined ? key : `${key}=${value}`));
  return [name, ...parts].join("; ");
}

/** What a server's answer says; a string says which rule of RFC 7692 §7.1 it breaks. */
export function readAnswer(
  { parameters }: Extension,
  offers: readonly Extension[],
): DeflateParameters | string {
  for (const [key, value] of parameters) {
    const problem = parameterProblem(key, value);
    if (problem !== undefined) return problem;
  }
  const fits = offers.filter((offer) => offer.name === PERMESSAGE_DEFLATE && answersOffer(parameters, offer));
  if (fits.length === 0) return "the answer does not fit any of the offers";
  return parametersOf(parameters);
}

/** The parameters that an answer stands for. */
export function parametersOf(parameters: ReadonlyMap<string, string | undefined>): DeflateParameters {
  return {
    serverNoContextTakeover: parameters.has("server_no_context_takeover"),
    clientNoContextTakeover: parameters.has("client_no_context_takeover"),
    serverMaxWindowBits: Number(parameters.get("server_max_window_bits") ?? 15),
    clientMaxWindowBits: Number(parameters.get("client_max_window_bits") ?? 15),
  };
}

function parameterProblem(key: string, value: string | undefined): string | undefined {
  switch (key) {
    case "server_no_context_takeover":
    case "client_no_context_takeover":
      return value === undefined ? undefined : `${key} has a value`;
    case "server_max_window_bits":
    case "client_max_window_bits":
      return /^(?:[89]|1[0-5])$/.test(value ?? "") ? undefined : `${key} is not 8 to 15 but ${value}`;
    default:
      return `there is no parameter ${key}`;
  }
}

function answersOffer(answer: Extension["parameters"], { parameters: offer }: Extension): boolean {
  // §7.1.1.1: a server that accepts the offer has to say so.
  if (offer.has("server_no_context_takeover") && !answer.has("server_no_context_takeover")) return false;
  // §7.1.2.1: the same or a smaller window.
  if (offer.has("server_max_window_bits")) {
    if (!(Number(answer.get("server_max_window_bits")) <= Number(offer.get("server_max_window_bits"))))
      return false;
  }
  // §7.1.2.2: only where the client said that it can.
  if (answer.has("client_max_window_bits")) {
    if (!offer.has("client_max_window_bits")) return false;
    if (!(Number(answer.get("client_max_window_bits")) <= Number(offer.get("client_max_window_bits") ?? 15)))
      return false;
  }
  return true;
}
