import type { Attack } from "./attack.js";
import { aborts } from "./attacks/aborts.js";
import { bombInFragments } from "./attacks/bomb-in-fragments.js";
import { closeFlood } from "./attacks/close-flood.js";
import { decompressionBomb } from "./attacks/decompression-bomb.js";
import { endlessMessages } from "./attacks/endless-messages.js";
import { finalBlockBomb } from "./attacks/final-block-bomb.js";
import { garbageFlood } from "./attacks/garbage-flood.js";
import { halfBodies } from "./attacks/half-bodies.js";
import { halfOpenFlood } from "./attacks/half-open-flood.js";
import { headerBombs } from "./attacks/header-bombs.js";
import { neverReadingBroadcast } from "./attacks/never-reading-broadcast.js";
import { neverReadingEcho } from "./attacks/never-reading-echo.js";
import { oneAddressAllowed, oneAddressLimited } from "./attacks/one-address.js";
import { oneByteWrites } from "./attacks/one-byte-writes.js";
import { pingFlood } from "./attacks/ping-flood.js";
import { refusedUpgrades } from "./attacks/refused-upgrades.js";
import { sessionFlood } from "./attacks/session-flood.js";
import { sessionGarbage } from "./attacks/session-garbage.js";
import { slowHandshakes } from "./attacks/slow-handshakes.js";
import { slowReading } from "./attacks/slow-reading.js";
import { takeoverStorm } from "./attacks/takeover-storm.js";
import { tinyFragments } from "./attacks/tiny-fragments.js";
import { tlsAborts } from "./attacks/tls-aborts.js";
import { tlsHalfOpenFlood } from "./attacks/tls-half-open-flood.js";
import { unconfirmedSessions } from "./attacks/unconfirmed-sessions.js";
import { unreadSmallEchoes } from "./attacks/unread-small-echoes.js";
import { unreadStreams } from "./attacks/unread-streams.js";
import { untakenMessages } from "./attacks/untaken-messages.js";
import { vanishingClients } from "./attacks/vanishing-clients.js";

/** Every attack. A new one is a file in `attacks/` and a line here: the command, the report and the tests take it from here. */
export const ATTACKS: readonly Attack[] = [
  slowHandshakes,
  halfOpenFlood,
  tlsHalfOpenFlood,
  headerBombs,
  refusedUpgrades,
  vanishingClients,
  oneAddressLimited,
  oneAddressAllowed,
  oneByteWrites,
  tinyFragments,
  pingFlood,
  closeFlood,
  garbageFlood,
  decompressionBomb,
  bombInFragments,
  finalBlockBomb,
  neverReadingEcho,
  neverReadingBroadcast,
  unreadSmallEchoes,
  slowReading,
  untakenMessages,
  aborts,
  tlsAborts,
  sessionFlood,
  unconfirmedSessions,
  endlessMessages,
  halfBodies,
  unreadStreams,
  takeoverStorm,
  sessionGarbage,
];
