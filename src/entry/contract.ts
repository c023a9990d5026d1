// hawser/contract: what a client and a server say to each other, typed and checked. Runs wherever JavaScript runs.
export type { Codec, Encoded } from "../codec/codec.js";
export { CodecError } from "../codec/codec-error.js";
export { DEFAULT_JSON_OPTIONS, type JsonOptions, json } from "../codec/json.js";
export type {
  SchemaInput,
  SchemaIssue,
  SchemaOutput,
  SchemaResult,
  StandardSchema,
} from "../codec/standard-schema.js";
export type { CallErrorCode, CodecErrorCode } from "../core/error-codes.js";
export { HawserError, UsageError } from "../core/hawser-error.js";
export { type Attempt, attempt, isErrorOf } from "../rpc/attempt.js";
export { call, clientCall } from "../rpc/call.js";
export { CallError, type CallIssue } from "../rpc/call-error.js";
export { DEFAULT_LEDGER_LIMITS, type LedgerLimits } from "../rpc/call-ledgers.js";
export type { Clock } from "../rpc/clock.js";
export { defineContract } from "../rpc/contract.js";
export { type ContractClient, type ContractClientOptions, contractClient } from "../rpc/contract-client.js";
export type { SideOptions } from "../rpc/contract-side.js";
export type {
  CallContext,
  CallFunction,
  CallHandler,
  CallPromise,
  CallSettings,
  CallsOf,
  DeclaredErrorsOf,
  EmittersOf,
  ErrorOf,
  EventContext,
  EventEncodersOf,
  HandlerContext,
  HandlersOf,
  ListenersOf,
  OtherRole,
  Remote,
  StreamContext,
  StreamFunction,
  StreamHandler,
  StreamSettings,
  StreamsOf,
  Values,
} from "../rpc/contract-types.js";
export { DeclaredError } from "../rpc/declared-error.js";
export type {
  CallDefinition,
  CallDefinitions,
  CallOptions,
  Contract,
  ContractOptions,
  DirectedEvent,
  ErrorDefinitions,
  EventDefinitions,
  NoDefinitions,
  NoSchema,
  Role,
  StreamDefinition,
  StreamDefinitions,
  StreamOptions,
} from "../rpc/definitions.js";
export { toClient, toServer } from "../rpc/directed-event.js";
export { type Implementation, type ImplementOptions, implement } from "../rpc/implement.js";
export type { RemoteStream } from "../rpc/remote-stream.js";
export { DEFAULT_RPC_LIMITS, type RpcLimits } from "../rpc/rpc-limits.js";
export { clientStream, stream } from "../rpc/stream.js";
export type { Peer, PeerSource, SendStatus } from "../session/peer-port.js";
