// hawser/msgpack: MessagePack as the codec of a contract, apart from everything that does not need it.
export type { Codec, Encoded } from "../codec/codec.js";
export { CodecError } from "../codec/codec-error.js";
export { DEFAULT_MSGPACK_OPTIONS, type MsgpackOptions, msgpack } from "../codec/msgpack/msgpack.js";
export { MsgpackExt, type MsgpackExtension } from "../codec/msgpack/msgpack-extension.js";
