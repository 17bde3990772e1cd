/** Where one writes: Enter sends, Shift+Enter breaks the line. Others see that one is writing. */
import { type KeyboardEvent, useRef, useState } from "react";
import { useReducer } from "./live";

/** Half of what the module counts one key for. */
const TELL_MS = 3_000;

export function Composer({ room, send, isDisabled }: { room: number; send: (text: string) => void; isDisabled: boolean }) {
  const [text, setText] = useState("");
  const startTyping = useReducer("start_typing");
  const told = useRef(0);
  const change = (text: string) => {
    setText(text);
    if (text === "" || Date.now() - told.current < TELL_MS) return;
    told.current = Date.now();
    // Nobody misses it: the next key tells it again.
    startTyping({ room }, { timeout: TELL_MS }).catch(() => {});
  };
  const submit = () => {
    if (text.trim() === "") return;
    send(text.trim());
    setText("");
    told.current = 0;
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  };
  return (
    <form className="composer row" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <textarea aria-label="Message" placeholder={isDisabled ? "This is the past" : "Message"} rows={1} maxLength={4000} value={text} disabled={isDisabled}
        onChange={(event) => change(event.target.value)} onKeyDown={press} />
      <button type="submit" disabled={isDisabled || text.trim() === ""}>Send</button>
    </form>
  );
}
