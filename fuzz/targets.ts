import type { FuzzTarget } from "./fuzz-target.js";
import { clientHandshakeTarget } from "./targets/client-handshake.js";
import { closeTarget } from "./targets/close.js";
import { deflateTarget } from "./targets/deflate.js";
import { engineTarget } from "./targets/engine.js";
import { inflateTarget } from "./targets/inflate.js";
import { roundTripTarget } from "./targets/round-trip.js";
import { serveTarget } from "./targets/serve.js";
import { serverHandshakeTarget } from "./targets/server-handshake.js";
import { sessionTarget } from "./targets/session.js";
import { wsDifferenceTarget } from "./targets/ws-difference.js";

/** Everything that is fuzzed. */
export function allTargets(): FuzzTarget[] {
  return [
    serverHandshakeTarget(),
    clientHandshakeTarget(),
    engineTarget("engine-server"),
    engineTarget("engine-client"),
    engineTarget("engine-deflate"),
    inflateTarget(),
    deflateTarget(),
    closeTarget(),
    roundTripTarget(),
    wsDifferenceTarget(),
    serveTarget(),
    sessionTarget(),
  ];
}
