/** Byte sequences, each a case: what they are, and whether they are UTF-8. */
export const UTF8_SEQUENCES: readonly (readonly [
  group: number,
  title: string,
  isValid: boolean,
  sequences: readonly string[],
])[] = [
  [
    6,
    "cut off in the middle of a text",
    false,
    [
      "ce",
      "ce ba e1",
      "ce ba e1 bd",
      "ce ba e1 bd b9 cf",
      "ce ba e1 bd b9 cf 83 ce",
      "ce ba e1 bd b9 cf 83 ce bc ce",
    ],
  ],
  [7, "the first code point of a length", true, ["00", "c2 80", "e0 a0 80", "f0 90 80 80"]],
  [
    8,
    "the first sequence of five or six bytes, which are none",
    false,
    ["f8 88 80 80 80", "fc 84 80 80 80 80"],
  ],
  [9, "the last code point of a length", true, ["7f", "df bf", "ef bf bf", "f4 8f bf bf"]],
  [
    10,
    "the last sequence of a length that is no code point",
    false,
    ["f7 bf bf bf", "fb bf bf bf bf", "fd bf bf bf bf bf"],
  ],
  [
    11,
    "a code point beside a boundary",
    true,
    ["ed 9f bf", "ee 80 80", "ef bf bd", "f4 8f bf bf", "f0 90 80 80"],
  ],
  [
    12,
    "continuation bytes that continue nothing",
    false,
    [
      "80",
      "bf",
      "80 bf",
      "80 bf 80",
      "80 bf 80 bf",
      "80 bf 80 bf 80",
      "80 bf 80 bf 80 bf",
      range(0x80, 0xbe),
    ],
  ],
  [
    13,
    "first bytes, each before a space",
    false,
    [spaced(0xc0, 0xdf), spaced(0xe0, 0xef), spaced(0xf0, 0xf7), spaced(0xf8, 0xfb), spaced(0xfc, 0xfd)],
  ],
  [
    14,
    "a sequence whose last byte is missing",
    false,
    [
      "c0",
      "e0 80",
      "f0 80 80",
      "f8 80 80 80",
      "fc 80 80 80 80",
      "df",
      "ef bf",
      "f7 bf bf",
      "fb bf bf bf",
      "fd bf bf bf bf",
    ],
  ],
  [
    15,
    "incomplete sequences, one behind the other",
    false,
    ["c0 e0 80 f0 80 80 f8 80 80 80 fc 80 80 80 80 df ef bf f7 bf bf fb bf bf bf fd bf bf bf bf"],
  ],
  [16, "a byte that never occurs", false, ["fe", "ff", "fe fe ff ff"]],
  [
    17,
    "a slash in too many bytes",
    false,
    ["c0 af", "e0 80 af", "f0 80 80 af", "f8 80 80 80 af", "fc 80 80 80 80 af"],
  ],
  [
    18,
    "the highest code point that needs fewer bytes",
    false,
    ["c1 bf", "e0 9f bf", "f0 8f bf bf", "f8 87 bf bf bf", "fc 83 bf bf bf bf"],
  ],
  [
    19,
    "NUL in too many bytes",
    false,
    ["c0 80", "e0 80 80", "f0 80 80 80", "f8 80 80 80 80", "fc 80 80 80 80 80"],
  ],
  [
    20,
    "a lone surrogate",
    false,
    ["ed a0 80", "ed ad bf", "ed ae 80", "ed af bf", "ed b0 80", "ed be 80", "ed bf bf"],
  ],
  [
    21,
    "a pair of surrogates, as CESU-8 has it",
    false,
    [
      "ed a0 80 ed b0 80",
      "ed a0 80 ed bf bf",
      "ed ad bf ed b0 80",
      "ed ad bf ed bf bf",
      "ed ae 80 ed b0 80",
      "ed ae 80 ed bf bf",
      "ed af bf ed b0 80",
      "ed af bf ed bf bf",
    ],
  ],
  [
    22,
    "a noncharacter, which is valid all the same",
    true,
    [
      "ef bf be",
      "ef bf bf",
      ...Array.from({ length: 16 }, (_, plane) =>
        [0xfffe, 0xffff].map((low) => codePoint(((plane + 1) << 16) | low)),
      ).flat(),
    ],
  ],
  [
    23,
    "a special character",
    true,
    ["ef bf b9", "ef bf ba", "ef bf bb", "ef bf bc", "ef bf bd", "ef bf be", "ef bf bf"],
  ],
  // Beyond Autobahn: each limit of Table 3-7 of the Unicode Standard, on both sides of it.
  [
    24,
    "the last valid second byte",
    true,
    [
      "e0 bf bf",
      "ed 80 80",
      "ed 9f 80",
      "f0 bf bf bf",
      "f1 80 80 80",
      "f3 bf bf bf",
      "f4 80 80 80",
      "f4 8f 80 80",
    ],
  ],
  [
    25,
    "a second byte one beyond what its first allows",
    false,
    [
      "c2 7f",
      "c2 c0",
      "e0 9f 80",
      "e0 c0 80",
      "e1 7f 80",
      "e1 c0 80",
      "ed 7f 80",
      "ed a0 bf",
      "ef 7f 80",
      "ef c0 80",
      "f0 8f 80 80",
      "f0 c0 80 80",
      "f1 7f 80 80",
      "f1 c0 80 80",
      "f4 7f 80 80",
      "f4 90 80 80",
      "f5 80 80 80",
    ],
  ],
  [
    26,
    "a third or fourth byte that does not continue",
    false,
    ["e1 80 7f", "e1 80 c0", "f1 80 7f 80", "f1 80 c0 80", "f1 80 80 7f", "f1 80 80 c0"],
  ],
];

/** The bytes of `ce ba`. */
export function hex(sequence: string): Buffer {
  return Buffer.from(sequence.replaceAll(" ", ""), "hex");
}

/** The bytes from the first to the last, in hex. */
export function range(first: number, last: number): string {
  return Buffer.from(Array.from({ length: last - first + 1 }, (_, i) => first + i)).toString("hex");
}

function spaced(first: number, last: number): string {
  return range(first, last).replaceAll(/../g, "$&20");
}

function codePoint(value: number): string {
  return Buffer.from(String.fromCodePoint(value)).toString("hex");
}
