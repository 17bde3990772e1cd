/** What the app asks of the server, all of it. Policies of the module decide what of it is there for whom. */
import { createHooks } from "@cosmictron/react";
import type { MemberRow, MessageRow, PersonRow, RoomRow, Schema } from "./schema";

export const { useQuery, useReducer, useIdentity, useConnectionState, useClient } = createHooks<Schema>();

const SHOWN_MAX = 200;
const COLUMNS = "id, room, author, text, sent_at, edited_at";
/** The newest messages of a room, the newest first. */
export const MESSAGES = `SELECT ${COLUMNS} FROM message WHERE room = $1 ORDER BY id DESC LIMIT ${SHOWN_MAX}`;
const UNREAD = `SELECT m.room, count(*) AS unread FROM message m JOIN member mine ON mine.room = m.room
  WHERE mine.person = $1::identity AND m.id > mine.last_read AND m.author <> $1::identity GROUP BY m.room`;

/** The same, as they were. */
export const messagesAsOf = (moment: Date) =>
  MESSAGES.replace("FROM message", `FROM message AS OF TIMESTAMP '${moment.toISOString()}'`);

export const useRooms = () => useQuery<RoomRow>("SELECT id, name, is_open, owner FROM room ORDER BY name").rows;
export const useMemberships = (me: string) =>
  useQuery<MemberRow>("SELECT id, room, person, last_read FROM member WHERE person = $1::identity", [me]);
export const useMembers = (room: number) =>
  useQuery<MemberRow>("SELECT id, room, person, last_read FROM member WHERE room = $1", [room]).rows;
export const useMessages = (room: number) => useQuery<MessageRow>(MESSAGES, [room]);
export const useUnread = (me: string) =>
  new Map(useQuery<{ room: number; unread: number }>(UNREAD, [me]).rows.map((row) => [row.room, row.unread]));
export const useOnline = () =>
  new Set(useQuery<{ person: string }>("SELECT DISTINCT person FROM online").rows.map((row) => row.person));
export const useTyping = (room: number, me: string) =>
  useQuery<{ person: string }>(
    "SELECT DISTINCT person FROM typing WHERE room = $1 AND person <> $2::identity AND until > now()",
    [room, me],
  ).rows.map((row) => row.person);

/** Everybody's name, and what is said of those who have none. */
export function usePeople() {
  const people = useQuery<PersonRow>("SELECT id, name FROM person");
  const names = new Map(people.rows.map((row) => [row.id, row.name]));
  return { status: people.status, names, nameOf: (id: string) => names.get(id) ?? "somebody" };
}
