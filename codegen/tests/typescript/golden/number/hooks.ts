// Written by `cosmictron generate` for the module everything, version sha256:00.
// It is written anew when the module changes: what is changed here is lost.

import { createHooks } from "@cosmictron/react";
import type { Schema } from "./schema.js";
import type { TableQuery } from "./tables.js";

export const {
  useClient,
  useConnectionState,
  useIdentity,
  useQuery,
  useReducer,
  useSuspenseQuery,
} = createHooks<Schema>();

/** Follows a query of `tables`: `useTable(tables.message.where({ room: 1 }))`. */
export function useTable<Row>(query: TableQuery<Row>) {
  return useQuery<Row>(query.sql, query.params);
}
