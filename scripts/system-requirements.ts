import { projectPath } from "./project-root.js";

/** A program outside of npm that some suites need. */
export interface SystemRequirement {
  /** The environment variable that names the program to use; `npm test` sets it for the suites. */
  readonly variable: string;
  /** The programs that would do, best first: names to look for in PATH, or absolute paths. */
  readonly candidates: readonly string[];
  /** The arguments with which a usable program exits 0. */
  readonly probeArguments: readonly string[];
  /** The Debian package that has it. */
  readonly debianPackage: string;
}

/** The name of a requirement in {@link SYSTEM_REQUIREMENTS}. */
export type RequirementId =
  | "chromium"
  | "firefox"
  | "webkit"
  | "xvfb"
  | "python3-websockets"
  | "nginx"
  | "haproxy"
  | "tinyproxy"
  | "redis"
  | "nats";

/** The table of everything the tests need of the system. */
export const SYSTEM_REQUIREMENTS: Readonly<Record<RequirementId, SystemRequirement>> = {
  /** A real browser. */
  chromium: {
    variable: "HAWSER_CHROMIUM",
    candidates: ["chromium", "chromium-browser", "google-chrome"],
    probeArguments: ["--version"],
    debianPackage: "chromium",
  },
  /** Another browser. */
  firefox: {
    variable: "HAWSER_FIREFOX",
    candidates: ["firefox-esr", "firefox"],
    probeArguments: ["--version"],
    debianPackage: "firefox-esr",
  },
  /** The driver of WebKitGTK, whose engine is that of Safari; it brings a small browser. */
  webkit: {
    variable: "HAWSER_WEBKIT_DRIVER",
    candidates: ["WebKitWebDriver"],
    probeArguments: ["--help"],
    debianPackage: "webkit2gtk-driver",
  },
  /** A display that nobody sees, for WebKitGTK. */
  xvfb: {
    variable: "HAWSER_XVFB",
    candidates: ["Xvfb"],
    probeArguments: ["-help"],
    debianPackage: "xvfb",
  },
  /** A Python with the `websockets` library. Debian's own first: another `python3` may come earlier in PATH. */
  "python3-websockets": {
    variable: "HAWSER_PYTHON",
    candidates: ["/usr/bin/python3", "python3"],
    probeArguments: ["-c", "import websockets"],
    debianPackage: "python3-websockets",
  },
  /** A reverse proxy, with its module for TCP, which brings nginx itself. */
  nginx: {
    variable: "HAWSER_NGINX",
    candidates: ["nginx", "/usr/sbin/nginx"],
    probeArguments: ["-t", "-c", projectPath("scripts", "nginx-probe.conf")],
    debianPackage: "libnginx-mod-stream",
  },
  /** The other reverse proxy. */
  haproxy: {
    variable: "HAWSER_HAPROXY",
    candidates: ["haproxy", "/usr/sbin/haproxy"],
    probeArguments: ["-v"],
    debianPackage: "haproxy",
  },
  /** A proxy for clients. */
  tinyproxy: {
    variable: "HAWSER_TINYPROXY",
    candidates: ["tinyproxy", "/usr/bin/tinyproxy"],
    probeArguments: ["-v"],
    debianPackage: "tinyproxy-bin",
  },
  /** What brokers publish over. */
  redis: {
    variable: "HAWSER_REDIS",
    candidates: ["redis-server", "/usr/bin/redis-server"],
    probeArguments: ["--version"],
    debianPackage: "redis-server",
  },
  nats: {
    variable: "HAWSER_NATS",
    candidates: ["nats-server", "/usr/sbin/nats-server"],
    probeArguments: ["--version"],
    debianPackage: "nats-server",
  },
};

/** Where the program is, or why a suite that needs it cannot run and how to change that. */
export type RequirementStatus =
  | { readonly available: true; readonly path: string }
  | { readonly available: false; readonly skip: string };

/** What has to be asked of the machine. */
export interface SystemProbe {
  variable(name: string): string | undefined;
  /** The absolute path of the program, or undefined where there is none. */
  locate(candidate: string): string | undefined;
  /** Whether the program exits 0 with these arguments. */
  succeeds(path: string, probeArguments: readonly string[]): boolean;
}

/** How missing packages come to the machine. */
export interface PackageInstaller {
  /** Why packages cannot be installed here; undefined where they can. */
  readonly obstacle: string | undefined;
  /** Installs a package and gives undefined, or says why it failed. */
  install(debianPackage: string): string | undefined;
}

/** Looks for a program, without changing anything. */
export function findRequirement(id: RequirementId, probe: SystemProbe): RequirementStatus {
  const requirement = SYSTEM_REQUIREMENTS[id];
  const chosen = probe.variable(requirement.variable);
  // A program that somebody chose is used or refused, never silently replaced by another.
  const candidates = chosen !== undefined && isChosen(id, probe) ? [chosen] : requirement.candidates;
  for (const candidate of candidates) {
    const path = probe.locate(candidate);
    if (path !== undefined && probe.succeeds(path, requirement.probeArguments))
      return { available: true, path };
  }
  const looked =
    candidates === requirement.candidates ? candidates.join(", ") : `${requirement.variable}=${chosen}`;
  return unavailable(id, `no usable ${id} (looked for ${looked})`);
}

/** Looks for a program and installs its package where it is missing and can be installed. */
export function obtainRequirement(
  id: RequirementId,
  probe: SystemProbe,
  installer: PackageInstaller,
): RequirementStatus {
  const found = findRequirement(id, probe);
  // A package cannot mend a wrong choice.
  if (found.available || isChosen(id, probe)) return found;
  if (installer.obstacle !== undefined)
    return { available: false, skip: `${found.skip}; ${installer.obstacle}` };
  const failure = installer.install(SYSTEM_REQUIREMENTS[id].debianPackage);
  return failure === undefined ? findRequirement(id, probe) : unavailable(id, failure);
}

function isChosen(id: RequirementId, probe: SystemProbe): boolean {
  return (probe.variable(SYSTEM_REQUIREMENTS[id].variable) ?? "") !== "";
}

function unavailable(id: RequirementId, reason: string): RequirementStatus {
  return {
    available: false,
    skip: `${reason}; install it: apt-get install -y --no-install-recommends ${SYSTEM_REQUIREMENTS[id].debianPackage}`,
  };
}
