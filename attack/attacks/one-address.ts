import { type Attack, budgetOf, CONNECTION_BYTES } from "../attack.js";
import type { AttackField } from "../attack-field.js";
import { FIRST, maskedFrame } from "../raw-connection.js";

async function openAndStay(field: AttackField): Promise<void> {
  const connection = await field.dial();
  if (connection === undefined) return;
  const status = await connection.upgrade("/echo");
  if (status !== 101) return field.sleep(500);
  field.note("let in");
  connection.onMessage = () => {
    field.note("served");
    if (field.tally["served"] === field.connections) field.note("all served");
  };
  await connection.write(maskedFrame(FIRST.text, "is anybody there?"));
  await connection.gone;
}

/** More connections from one address than one address may have; those of others are not to notice. */
export const oneAddressLimited: Attack = {
  name: "5,000 connections from one address, 1,024 allowed",
  about: "open as many as it goes, keep them, and try again twice a second where refused",
  connections: { full: 5_000, short: 60 },
  server: { maxConnectionsPerAddress: 1_024 },
  shortServer: { maxConnectionsPerAddress: 30 },
  budget: (connections) => budgetOf(connections, { "open, or being refused": CONNECTION_BYTES }),
  mustNote: ["refused 429", "served"],
  run: (field) => field.loop(() => openAndStay(field)),
};

/** The same where they are allowed: all have to be served. */
export const oneAddressAllowed: Attack = {
  ...oneAddressLimited,
  name: "5,000 connections from one address, all allowed",
  about: "open all, keep them; each has a message echoed",
  server: { maxConnectionsPerAddress: 10_000 },
  shortServer: {},
  minSeconds: 40,
  mustNote: ["all served"],
};
