/** A browser in a test is no user's: it leaves the network and the machine alone. */
export const CHROMIUM_FLAGS: readonly string[] = [
  "--no-sandbox", // Chromium refuses to run as root with it
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
