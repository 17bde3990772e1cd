//! What the functions of a table do, natively. A server runs the same checks (`tests/module`).

use cosmictron_sdk::{Duration, testing};

#[path = "module/src/lib.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "it is also a module of its own, whose checks panic"
)]
mod module;

use module::tables::{Parcel, Room};
use module::{answers, checks};

macro_rules! natively {
    ($($check:ident),* $(,)?) => {$(
        #[test]
        fn $check() {
            checks::$check();
        }
    )*};
}

natively! {
    a_stored_row_comes_back_with_its_number,
    many_rows_are_inserted_with_their_numbers,
    an_index_is_asked_by_its_leading_columns,
    a_column_that_may_be_absent_is_found_by_what_it_holds,
    a_unique_value_is_stored_once,
    a_foreign_key_points_at_a_row,
    rows_are_changed_and_deleted_by_their_keys,
    an_event_table_is_appended_to,
    a_row_larger_than_a_block_is_read,
    numbers_come_to_an_end,
    what_is_absent_is_never_the_same,
    a_name_that_is_referred_to_stays,
    rows_before_a_refused_one_stay,
    every_type_is_stored_and_found,
    a_range_that_holds_nothing_yields_nothing,
    an_abandoned_scan_does_no_harm,
    a_row_stays_where_its_column_has_placed_it,
}

fn room(name: &str) -> Room {
    Room::insert(Room { id: 0, name: name.into() }).expect("a name that is new")
}

#[test]
#[should_panic(expected = "rev() comes before the first row is taken")]
fn a_begun_scan_does_not_turn_round() {
    room("hall");
    let mut rooms = Room::range_by_id(..);
    rooms.next();
    let _ = rooms.rev();
}

#[test]
fn a_refusal_names_table_and_column() {
    let hall = room("hall");
    let again = Room::insert(Room { id: 0, ..hall }).unwrap_err();
    assert_eq!(again.to_string(), "rooms.name has this value already");
}

#[test]
fn a_refused_move_names_table_and_column() {
    let parcel = Parcel { id: 0, label: "first".into(), depot: 1.0, grams: 100 };
    let stored = Parcel::insert(parcel).expect("a label that is new");
    let moved = Parcel::update(Parcel { depot: 2.0, ..stored }).unwrap_err();
    let told = "parcels.depot places rows on a shard, so an update keeps it";
    assert_eq!(moved.to_string(), told);
}

#[test]
fn a_call_is_scheduled_after_a_span_or_at_a_moment() {
    let ctx = testing::context();
    testing::call(|| answers::schedules(&ctx, "tea".into())).expect("a reducer that there is");
    let scheduled = testing::scheduled();
    let [after, at] = scheduled.as_slice() else { panic!("{scheduled:?}") };
    assert_eq!(after.at.since(ctx.timestamp), Duration::from_secs(60));
    assert_eq!(after.call, answers::echo_later::args("tea".into(), 1));
    assert_eq!(at.at.since(ctx.timestamp), Duration::from_millis(5));
    assert_eq!(at.call.reducer(), "echo_later");
    assert_eq!(at.call.args(), [3, 0, 0, 0, 2, 0, 0, 0, b't', b'e', b'a']);
    assert!(testing::scheduled().is_empty());
}

#[test]
fn a_failed_call_is_undone() {
    room("hall");
    let failed: Result<(), &str> = testing::call(|| {
        room("attic");
        Room::delete_by_name("hall").unwrap();
        Err("no")
    });
    assert_eq!(failed, Err("no"));
    assert_eq!(Room::iter().map(|room| room.name).collect::<Vec<_>>(), ["hall"]);
    testing::call(|| Room::insert(Room { id: 0, name: "attic".into() })).unwrap();
    assert_eq!(Room::filter_by_name("attic").unwrap().id, 2, "numbers are given back too");
}
