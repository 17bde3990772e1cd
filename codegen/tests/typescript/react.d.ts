// What `hooks.ts` asks of `@cosmictron/react`, so that it is checked where that is not installed.

interface Reducers {
  readonly reducers: Record<string, { args: object; result: unknown }>;
}

export declare function createHooks<S extends Reducers>(): {
  useClient(): object;
  useConnectionState(): object;
  useIdentity(): string | null;
  useQuery<Row>(sql: string, params?: readonly unknown[]): { readonly rows: readonly Row[] };
  useSuspenseQuery<Row>(sql: string, params?: readonly unknown[]): { readonly rows: readonly Row[] };
  useReducer<Name extends keyof S["reducers"]>(
    name: Name,
  ): (args: S["reducers"][Name]["args"]) => Promise<S["reducers"][Name]["result"]>;
};
