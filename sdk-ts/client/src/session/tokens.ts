/** Where sessions are kept: in memory, or in the browser's local storage, which all tabs of a site share. */
import type { StoredSession, TokenStorage } from "../types.js";

export function memoryTokens(): TokenStorage {
  let held: StoredSession | null = null;
  return {
    load: () => held,
    save(session) {
      held = session;
    },
  };
}

/** Local storage. Whatever script runs on the site can read it: give another storage where that is too much. */
export function localTokens(name: string): TokenStorage {
  return {
    load: () => parsed(localStorage.getItem(name)),
    save(session) {
      if (session === null) localStorage.removeItem(name);
      else localStorage.setItem(name, JSON.stringify(session));
    },
    watch(changed) {
      const listen = (event: StorageEvent) => {
        if (event.key === name) changed(parsed(event.newValue));
      };
      addEventListener("storage", listen);
      return () => removeEventListener("storage", listen);
    },
  };
}

/** Anything may stand there: what is no session is none. */
function parsed(text: string | null): StoredSession | null {
  if (text === null) return null;
  try {
    const value: Partial<StoredSession> | null = JSON.parse(text);
    if (typeof value?.token !== "string") return null;
    return { token: value.token, identity: value.identity ?? null, expiresAt: value.expiresAt ?? null };
  } catch {
    return null;
  }
}

/** Local storage where there is one, as in a browser page; reading it may be forbidden there. */
export function defaultTokens(origin: string): TokenStorage {
  try {
    if (typeof document !== "undefined" && localStorage) return localTokens(`cosmictron:${origin}`);
  } catch {
    // A sandboxed frame: memory it is.
  }
  return memoryTokens();
}
