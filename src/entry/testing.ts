// hawser/testing: what a test of an application needs to do without a network and without waiting.
export { ManualClock } from "../testing/manual-clock.js";
export { MemoryClient, MemoryPeer, PeerPair } from "../testing/peer-pair.js";
