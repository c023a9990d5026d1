/** A browser that the proof of sessions runs in: Chromium, Firefox or WebKit. */
export interface ProofBrowser {
  /** Name and version. */
  readonly name: string;
  /** A page in a tab that shares nothing with the others. */
  open(): Promise<ProofPage>;
  close(): Promise<void>;
}

/** A tab, and the page in it. */
export interface ProofPage {
  /** Resolves when the page is loaded. */
  goto(url: string): Promise<void>;
  /** Goes one page back in the tab's history; the page need not be there yet when this resolves. */
  back(): Promise<void>;
  /** Calls a function in the page: its text travels, and both argument and result as JSON. */
  call<A, R>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
  /** Another tab of the same user. */
  beside(): Promise<ProofPage>;
  /** As a user closes a tab: the page is told that it is left. */
  close(): Promise<void>;
  /** What a browser does to a page, where its driver can be asked to. */
  readonly emulation?: PageEmulation;
}

export interface PageEmulation {
  /** Freezes the page, as a phone does with what nobody looks at, and thaws it. */
  setFrozen(isFrozen: boolean): Promise<void>;
  setOffline(isOffline: boolean): Promise<void>;
}
