/**
 * Reducers to call from a component.
 *
 * What `useReducer` gives is one function for as long as the client and the name are the same, so it may stand in
 * dependencies. It carries how its calls are going; a component that does not look at that is not rendered again for it.
 */
import type {
  AnySchema,
  CallOptions,
  CosmictronError,
  LocalRows,
  Params,
  ReducerArgs,
  ReducerName,
  ReducerResult,
  Schema,
} from "@cosmictron/client";
import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { type AnyClient, useClient } from "./provider.js";

export interface ReducerOptions<Args = object> extends Pick<CallOptions, "module" | "timeout"> {
  /** Shows what a call will do before the server has answered; undone when it has. */
  readonly optimistic?: (local: LocalRows, args: Args) => void;
}

/** Calls a reducer; resolves with its value once that is durable. */
export interface Reducer<Args, Result> {
  (args?: Args | Params, options?: CallOptions): Promise<Result>;
  /** Whether a call of this component's is under way. */
  readonly isPending: boolean;
  /** Why the last call failed; null when it did not, and again once another one begins. */
  readonly error: CosmictronError | null;
}

export function useReducer<S extends Schema = AnySchema, N extends ReducerName<S> = ReducerName<S>>(
  name: N,
  options: ReducerOptions<ReducerArgs<S, N>> = {},
): Reducer<ReducerArgs<S, N>, ReducerResult<S, N>> {
  const client = useClient();
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const calls = useMemo(() => new Calls(client, name, () => latest.current as ReducerOptions), [client, name]);
  useSyncExternalStore(calls.subscribe, calls.snapshot, calls.snapshot);
  return calls.reducer as Reducer<ReducerArgs<S, N>, ReducerResult<S, N>>;
}

/** The calls of one component: how many are under way, and how the last one failed. */
class Calls {
  readonly reducer: Reducer<object, unknown>;
  private readonly listeners = new Set<() => void>();
  private pending = 0;
  private error: CosmictronError | null = null;
  /** Counts changes that somebody has to see. */
  private version = 0;
  private isWatched = false;

  constructor(
    private readonly client: AnyClient,
    private readonly name: string,
    private readonly options: () => ReducerOptions,
  ) {
    const call = (args?: object | Params, options?: CallOptions) => this.call(args ?? {}, options);
    const watch =
      <T>(value: () => T) =>
      () => {
        this.isWatched = true;
        return value();
      };
    this.reducer = Object.defineProperties(call, {
      isPending: { get: watch(() => this.pending > 0) },
      error: { get: watch(() => this.error) },
    }) as unknown as Reducer<object, unknown>;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): number => this.version;

  private async call(args: object | Params, options?: CallOptions): Promise<unknown> {
    this.change(1, null);
    try {
      const result = await this.client.callReducer(this.name, args, this.callOptions(args, options));
      this.change(-1, this.error);
      return result;
    } catch (error) {
      this.change(-1, error as CosmictronError);
      throw error;
    }
  }

  private callOptions(args: object, options?: CallOptions): CallOptions {
    const { optimistic, ...rest } = this.options();
    return { ...rest, ...(optimistic && { optimistic: (local) => optimistic(local, args) }), ...options };
  }

  private change(pending: 1 | -1, error: CosmictronError | null): void {
    this.pending += pending;
    this.error = error;
    if (!this.isWatched) return;
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}
