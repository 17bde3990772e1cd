/** What was said, by days, the newest at the bottom, where the list stays unless one has scrolled up. */
import { Fragment, memo, useLayoutEffect, useRef, useState } from "react";
import { useReducer } from "./live";
import { type Failed, isSending } from "./outbox";
import type { MessageRow } from "./schema";

interface MessagesProps {
  readonly me: string;
  readonly nameOf: (id: string) => string;
  /** The newest first. */
  readonly messages: readonly MessageRow[];
  readonly failed: readonly Failed[];
  readonly retry: (failed: Failed) => void;
  readonly isPast: boolean;
}

/** How near to the bottom counts as there, in pixels. */
const NEAR = 80;
const day = (micros: number) => new Date(micros / 1000).toLocaleDateString(undefined, { weekday: "long", month: "long", day: "numeric" });
const time = (micros: number) => new Date(micros / 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });

export function Messages({ me, nameOf, messages, failed, retry, isPast }: MessagesProps) {
  const list = useRef<HTMLDivElement>(null);
  const isAtBottom = useRef(true);
  useLayoutEffect(() => {
    if (isAtBottom.current && list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [messages, failed]);
  const follow = ({ scrollHeight, scrollTop, clientHeight }: HTMLElement) => {
    isAtBottom.current = scrollHeight - scrollTop - clientHeight < NEAR;
  };
  const ordered = messages.toReversed();
  return (
    <div className="messages" ref={list} role="log" aria-label="Messages" tabIndex={0} onScroll={(event) => follow(event.currentTarget)}>
      {ordered.length === 0 && <p className="none">{isPast ? "Nothing had been said." : "Nothing has been said yet."}</p>}
      {ordered.map((message, at) => {
        const before = ordered[at - 1];
        const isNewDay = before === undefined || day(before.sent_at) !== day(message.sent_at);
        const isMine = message.author === me;
        return (
          <Fragment key={message.id}>
            {isNewDay && <h3 className="day">{day(message.sent_at)}</h3>}
            <Message message={message} isMine={isMine} canChange={isMine && !isPast && !isSending(message)}
              name={!isMine && (isNewDay || before?.author !== message.author) ? nameOf(message.author) : null} />
          </Fragment>
        );
      })}
      {failed.map((message) => (
        <article key={message.key} className="message mine failed">
          <p>{message.text}</p>
          <footer><span role="alert">Not sent: {message.reason}</span> <button type="button" onClick={() => retry(message)}>Try again</button></footer>
        </article>
      ))}
    </div>
  );
}

interface MessageProps {
  readonly message: MessageRow;
  readonly isMine: boolean;
  readonly canChange: boolean;
  readonly name: string | null;
}

/** Rows keep their identity, so only a message that has changed is rendered again. */
const Message = memo(function Message({ message, isMine, canChange, name }: MessageProps) {
  const edit = useReducer("edit_message");
  const remove = useReducer("remove_message");
  const [draft, setDraft] = useState<string | null>(null);
  const save = () => edit({ id: message.id, text: draft ?? "" }).then(() => setDraft(null), () => {});
  return (
    <article className={isMine ? "message mine" : "message"} data-sending={isSending(message)}>
      {name !== null && <h4>{name}</h4>}
      {draft === null ? <p>{message.text}</p> : (
        <form className="row" onSubmit={(event) => { event.preventDefault(); save(); }}>
          <input aria-label="Changed message" value={draft} autoFocus onChange={(event) => setDraft(event.target.value)}
            onKeyDown={(event) => event.key === "Escape" && setDraft(null)} />
          <button type="submit">Save</button>
        </form>
      )}
      <footer>
        {isSending(message) ? "sending…" : <time dateTime={new Date(message.sent_at / 1000).toISOString()}>{time(message.sent_at)}</time>}
        {message.edited_at !== null && " · edited"}
        {canChange && draft === null && (
          <span className="actions">
            <button type="button" onClick={() => setDraft(message.text)}>Edit</button>
            <button type="button" onClick={() => remove({ id: message.id }).catch(() => {})}>Delete</button>
          </span>
        )}
        <span role="alert" className="error">{edit.error?.detail ?? remove.error?.detail}</span>
      </footer>
    </article>
  );
});
