/** Who is signed in sees rooms; who is not, the door. */
import { useState } from "react";
import { Banner } from "./Banner";
import { Conversation } from "./Conversation";
import { NamePrompt, SignIn } from "./Door";
import { useIdentity, useMemberships, usePeople, useRooms } from "./live";
import { Rooms } from "./Rooms";

export function App() {
  const me = useIdentity();
  return me === null ? <SignIn /> : <Home key={me} me={me} />;
}

function Home({ me }: { me: string }) {
  const [open, setOpen] = useState<number | null>(null);
  const people = usePeople();
  const rooms = useRooms();
  const memberships = useMemberships(me);
  if (people.status === "pending") return <p className="wait" role="status">Connecting…</p>;
  if (!people.names.has(me)) return <NamePrompt />;
  const isMember = memberships.rows.some((member) => member.room === open);
  const room = isMember ? rooms.find((room) => room.id === open) : undefined;
  return (
    <div className="home" data-open={room !== undefined}>
      <Banner />
      <Rooms me={me} open={room?.id ?? null} choose={setOpen} />
      {room === undefined ? (
        <main className="empty"><p>Choose a room, or open one.</p></main>
      ) : (
        <Conversation key={room.id} me={me} room={room} close={() => setOpen(null)} />
      )}
    </div>
  );
}
