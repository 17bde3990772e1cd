/** The platform's own WebSocket; on Node 20, which has none, the one beside this file. */
import type { SocketFactory } from "./socket.js";

export function defaultSocket(): SocketFactory | Promise<SocketFactory> {
  if (typeof WebSocket !== "undefined") return WebSocket as unknown as SocketFactory;
  return import("./node.js").then(({ NodeSocket }) => NodeSocket);
}
