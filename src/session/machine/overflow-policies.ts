/** The names of all {@link OverflowPolicy}. One string, since it stands in the bundle of each page. */
export const OVERFLOW_POLICIES: readonly string[] =
  "block drop-oldest drop-newest latest-per-key disconnect".split(" ");
