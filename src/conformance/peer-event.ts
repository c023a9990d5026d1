/** What the peer did, as far as a case has to know. */
export type PeerEvent =
  | {
      readonly type: "message";
      readonly isText: boolean;
      readonly payload: Buffer;
      readonly isCompressed: boolean;
    }
  | { readonly type: "ping"; readonly payload: Buffer }
  | { readonly type: "pong"; readonly payload: Buffer }
  /** Code 1005 stands for a close frame without one, as in RFC 6455 §7.1.5. */
  | { readonly type: "close"; readonly code: number; readonly reason: string }
  /** The transport ended: the peer closed it, or reset it. */
  | { readonly type: "end"; readonly how: string }
  /** The peer sent what no peer may ever send. */
  | { readonly type: "illegal"; readonly problem: string };
