// Compiled and never run: what is of the drop-in goes where a dependant, typed with @types/ws, asks for what is of ws.
import type { WebSocketServer as HawserServer, WebSocket as HawserSocket } from "hawser/ws";
import type { WebSocketServer as WsServer, WebSocket as WsSocket } from "ws";

export const socket = (given: HawserSocket): WsSocket => given;
export const server = (given: HawserServer): WsServer => given;
export const socketClass = (given: typeof HawserSocket): typeof WsSocket => given;
export const serverClass = (given: typeof HawserServer): typeof WsServer => given;
export const back = (given: WsSocket): HawserSocket => given;
