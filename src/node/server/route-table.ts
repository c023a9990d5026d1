import { UsageError } from "../../core/hawser-error.js";
import { NO_PARAMS, type RouteParams } from "./upgrade-request.js";

/** The paths of a route. */
interface RoutePattern {
  readonly path: string;
  readonly segments: readonly string[];
  /** Whether it goes on behind the last of them. */
  readonly isOpen: boolean;
}

/** What a path was found to lead to. */
export interface RouteMatch<T> {
  readonly target: T;
  readonly params: RouteParams;
}

/**
 * Finds what is at a path. Routes are exact (`/chat`), have named parts (`/rooms/:room`), or end in `*` for everything
 * below (`/files/*`). Exact routes win, then the one that stands first. Percent-encoding is undone in named parts only.
 */
export class RouteTable<T> {
  readonly #exact = new Map<string, T>();
  readonly #patterns: (RoutePattern & { readonly target: T })[] = [];

  /**
   * Adds a route.
   * @throws {@link UsageError} `INVALID_OPTION` for a path that does not begin with `/`, or stands twice.
   */
  add(path: string, target: T): void {
    if (path !== "*" && !path.startsWith("/")) {
      throw new UsageError("INVALID_OPTION", `a route begins with "/": ${JSON.stringify(path)}`);
    }
    if (!path.includes(":") && !path.includes("*")) {
      if (this.#exact.has(path)) throw new UsageError("INVALID_OPTION", `two routes for ${path}`);
      this.#exact.set(path, target);
      return;
    }
    const segments = path === "*" ? [""] : path.split("/").slice(1);
    const isOpen = path === "*" || segments.at(-1) === "*";
    if (isOpen) segments.pop();
    if (segments.some((segment) => segment.includes("*") || segment === ":")) {
      throw new UsageError("INVALID_OPTION", `"*" stands only at the end, and ":" before a name: ${path}`);
    }
    const names = segments.filter((segment) => segment.startsWith(":"));
    if (new Set(names).size < names.length)
      throw new UsageError("INVALID_OPTION", `a route names each part once: ${path}`);
    const shape = shapeOf(segments);
    const same = this.#patterns.find((one) => one.isOpen === isOpen && shapeOf(one.segments) === shape);
    if (same !== undefined)
      throw new UsageError("INVALID_OPTION", `two routes for ${path}: ${same.path} is the same`);
    this.#patterns.push({ path, segments, isOpen, target });
  }

  /** Throws a {@link UsageError} `INVALID_OPTION` if a path leads somewhere in both. */
  assertApartFrom(other: RouteTable<unknown>): void {
    const theirs = [...other.#routes()];
    for (const route of this.#routes()) {
      const taken = theirs.find((one) => haveCommonPath(route, one));
      if (taken !== undefined)
        throw new UsageError(
          "INVALID_OPTION",
          `${route.path} would have two answers: ${taken.path} is attached already`,
        );
    }
  }

  *#routes(): Generator<RoutePattern> {
    for (const path of this.#exact.keys()) yield { path, segments: path.split("/").slice(1), isOpen: false };
    yield* this.#patterns;
  }

  /** What is at `path` (without the query), or undefined. */
  match(path: string): RouteMatch<T> | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return { target: exact, params: NO_PARAMS };
    if (this.#patterns.length === 0) return undefined;
    const parts = path.split("/").slice(1);
    for (const { segments, isOpen, target } of this.#patterns) {
      if (isOpen ? parts.length < segments.length : parts.length !== segments.length) continue;
      const params = matchSegments(segments, parts);
      if (params !== undefined) return { target, params };
    }
    return undefined;
  }
}

/** What a pattern matches, whatever its parts are called. */
function shapeOf(segments: readonly string[]): string {
  return segments.map((segment) => (segment.startsWith(":") ? ":" : segment)).join("/");
}

function haveCommonPath(a: RoutePattern, b: RoutePattern): boolean {
  const [short, long] = a.segments.length <= b.segments.length ? [a, b] : [b, a];
  if (short.segments.length < long.segments.length && !short.isOpen) return false;
  return short.segments.every((segment, i) => canBeSame(segment, long.segments[i]!));
}

/** A named part is never empty. */
function canBeSame(a: string, b: string): boolean {
  return a.startsWith(":") ? b !== "" : b.startsWith(":") ? a !== "" : a === b;
}

function matchSegments(segments: readonly string[], parts: readonly string[]): RouteParams | undefined {
  let params: Record<string, string> | undefined;
  for (const [i, segment] of segments.entries()) {
    const part = parts[i]!;
    if (!segment.startsWith(":")) {
      if (segment !== part) return undefined;
      continue;
    }
    const value = decode(part);
    if (value === undefined || value === "") return undefined;
    params ??= Object.create(null) as Record<string, string>;
    params[segment.slice(1)] = value;
  }
  // A connection keeps its parameters: where there are none, all keep the same object.
  return params ?? NO_PARAMS;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
