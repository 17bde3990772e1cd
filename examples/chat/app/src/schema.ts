/** The module's tables and reducers, in the shape that `cosmictron generate --lang typescript` writes. */

export interface PersonRow {
  id: string;
  name: string;
}

export interface RoomRow {
  id: number;
  name: string;
  is_open: boolean;
  owner: string;
}

export interface MemberRow {
  id: number;
  room: number;
  person: string;
  last_read: number;
}

/** Times are microseconds since the epoch. */
export interface MessageRow {
  id: number;
  room: number;
  author: string;
  text: string;
  sent_at: number;
  edited_at: number | null;
}

export type Schema = {
  tables: {
    person: { row: PersonRow; key: "id" };
    room: { row: RoomRow; key: "id" };
    member: { row: MemberRow; key: "id" };
    message: { row: MessageRow; key: "id" };
  };
  reducers: {
    set_name: { args: { name: string }; result: undefined };
    open_room: { args: { name: string; is_open: boolean }; result: number };
    join_room: { args: { room: number }; result: undefined };
    leave_room: { args: { room: number }; result: undefined };
    invite: { args: { room: number; name: string }; result: undefined };
    send_message: { args: { room: number; text: string }; result: number };
    edit_message: { args: { id: number; text: string }; result: undefined };
    remove_message: { args: { id: number }; result: undefined };
    mark_read: { args: { room: number; message: number }; result: undefined };
    start_typing: { args: { room: number }; result: undefined };
    stop_typing: { args: Record<string, never>; result: undefined };
  };
};
