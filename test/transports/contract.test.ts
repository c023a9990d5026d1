import { after, before, describe } from "node:test";
import { serve } from "hawser/server";
import { SESSION_SUBPROTOCOL } from "#node/session-subprotocol.js";
import { HttpTransports } from "#node/transports/http-transports.js";
import { SESSION_CONNECTION_OPTIONS, webSocketHandlers } from "#node/transports/websocket-transport.js";
import type { Transport, TransportName, TransportReceiver } from "#session/transport-port.js";
import { transportContract } from "../contracts/transport-contract.js";
import { leakCheck } from "../support/leak-check.js";
import { DIALERS } from "../support/session/test-session.js";
import { until } from "../support/until.js";

/** A server that does nothing with its transports but to hand them out. */
async function transportServer(receivers: () => TransportReceiver) {
  const opened: Transport[] = [];
  const accept = (transport: Transport): void => {
    transport.receiver = receivers();
    opened.push(transport);
  };
  const http = new HttpTransports({
    transports: new Set<TransportName>(["stream", "sse", "long-polling", "polling"]),
    maxTransports: 100,
    maxBodyBytes: 1_000_000,
    allowsCookies: false,
    opened: accept,
  });
  const server = await serve({
    ...SESSION_CONNECTION_OPTIONS,
    ...webSocketHandlers(accept),
    protocols: [SESSION_SUBPROTOCOL],
    http: (incoming, response, { request, origins }) => http.handle(incoming, response, request, origins),
  });
  return { server, opened };
}

for (const [name, dialer] of DIALERS) {
  describe(`transport: ${name}`, () => {
    let next: TransportReceiver;
    let serving: Awaited<ReturnType<typeof transportServer>>;
    before(async () => {
      serving = await transportServer(() => next);
    });
    after(() => serving.server.shutdown());
    after(leakCheck());

    transportContract(async (clientReceiver, serverReceiver) => {
      const { server, opened } = serving;
      next = serverReceiver;
      const count = opened.length;
      const client = await dialer.dial(server.url);
      client.receiver = clientReceiver;
      client.send(Buffer.from([2]), 0, 1);
      await until(() => opened.length > count, "the server has it");
      return { client, server: opened[count]!, cut: () => client.cut() };
    });
  });
}
