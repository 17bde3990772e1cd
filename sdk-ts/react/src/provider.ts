/** Which client the hooks below it use. */
import type { CosmictronClient } from "@cosmictron/client";
import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";

/** A client of any schema: hooks name tables and reducers by text. */
// biome-ignore lint/suspicious/noExplicitAny: a class that is generic in what its methods take has no other common type
export type AnyClient = CosmictronClient<any>;

const Context = createContext<AnyClient | null>(null);

export interface CosmictronProviderProps {
  /** Made once, outside of any component. The provider neither connects nor closes it. */
  readonly client: AnyClient;
  readonly children?: ReactNode;
}

export function CosmictronProvider({ client, children }: CosmictronProviderProps): ReactElement {
  return createElement(Context.Provider, { value: client }, children);
}

/** The client of the nearest provider. */
export function useClient(): AnyClient {
  const client = useContext(Context);
  if (client === null) throw new Error("there is no <CosmictronProvider> above this component");
  return client;
}
