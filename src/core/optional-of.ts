/** The same options, each of which may be left out or undefined, also where `exactOptionalPropertyTypes` makes a difference of it. */
export type OptionalOf<T> = { readonly [Name in keyof T]?: T[Name] | undefined };
