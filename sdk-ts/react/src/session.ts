/** Who is signed in, and how the connection is. */
import type { ConnectionState } from "@cosmictron/client";
import { useCallback, useMemo, useSyncExternalStore } from "react";
import { type AnyClient, useClient } from "./provider.js";

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
  const [subscribe, snapshot] = useMemo(() => follow(client), [client]);
  return useSyncExternalStore(subscribe, snapshot, () => IDLE);
}

/** The state as the last event had it: React needs the same object until then, and reading `client.state` may make one. */
function follow(client: AnyClient): [(listener: () => void) => () => void, () => ConnectionState] {
  let state = client.state;
  const subscribe = (listener: () => void) => {
    // It may have changed between the render and now; React looks again after this.
    state = client.state;
    return client.on("state", (now) => {
      state = now;
      listener();
    });
  };
  return [subscribe, () => state];
}
