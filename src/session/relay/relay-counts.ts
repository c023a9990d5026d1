/** What was relayed between the nodes of an application. All 0 without a broker. */
export interface RelayCounts {
  /** The transports of clients that are here just now, whose sessions are at other nodes. */
  readonly gates: number;
  /** The transports of clients at other nodes just now, whose sessions are here. */
  readonly served: number;
  /** How many transports of other nodes came here. */
  readonly relayed: number;
  /** How many were given up, on either side: the broker lost something, or a node was gone. Their clients came back. */
  readonly lost: number;
  /** How many requests came here for HTTP transports of other nodes. */
  readonly requests: number;
  /** How many messages of the broker were thrown away: not a relay's, without the right proof, or against the rules. */
  readonly malformed: number;
}

/** Where nothing is relayed. */
export const NO_RELAYS: RelayCounts = {
  gates: 0,
  served: 0,
  relayed: 0,
  lost: 0,
  requests: 0,
  malformed: 0,
};
