// What both machines go by, whichever side they are.

/** What a message or record counts beside its bytes, in every limit: about what its bookkeeping takes. */
export const MESSAGE_COST = 64;
/** The longest name of a channel, in bytes. */
export const MAX_NAME_BYTES = 256;
/**
 * Channels above `maxChannels` are refused, and their sender closes them. Whoever has so many times as many that were refused has
 * not heard of that, or does not want to.
 */
export const REFUSED_CHANNELS = 4;
/** The longest signal, in bytes. */
export const MAX_SIGNAL_BYTES = 8_192;
