/** The rooms one is in, with what is unread; those one can join; a form to open one. */
import { type FormEvent, useState } from "react";
import { useClient, useMemberships, useReducer, useRooms, useUnread } from "./live";

interface RoomsProps {
  readonly me: string;
  readonly open: number | null;
  readonly choose: (room: number) => void;
}

export function Rooms({ me, open, choose }: RoomsProps) {
  const client = useClient();
  const mine = new Set(useMemberships(me).rows.map((member) => member.room));
  const rooms = useRooms();
  const unread = useUnread(me);
  const join = useReducer("join_room");
  const others = rooms.filter((room) => !mine.has(room.id));
  return (
    <nav className="rooms" aria-label="Rooms">
      <header><h1>Rooms</h1><button type="button" className="quiet" onClick={() => client.signOut()}>Sign out</button></header>
      <ul>
        {rooms.filter((room) => mine.has(room.id)).map((room) => (
          <li key={room.id}>
            <button type="button" aria-current={room.id === open} onClick={() => choose(room.id)}>
              <span className="name">{room.is_open ? "# " : "🔒 "}{room.name}</span>
              {room.id !== open && unread.has(room.id) && (
                <span className="badge" aria-label={`${unread.get(room.id)} unread`}>{unread.get(room.id)}</span>
              )}
            </button>
          </li>
        ))}
      </ul>
      {others.length > 0 && <h2>Open to all</h2>}
      <ul>
        {others.map((room) => (
          <li key={room.id}>
            <button type="button" onClick={() => join({ room: room.id }).then(() => choose(room.id), () => {})}>
              <span className="name"># {room.name}</span><span className="join">Join</span>
            </button>
          </li>
        ))}
      </ul>
      <p role="alert" className="error">{join.error?.detail}</p>
      <NewRoom choose={choose} />
    </nav>
  );
}

function NewRoom({ choose }: { choose: (room: number) => void }) {
  const openRoom = useReducer("open_room");
  const [name, setName] = useState("");
  const [isOpen, setOpen] = useState(true);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    openRoom({ name, is_open: isOpen }).then((room) => { setName(""); choose(room); }, () => {});
  };
  return (
    <form className="new-room" onSubmit={submit}>
      <div className="row">
        <input aria-label="Name of a new room" placeholder="New room" value={name} maxLength={40} required onChange={(event) => setName(event.target.value)} />
        <button type="submit" disabled={openRoom.isPending}>Open</button>
      </div>
      <label className="check"><input type="checkbox" checked={isOpen} onChange={(event) => setOpen(event.target.checked)} />Anybody may join</label>
      <p role="alert" className="error">{openRoom.error?.detail}</p>
    </form>
  );
}
