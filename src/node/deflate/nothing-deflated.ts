import { Buffer } from "node:buffer";

/** What nothing deflates to: an empty block, flushed. A deflater gives out nothing, since there is nothing to flush. */
export const NOTHING_DEFLATED: Buffer = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);
