/** The hooks, typed by a module's schema. `cosmictron generate` writes a file that calls this. */
import type { AnySchema, CosmictronClient, ReducerArgs, ReducerName, ReducerResult, Schema } from "@cosmictron/client";
import { useClient } from "./provider.js";
import { useQuery, useSuspenseQuery } from "./query.js";
import { type Reducer, type ReducerOptions, useReducer } from "./reducer.js";
import { useConnectionState, useIdentity } from "./session.js";

export interface Hooks<S extends Schema> {
  readonly useQuery: typeof useQuery;
  readonly useSuspenseQuery: typeof useSuspenseQuery;
  readonly useReducer: <N extends ReducerName<S>>(
    name: N,
    options?: ReducerOptions<ReducerArgs<S, N>>,
  ) => Reducer<ReducerArgs<S, N>, ReducerResult<S, N>>;
  readonly useIdentity: typeof useIdentity;
  readonly useConnectionState: typeof useConnectionState;
  readonly useClient: () => CosmictronClient<S>;
}

/** The same functions as this package exports, with the names, arguments and results of `S`. */
export function createHooks<S extends Schema = AnySchema>(): Hooks<S> {
  return { useQuery, useSuspenseQuery, useReducer, useIdentity, useConnectionState, useClient } as Hooks<S>;
}
