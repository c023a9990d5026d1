/** A part of `src/`, and what the files in it may depend on. */
export interface Layer {
  /**
   * The directory below `src/`, or the single file without its `.ts`. A file belongs to the layer with the longest
   * path that fits, so a port that is one file of a directory can be a layer of its own.
   */
  readonly path: string;
  /** The layers whose files may be imported; a layer may always import itself. */
  readonly mayImport: readonly string[] | "every layer";
  /** The layers of which only types may be imported (`import type`). */
  readonly mayImportTypesOf?: readonly string[];
  /** Whether it runs on Node only, so that `node:` modules may be imported. Default: false. */
  readonly onNode?: boolean;
  /** Whether it uses this package as a stranger would: by its name, never by a path. Default: false. */
  readonly byPackageName?: boolean;
  /** Packages that it may import: peer dependencies that are optional. Default: none. */
  readonly packages?: readonly string[];
  /**
   * Whether time and randomness come from the caller, so that every run can be replayed; then the clock and
   * `Math.random` are banned. Default: false.
   */
  readonly sansIo?: boolean;
  /** Whether its files are the public subpaths: the only barrels, imported by no other file. Default: false. */
  readonly publicEntry?: boolean;
}

/** The layer table of Hawser, lowest first. What is not allowed here is an error of `check-layers`. */
export const LAYERS: readonly Layer[] = [
  { path: "core", mayImport: [], sansIo: true },

  { path: "protocol", mayImport: ["core"], sansIo: true },
  { path: "codec", mayImport: ["core"], sansIo: true },
  { path: "session/wire", mayImport: ["core"], sansIo: true },
  {
    path: "session/machine",
    mayImport: ["core", "session/wire", "session/transport-port", "session/peer-port"],
    mayImportTypesOf: ["codec"],
    sansIo: true,
  },

  // Ports: the interfaces at which the layers above and below meet.
  { path: "session/transport-port", mayImport: ["core"], sansIo: true },
  { path: "session/peer-port", mayImport: ["core"], sansIo: true },
  { path: "session/client-host-port", mayImport: [], mayImportTypesOf: ["session/machine"], sansIo: true },
  { path: "pubsub/broker-port", mayImport: ["core"] },

  {
    path: "node",
    mayImport: ["core", "protocol", "session/wire", "session/transport-port", "pubsub/broker-port"],
    mayImportTypesOf: ["session/client-host-port"],
    onNode: true,
  },
  {
    path: "web",
    mayImport: ["core", "protocol", "session/wire", "session/transport-port"],
    mayImportTypesOf: ["session/client-host-port"],
  },

  // Transports and requests between the nodes of an application, through a broker.
  {
    path: "session/relay",
    mayImport: ["core", "session/wire", "session/transport-port", "pubsub/broker-port"],
    sansIo: true,
  },

  // A session for an application, whichever side it is.
  {
    path: "session/peer",
    mayImport: ["core", "session/wire", "session/machine", "session/transport-port", "session/peer-port"],
    sansIo: true,
  },
  ...["session/client", "session/server"].map((path) => ({
    path,
    mayImport: [
      "core",
      "codec",
      "session/wire",
      "session/machine",
      "session/peer",
      "session/transport-port",
      "session/peer-port",
    ],
    mayImportTypesOf: ["session/client-host-port"],
  })),

  // Where the transports of a platform and the client of sessions meet.
  { path: "session/universal/session-url", mayImport: ["core"] },
  {
    path: "session/universal/transports-by-name",
    mayImport: ["core"],
    mayImportTypesOf: ["session/transport-port"],
  },
  {
    path: "session/universal/connect-web",
    mayImport: [
      "core",
      "web",
      "session/client",
      "session/transport-port",
      "session/universal/session-url",
      "session/universal/transports-by-name",
    ],
  },
  {
    path: "session/universal/connect-node",
    mayImport: [
      "core",
      "web",
      "node",
      "session/client",
      "session/transport-port",
      "session/universal/session-url",
      "session/universal/transports-by-name",
    ],
    onNode: true,
  },

  // Hooks for React, over what pages import.
  { path: "react", mayImport: [], byPackageName: true, packages: ["react"] },

  // Where transports of Node and sessions meet.
  {
    path: "hub",
    mayImport: [
      "core",
      "protocol",
      "node",
      "session/wire",
      "session/machine",
      "session/relay",
      "session/server",
      "session/transport-port",
      "session/peer-port",
      "pubsub/broker-port",
    ],
    onNode: true,
  },

  { path: "rpc", mayImport: ["core", "codec", "session/peer-port"] },
  { path: "pubsub", mayImport: ["core", "codec", "session/peer-port", "pubsub/broker-port"] },

  { path: "brokers/memory", mayImport: ["core", "pubsub/broker-port"] },
  { path: "brokers/cluster", mayImport: ["core", "pubsub/broker-port"], onNode: true },
  { path: "brokers/redis", mayImport: ["core", "pubsub/broker-port"] },
  { path: "brokers/nats", mayImport: ["core", "pubsub/broker-port"] },

  // The workers of `node:cluster` with one port: started, replaced, ended.
  { path: "cluster", mayImport: ["core", "node", "brokers/cluster"], onNode: true },

  // A drop-in promises another's behaviour frame by frame, so it has the engine in its own hands.
  {
    path: "compat/ws",
    mayImport: ["core", "protocol", "node"],
    onNode: true,
  },
  ...["compat/socketio", "inspector", "metrics"].map((path) => ({
    path,
    mayImport: ["core", "node", "session/transport-port", "session/peer-port", "pubsub/broker-port"],
  })),

  // Nothing of the engine: one misreading must not hide in the suite and in what it tests.
  { path: "conformance", mayImport: ["core"], onNode: true },
  // Raw sockets and frames of its own: a generator that shared code with what it measures would be measured along.
  { path: "bench", mayImport: ["core"], onNode: true },
  // The generator has no public subpath: it is for the command, and for this repository's benchmarks.
  { path: "cli", mayImport: ["bench"], byPackageName: true, onNode: true },
  {
    path: "testing",
    mayImport: [
      "core",
      "protocol",
      "codec",
      "session/wire",
      "session/machine",
      "session/transport-port",
      "session/peer-port",
      "session/client",
      "session/server",
    ],
    onNode: true,
  },
  { path: "entry", mayImport: "every layer", publicEntry: true },
];

/** The layer that a path below `src/` belongs to, such as `core` for `core/byte-queue.ts`. */
export function layerOf(path: string, layers: readonly Layer[] = LAYERS): Layer | undefined {
  const name = path.replace(/\.c?ts$/, "");
  let found: Layer | undefined;
  for (const layer of layers) {
    const fits = name === layer.path || name.startsWith(`${layer.path}/`);
    if (fits && layer.path.length > (found?.path.length ?? 0)) found = layer;
  }
  return found;
}
