import type { Buffer } from "node:buffer";
import { isIPv4, isIPv6, SocketAddress } from "node:net";

/** Where a connection comes from, as a proxy tells it. */
export interface ProxySource {
  readonly address: string;
  readonly port: number;
}

/** The header of the PROXY protocol at the beginning of a connection. */
export interface ProxyHeader {
  /** How many bytes it has; what the client sent begins behind it. */
  readonly byteLength: number;
  /** Undefined where the proxy speaks for itself (`LOCAL`, for a health check) or does not know. */
  readonly source: ProxySource | undefined;
}

/** The bytes that version 2 begins with: no request of any protocol does. */
const SIGNATURE_2 = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const SIGNATURE_1 = Uint8Array.from("PROXY ", (char) => char.charCodeAt(0));
/** A line of version 1 with the longest addresses there are, its end included (PROXY protocol §2.1). */
const MAX_LINE_BYTES = 107;
/** Signature, version and command, family and transport, length (§2.2). */
const FIXED_BYTES = 16;
const COMMAND = { local: 0, proxy: 1 } as const;
const FAMILY = { ipv4: 1, ipv6: 2 } as const;
const MAX_FAMILY = 3;
const STREAM = 1;
const MAX_TRANSPORT = 2;
/** The type of the additional field with a checksum of the header (§2.2.3). */
const TLV_CRC32C = 0x03;
const TLV_HEADER_BYTES = 3;

/**
 * Reads the header of the PROXY protocol, version 1 or 2, at the beginning of `bytes`: undefined while it is not
 * complete, `invalid` where it is none or breaks the specification, in which case the connection must not be served
 * (§2). Holds the sender to all of it: what may have come from a client must not pass for a header.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | "invalid" | undefined {
  if (startsAs(bytes, SIGNATURE_2)) return bytes.length < FIXED_BYTES ? undefined : readVersion2(bytes);
  if (startsAs(bytes, SIGNATURE_1)) return readVersion1(bytes);
  return "invalid";
}

/** Whether they are equal as far as both go. */
function startsAs(bytes: Buffer, signature: Uint8Array): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.subarray(0, length).equals(signature.subarray(0, length));
}

function readVersion1(bytes: Buffer): ProxyHeader | "invalid" | undefined {
  const line = bytes.toString("latin1", 0, MAX_LINE_BYTES);
  const end = line.indexOf("\r\n");
  if (end === -1) return line.length < MAX_LINE_BYTES ? undefined : "invalid";
  const byteLength = end + 2;
  const [, family, address = "", target = "", port = "", targetPort = "", ...rest] = line
    .slice(0, end)
    .split(" ");
  if (family === "UNKNOWN") return { byteLength, source: undefined };
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : undefined;
  if (isAddress === undefined || rest.length > 0) return "invalid";
  if (!isAddress(address) || !isAddress(target) || !isPort(port) || !isPort(targetPort)) return "invalid";
  return { byteLength, source: { address: normal(address), port: Number(port) } };
}

/** In its only form, without a scope that would let one client be many. */
function normal(address: string): string {
  return isIPv4(address) ? address : new SocketAddress({ address, family: "ipv6" }).address;
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function readVersion2(bytes: Buffer): ProxyHeader | "invalid" | undefined {
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 0x0f;
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 0x0f;
  if (version !== 2 || command > COMMAND.proxy || family > MAX_FAMILY || transport > MAX_TRANSPORT)
    return "invalid";
  const byteLength = FIXED_BYTES + bytes.readUInt16BE(14);
  if (bytes.length < byteLength) return undefined;
  const header = bytes.subarray(0, byteLength);
  // Of other families and of datagrams there is nothing to know for us; who sends them is to be served all the same.
  const addressBytes = family === FAMILY.ipv4 ? 4 : family === FAMILY.ipv6 ? 16 : 0;
  if (command === COMMAND.local || addressBytes === 0 || transport !== STREAM)
    return { byteLength, source: undefined };
  const portAt = FIXED_BYTES + 2 * addressBytes;
  if (byteLength < portAt + 4 || !areFieldsValid(header, portAt + 4)) return "invalid";
  const address = addressText(header.subarray(FIXED_BYTES, FIXED_BYTES + addressBytes));
  return { byteLength, source: { address, port: header.readUInt16BE(portAt) } };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return normal(groups.join(":"));
}

/** Whether the additional fields end where the header ends, and a checksum among them is right (§2.2.3). */
function areFieldsValid(header: Buffer, start: number): boolean {
  let at = start;
  while (at < header.length) {
    if (header.length < at + TLV_HEADER_BYTES) return false;
    const valueAt = at + TLV_HEADER_BYTES;
    const end = valueAt + header.readUInt16BE(at + 1);
    if (end > header.length) return false;
    if (header[at] === TLV_CRC32C && (end !== valueAt + 4 || !isChecksum(header, valueAt))) return false;
    at = end;
  }
  return true;
}

/** The checksum is that of the header with zeros in its own place. */
function isChecksum(header: Buffer, at: number): boolean {
  const expected = header.readUInt32BE(at);
  let crc = 0xffffffff;
  for (let i = 0; i < header.length; i++) {
    crc ^= i >= at && i < at + 4 ? 0 : header[i]!;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
  }
  return (crc ^ 0xffffffff) >>> 0 === expected;
}

/** Castagnoli's, reflected (RFC 4960 appendix B). */
const CRC32C_POLYNOMIAL = 0x82f63b78;
