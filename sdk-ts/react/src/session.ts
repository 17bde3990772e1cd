/** Who is signed in, and how the connection is. */
import type { ConnectionState } from "@cosmictron/client";
import { useCallback, useSyncExternalStore } from "react";
import { useClient } from "./provider.js";

const IDLE: ConnectionState = { phase: "idle" };

/** Who is signed in, 64 hex digits, or null. Always null on a server, and so in the first render of a page that it made. */
export function useIdentity(): string | null {
  const client = useClient();
  const subscribe = useCallback((listener: () => void) => client.on("identity", listener), [client]);
  return useSyncExternalStore(
    subscribe,
    () => client.identity,
    () => null,
  );
}

/** Where the connection is. Always idle on a server. */
export function useConnectionState(): ConnectionState {
  const client = useClient();
  const subscribe = useCallback((listener: () => void) => client.on("state", listener), [client]);
  return useSyncExternalStore(
    subscribe,
    () => client.state,
    () => IDLE,
  );
}
