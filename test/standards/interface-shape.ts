/** A property as Web IDL sees it. */
export interface PropertyShape {
  readonly enumerable: boolean;
  readonly configurable: boolean;
  /** Only of what is no accessor. */
  readonly writable: boolean | undefined;
  /** What it is: the names of the accessors, the name and length of a function, or the value. */
  readonly is: string;
}

/** The properties of an object by name. Runs in browsers, too. */
export function interfaceShape(object: object): Record<string, PropertyShape> {
  const shape: Record<string, PropertyShape> = {};
  for (const key of Reflect.ownKeys(object)) {
    const { enumerable, configurable, writable, value, get, set } = Object.getOwnPropertyDescriptor(
      object,
      key,
    )!;
    let is = typeof value === "object" ? "object" : String(value);
    if (get !== undefined) is = [get.name, set?.name ?? ""].join();
    else if (typeof value === "function") is = `${value.name}(${value.length})`;
    shape[String(key)] = { enumerable: enumerable!, configurable: configurable!, writable, is };
  }
  return shape;
}

/** The interfaces of the WebSockets Standard, with what each inherits. Runs in browsers, too. */
export function interfaceShapes(
  interfaces: Readonly<Record<string, { readonly prototype: object }>>,
): unknown {
  const shapes = Object.entries(interfaces).map(([name, target]) => [
    name,
    {
      static: interfaceShape(target),
      prototype: interfaceShape(target.prototype),
      inherits: Object.getPrototypeOf(target.prototype)[Symbol.toStringTag] ?? "Object",
    },
  ]);
  return Object.fromEntries(shapes);
}
