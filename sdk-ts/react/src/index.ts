"use client";
/** React hooks for Cosmictron: rows that stay up to date, and reducers to call. */
export { createHooks, type Hooks } from "./hooks.js";
export { CosmictronProvider, type CosmictronProviderProps, useClient } from "./provider.js";
export { type QueryOptions, type QueryResult, useQuery, useSuspenseQuery } from "./query.js";
export { type Reducer, type ReducerOptions, useReducer } from "./reducer.js";
export { useConnectionState, useIdentity } from "./session.js";
