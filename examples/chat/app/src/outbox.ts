/**
 * Sending: a message is shown at once, and is kept with a way to try again when it fails. A retry has the key of the first
 * try, so a message whose answer was lost is not said twice.
 */
import { useCallback, useState } from "react";
import { MESSAGES, useReducer } from "./live";
import type { MessageRow } from "./schema";

export interface Failed {
  readonly key: string;
  readonly text: string;
  readonly reason: string;
}

/** Ids of messages on their way: above all that the server gives, so that they stand last. */
const SENDING = 2 ** 52;
let sent = 0;

export const isSending = ({ id }: MessageRow) => id >= SENDING;

export function useOutbox(me: string, room: number) {
  const [failed, setFailed] = useState<readonly Failed[]>([]);
  const say = useReducer("send_message", {
    optimistic: (local, { text }) => {
      sent += 1;
      const sent_at = Date.now() * 1000;
      local.insert({ sql: MESSAGES, params: [room] }, { id: SENDING + sent, room, author: me, text, sent_at, edited_at: null });
    },
  });
  const attempt = useCallback(
    (key: string, text: string) => {
      setFailed((failed) => failed.filter((other) => other.key !== key));
      const keep = (error: Error) => setFailed((failed) => [...failed, { key, text, reason: error.message }]);
      say({ room, text }, { idempotencyKey: key }).catch(keep);
    },
    [say, room],
  );
  return {
    failed,
    send: (text: string) => attempt(crypto.randomUUID(), text),
    retry: ({ key, text }: Failed) => attempt(key, text),
  };
}
