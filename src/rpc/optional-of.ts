/** Some of these, or all, or none; what is undefined is left out, also where `exactOptionalPropertyTypes` makes a difference of it. */
export type OptionalOf<T> = { readonly [Name in keyof T]?: T[Name] | undefined };
