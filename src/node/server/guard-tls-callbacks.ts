import type { ServerOptions as TlsServerOptions } from "node:https";
import { watchRejection } from "../connection/watch-rejection.js";
import { warnOf } from "../thrown-text.js";

/** Which of the options are functions that a client's TLS greeting calls. */
type TlsCallbacks = Pick<TlsServerOptions, "SNICallback" | "ALPNCallback" | "pskCallback">;

/**
 * The application's functions that TLS calls with what a client sent. Older versions of Node let an exception in one
 * end the process (CVE-2026-21637), newer ones hide it; here it ends the handshake of that client, and is told.
 */
export function guardTlsCallbacks(options: TlsServerOptions): TlsCallbacks {
  const { SNICallback, ALPNCallback, pskCallback } = options;
  return {
    ...(SNICallback !== undefined && {
      SNICallback(servername, done) {
        const failed = (error: unknown): void => {
          warnOf(error);
          done(error instanceof Error ? error : new Error("the SNICallback failed"));
        };
        try {
          // An async function fits the type, and its rejection would end the process as well.
          watchRejection(SNICallback(servername, done), failed);
        } catch (error) {
          failed(error);
        }
      },
    }),
    ...(ALPNCallback !== undefined && {
      ALPNCallback: (offered) => attempt(() => ALPNCallback(offered), undefined),
    }),
    ...(pskCallback !== undefined && {
      pskCallback: (socket, identity) => attempt(() => pskCallback(socket, identity), null),
    }),
  };
}

/** What `call` returns, or `refusal` if it throws. */
function attempt<T, R>(call: () => T, refusal: R): T | R {
  try {
    return call();
  } catch (error) {
    warnOf(error);
    return refusal;
  }
}
