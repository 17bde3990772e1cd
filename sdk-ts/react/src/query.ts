/**
 * Live rows in a component.
 *
 * The client gives one handle to all who ask the same (SQL, parameters by value, key), so nothing is memoized here that it
 * has not memoized, and a render that is thrown away leaves nothing behind. What a snapshot shows changes with the client
 * alone; React reads it by `useSyncExternalStore`, so one render never mixes two of them.
 */
import type { CosmictronError, LiveOptions, LiveQuery, LiveSnapshot, Params, Row } from "@cosmictron/client";
import { useMemo, useSyncExternalStore } from "react";
import { type AnyClient, useClient } from "./provider.js";

export interface QueryOptions extends LiveOptions {
  /** False asks for nothing: the result is `pending`, without rows. */
  readonly enabled?: boolean;
}

/** The same object until something changes; a row that did not change stays the same object. */
export interface QueryResult<R> {
  readonly rows: readonly R[];
  readonly status: LiveSnapshot<R>["status"];
  /** Why the query has ended. */
  readonly error: CosmictronError | null;
  /** The connection is lost, and these are the last known rows. */
  readonly isStale: boolean;
  /** The transaction as of which the rows are; null before the first answer. */
  readonly txId: number | null;
}

const NOTHING: LiveSnapshot<never> = { rows: [], status: "pending", error: null, txId: null, columns: [] };
const nothing = () => NOTHING;
const ignore = () => () => {};

/** The rows of a query, kept up to date while the component is mounted. Renders again when they change. */
export function useQuery<R extends object = Row>(sql: string, params?: Params, options?: QueryOptions): QueryResult<R> {
  const client = useClient();
  const live = options?.enabled === false ? null : find<R>(client, sql, params, options);
  return useLive(live);
}

/** As {@link useQuery}, and suspends until the first answer. What ends the query is thrown to the nearest error boundary. */
export function useSuspenseQuery<R extends object = Row>(
  sql: string,
  params?: Params,
  options?: LiveOptions,
): QueryResult<R> {
  const live = find<R>(useClient(), sql, params, options);
  const result = useLive(live);
  // The handle holds the query until its answer is there, though no component is mounted yet.
  if (result.status === "pending") throw live.ready.catch(() => {});
  if (result.error !== null) throw result.error;
  return result;
}

function find<R extends object>(
  client: AnyClient,
  sql: string,
  params: Params | undefined,
  options: LiveOptions | undefined,
): LiveQuery<R> {
  return client.liveQuery<R>(sql, params, options?.key === undefined ? undefined : { key: options.key });
}

function useLive<R>(live: LiveQuery<R> | null): QueryResult<R> {
  const [subscribe, snapshot, serverSnapshot] = useMemo(
    () =>
      live === null
        ? [ignore, nothing, nothing]
        : [
            (listener: () => void) => live.subscribe(listener),
            () => live.getSnapshot(),
            () => live.getServerSnapshot(),
          ],
    [live],
  );
  const shown: LiveSnapshot<R> = useSyncExternalStore(subscribe, snapshot, serverSnapshot);
  return useMemo(() => {
    const { rows, status, error, txId } = shown;
    return { rows, status, error, isStale: status === "stale", txId };
  }, [shown]);
}
