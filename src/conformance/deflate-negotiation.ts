import {
  type DeflateParameters,
  type Extension,
  extensionText,
  PERMESSAGE_DEFLATE,
  readAnswer,
  readExtensions,
} from "./deflate-parameters.js";
import { fieldValues, type HttpHead } from "./http-head.js";
import { CaseFailure, NotNegotiated } from "./outcome.js";

/** Parameters of permessage-deflate that a case wants. What is not named is left to the default of RFC 7692. */
export type DeflateWish = Partial<DeflateParameters>;

/** What a client offers to get what a case wants. That it can limit its own window costs nothing to say. */
export function deflateOffer(wish: DeflateWish): Extension {
  const parameters = new Map<string, string | undefined>();
  if (wish.serverNoContextTakeover) parameters.set("server_no_context_takeover", undefined);
  if (wish.clientNoContextTakeover) parameters.set("client_no_context_takeover", undefined);
  if (wish.serverMaxWindowBits) parameters.set("server_max_window_bits", String(wish.serverMaxWindowBits));
  const clientBits = wish.clientMaxWindowBits;
  parameters.set("client_max_window_bits", clientBits === undefined ? undefined : String(clientBits));
  return { name: PERMESSAGE_DEFLATE, parameters };
}

/** The permessage-deflate offers of a client. */
export function deflateOffersOf(request: HttpHead): Extension[] {
  const offered = fieldValues(request, "sec-websocket-extensions").join(", ");
  return (readExtensions(offered) ?? []).filter(({ name }) => name === PERMESSAGE_DEFLATE);
}

/** The answer of a server that wants the first of these wishes which an offer of the client allows. */
export function deflateAnswer(
  wishes: readonly DeflateWish[],
  offers: readonly Extension[],
): Extension | undefined {
  for (const wish of wishes) {
    for (const offer of offers) {
      const parameters = new Map(deflateOffer(wish).parameters);
      if (!wish.clientMaxWindowBits) parameters.delete("client_max_window_bits");
      if (offer.parameters.has("server_no_context_takeover"))
        parameters.set("server_no_context_takeover", undefined);
      const limit = offer.parameters.get("server_max_window_bits");
      if (limit !== undefined && !(Number(wish.serverMaxWindowBits) <= Number(limit))) {
        parameters.set("server_max_window_bits", limit);
      }
      const answer = { name: PERMESSAGE_DEFLATE, parameters };
      if (typeof readAnswer(answer, [offer]) !== "string") return answer;
    }
  }
  return undefined;
}

/**
 * What the server agreed on; undefined if nothing was offered and nothing chosen. Ends the case if the answer breaks a
 * rule, or does not take any of the offers.
 */
export function agreedDeflate(
  answer: HttpHead,
  offers: readonly Extension[] | undefined,
): DeflateParameters | undefined {
  const answered = fieldValues(answer, "sec-websocket-extensions").join(", ");
  const accepted = answered === "" ? [] : readExtensions(answered);
  if (accepted === undefined)
    throw new CaseFailure(`the server answers with malformed extensions: ${answered}`);
  const [extension, second] = accepted;
  if (extension === undefined) {
    if (offers === undefined) return undefined;
    throw new NotNegotiated(`the server does not accept ${offers.map(extensionText).join(", ")}`);
  }
  if (offers === undefined)
    throw new CaseFailure(`the server chose an extension, ${answered}; none was offered`);
  if (second !== undefined || extension.name !== PERMESSAGE_DEFLATE) {
    throw new CaseFailure(`the server chose extensions that were not offered: ${answered}`);
  }
  const parameters = readAnswer(extension, offers);
  if (typeof parameters === "string") throw new CaseFailure(`the server answers ${answered}: ${parameters}`);
  return parameters;
}
