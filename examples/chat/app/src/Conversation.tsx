/** One room: who is here, what is said now or was said at a moment of the past hour, and where one writes. */
import { type FormEvent, useEffect, useState } from "react";
import { Composer } from "./Composer";
import { useClient, useMembers, useMessages, useOnline, usePeople, useReducer, useTyping, messagesAsOf } from "./live";
import { Messages } from "./Messages";
import type { MessageRow, RoomRow } from "./schema";
import { isSending, useOutbox } from "./outbox";

interface ConversationProps {
  readonly me: string;
  readonly room: RoomRow;
  readonly close: () => void;
}

/** Minutes of the past that can be looked at: the server keeps an hour. */
const MINUTES_MAX = 55;

export function Conversation({ me, room, close }: ConversationProps) {
  const { nameOf } = usePeople();
  const now = useMessages(room.id);
  const online = useOnline();
  const members = useMembers(room.id);
  const typing = useTyping(room.id, me);
  const outbox = useOutbox(me, room.id);
  const [minutes, setMinutes] = useState<number | null>(null);
  const past = usePast(room.id, minutes);
  useMarkRead(room.id, now.rows);
  return (
    <main className="conversation">
      <header>
        <button type="button" className="back quiet" aria-label="All rooms" onClick={close}>‹</button>
        <div className="title">
          <h2>{room.name}</h2>
          <ul className="members" aria-label="Members">
            {members.map(({ person }) => (
              <li key={person}><span className="dot" data-online={online.has(person)} aria-hidden />{nameOf(person)}
                <span className="hidden">{online.has(person) ? " (here)" : " (away)"}</span></li>
            ))}
          </ul>
        </div>
        <button type="button" className="quiet" aria-pressed={minutes !== null} onClick={() => setMinutes(minutes === null ? 1 : null)}>History</button>
      </header>
      {minutes !== null && (
        <label className="past">
          <input type="range" min={0} max={MINUTES_MAX} value={MINUTES_MAX - minutes} aria-valuetext={`${minutes} minutes ago`}
            onChange={(event) => setMinutes(MINUTES_MAX - Number(event.target.value))} />
          <span>{past.error ?? `As it was ${minutes} min ago`}</span>
        </label>
      )}
      <Messages me={me} nameOf={nameOf} messages={minutes === null ? now.rows : past.rows} failed={minutes === null ? outbox.failed : []}
        retry={outbox.retry} isPast={minutes !== null} />
      <p className="typing" role="status">{typing.length > 0 && `${typing.map(nameOf).join(", ")} ${typing.length === 1 ? "is" : "are"} writing…`}</p>
      {room.owner === me && !room.is_open && <Invite room={room.id} />}
      <Composer room={room.id} send={outbox.send} isDisabled={minutes !== null} />
    </main>
  );
}

/** What was said up to a moment, so many minutes ago. */
function usePast(room: number, minutes: number | null): { rows: readonly MessageRow[]; error: string | null } {
  const client = useClient();
  const [past, setPast] = useState<{ rows: readonly MessageRow[]; error: string | null }>({ rows: [], error: null });
  useEffect(() => {
    if (minutes === null) return;
    const stop = new AbortController();
    client.query<MessageRow>(messagesAsOf(new Date(Date.now() - minutes * 60_000)), [room], { signal: stop.signal }).then(
      (rows) => setPast({ rows, error: null }),
      (error: Error) => stop.signal.aborted || setPast({ rows: [], error: error.message }),
    );
    return () => stop.abort();
  }, [client, room, minutes]);
  return past;
}

/** Whatever is on the screen counts as read. */
function useMarkRead(room: number, messages: readonly MessageRow[]): void {
  const markRead = useReducer("mark_read");
  const newest = messages.find((message) => !isSending(message))?.id;
  useEffect(() => {
    if (newest === undefined) return;
    const mark = () => {
      // It is marked again with the next message.
      if (document.visibilityState === "visible") markRead({ room, message: newest }).catch(() => {});
    };
    mark();
    document.addEventListener("visibilitychange", mark);
    return () => document.removeEventListener("visibilitychange", mark);
  }, [markRead, room, newest]);
}

function Invite({ room }: { room: number }) {
  const invite = useReducer("invite");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    invite({ room, name: String(new FormData(form).get("name")) }).then(() => form.reset(), () => {});
  };
  return (
    <form className="invite row" onSubmit={submit}>
      <input name="name" aria-label="Name of whom to invite" placeholder="Invite by name" required />
      <button type="submit" className="quiet" disabled={invite.isPending}>Invite</button>
      <span role="alert" className="error">{invite.error?.detail}</span>
    </form>
  );
}
