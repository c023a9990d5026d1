// Where everything is in the memory of the module. What is below OUTPUT is made once, or of use within one call only.

/** u8[256]: the symbol of a length, less 3. */
export const LENGTH_SYMBOLS: u32 = 0x0000;
/** u8[512]: the symbol of a distance, less 1, up to 256; of one above by its bits from the eighth on. */
export const DISTANCE_SYMBOLS: u32 = 0x0100;
/** u32[29]: the least length of a symbol, and how many bits follow it << 16 (RFC 1951 §3.2.5). */
export const LENGTH_BASES: u32 = 0x0300;
/** u32[30]: the same of distances. */
export const DISTANCE_BASES: u32 = 0x0400;
/** u32[288], u32[32]: codes, with their bits in the order in which they are written, and how many << 16. */
export const FIXED_CODES: u32 = 0x0500;
export const FIXED_DISTANCE_CODES: u32 = 0x0980;
export const DYNAMIC_CODES: u32 = 0x0a00;
export const DYNAMIC_DISTANCE_CODES: u32 = 0x0e80;
/** u32[288], u32[32]: how often a symbol comes. */
export const FREQUENCIES: u32 = 0x0f00;
export const DISTANCE_FREQUENCIES: u32 = 0x1380;
/** u32[32]: how often a symbol comes in the run lengths of the code lengths; their codes; u8[32]: their lengths. */
export const RUN_FREQUENCIES: u32 = 0x1400;
export const RUN_CODES: u32 = 0x1480;
export const RUN_CODE_LENGTHS: u32 = 0x1500;
/** u8[320]: the code lengths of a dynamic block, those of distances right behind the others. */
export const CODE_LENGTHS: u32 = 0x1600;
/** u16[320]: those run by run: a symbol, and its extra bits << 8. */
export const RUNS: u32 = 0x1800;
/** u32[288]: what a Huffman tree is made of; what becomes of it; the other place of a radix sort; u32[256]: its counts. */
export const LEAVES: u32 = 0x1b00;
export const TREE: u32 = 0x2000;
export const UNSORTED: u32 = 0x2500;
export const COUNTS: u32 = 0x2a00;
/** u32[16]: by the length of codes. */
export const BY_LENGTH: u32 = 0x2f00;
/** u64[8192]: literals before a match and its length << 16, then its distance. */
export const MATCHES: u32 = 0x3000;
/** What is written: at most {@link MAX_BLOCK_BYTES} and some. */
export const OUTPUT: u32 = 0x13000;
/** Slots follow, one for each stream: its window, its hash table, u32: how far back the latest match was. */
export const SLOTS: u32 = 0x1c000;

/** How many bytes a block is made of at most. */
export const MAX_BLOCK_BYTES: u32 = 0x8000;
/** A block, and the 32 KiB before it. */
export const WINDOW_BYTES: u32 = 0x10000;
/** The table has two positions for each hash. */
export const HASH_BITS: u32 = 12;
export const HASH_BYTES: u32 = 4 << HASH_BITS;
