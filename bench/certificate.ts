import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { projectPath } from "#scripts/project-root.js";

/** A self-signed certificate in PEM, kept in `.cache/bench/`; undefined where there is no `openssl` to make one. */
export function benchCertificate(): { readonly key: string; readonly cert: string } | undefined {
  const [keyPath, certPath] = [
    projectPath(".cache", "bench", "key.pem"),
    projectPath(".cache", "bench", "cert.pem"),
  ];
  if (!existsSync(certPath)) {
    mkdirSync(projectPath(".cache", "bench"), { recursive: true });
    const { status } = spawnSync("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-keyout", keyPath, "-out", certPath, "-days", "3650", "-subj", "/CN=localhost"],
    ]);
    if (status !== 0) return undefined;
  }
  return { key: readFileSync(keyPath, "utf8"), cert: readFileSync(certPath, "utf8") };
}
