import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A TLS certificate for tests, all in PEM. */
export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
  /** What a client has to trust: the certificate itself, for it is self-signed. */
  readonly ca: string;
}

let made: TestCertificate | undefined;

/** A certificate for `localhost`, `127.0.0.1` and `::1`, made once in a process and valid for a day. */
export function testCertificate(): TestCertificate {
  made ??= makeCertificate();
  return made;
}

/** Writes a self-signed X.509 v3 certificate (RFC 5280 §4.1), which Node can read but not make. */
function makeCertificate(): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKeyInfo = publicKey.export({ type: "spki", format: "der" });
  const keyId = createHash("sha1").update(publicKeyInfo).digest();

  const signatureAlgorithm = sequence(objectId("2a8648ce3d040302")); // ecdsa-with-SHA256
  const name = sequence(
    der(TAG.set, sequence(objectId("550403"), der(TAG.utf8String, Buffer.from("localhost")))),
  );
  const now = Date.now();
  const hourMs = 3_600_000;
  const validity = sequence(utcTime(new Date(now - hourMs)), utcTime(new Date(now + 24 * hourMs)));
  // A first byte of 0x4. keeps the number positive and in its shortest form.
  const serialNumber = der(TAG.integer, Buffer.concat([Buffer.of(0x42), randomBytes(15)]));

  const subjectAltName = sequence(
    der(TAG.dnsName, Buffer.from("localhost")),
    der(TAG.ipAddress, Buffer.of(127, 0, 0, 1)),
    der(TAG.ipAddress, Buffer.concat([Buffer.alloc(15), Buffer.of(1)])),
  );
  const extensions = sequence(
    extension("551d13", sequence(der(TAG.boolean, Buffer.of(0xff)))), // basicConstraints: CA
    extension("551d0e", der(TAG.octetString, keyId)), // subjectKeyIdentifier
    extension("551d11", subjectAltName),
  );
  const version3 = der(TAG.context0, der(TAG.integer, Buffer.of(2)));
  const toBeSigned = sequence(
    version3,
    serialNumber,
    signatureAlgorithm,
    name,
    validity,
    name,
    publicKeyInfo,
    der(TAG.context3, extensions),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const cert = pem("CERTIFICATE", sequence(toBeSigned, signatureAlgorithm, bitString(signature)));
  return { key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(), cert, ca: cert };
}

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
  context3: 0xa3,
  /** GeneralName, RFC 5280 §4.2.1.6. */
  dnsName: 0x82,
  ipAddress: 0x87,
} as const;

/** One value in DER (X.690 §8.1, §10.1): tag, length in its shortest form, content. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  const header = body.length < 0x100 ? Buffer.of(tag, 0x81, body.length) : Buffer.of(tag, 0x82, ...length);
  return Buffer.concat([header, body]);
}

function sequence(...items: readonly Buffer[]): Buffer {
  return der(TAG.sequence, ...items);
}

function objectId(encoded: string): Buffer {
  return der(TAG.objectId, Buffer.from(encoded, "hex"));
}

function bitString(content: Buffer): Buffer {
  return der(TAG.bitString, Buffer.of(0), content);
}

/** `YYMMDDHHMMSSZ`. */
function utcTime(date: Date): Buffer {
  return der(TAG.utcTime, Buffer.from(`${date.toISOString().replaceAll(/[-:T]/g, "").slice(2, 14)}Z`));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), der(TAG.octetString, value));
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
