/** The same properties, each of which may be left out or undefined. */
export type OptionalOf<T> = { [Name in keyof T]?: T[Name] | undefined };
