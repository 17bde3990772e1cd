//! Values of columns that place rows: half of them crowd a few partitions, so that most seeds have rows in each of those, also
//! when they are spread over another number of shards.

use std::sync::LazyLock;

use cosmictron_types::Partition;

use crate::dice::Dice;

/// Partitions that many rows are in: the first ones.
const CROWDED: u16 = 16;
/// Some values are this small or smaller, as those of lists and parents are.
const FEW: u64 = 6;
/// Others are drawn from so many values.
const VALUES: u64 = 5_000;

/// A value for each crowded partition.
static CROWD: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let value_of = |partition| (1..).find(|value| partition_of(*value).get() == partition);
    (0..CROWDED).filter_map(value_of).collect()
});

pub fn draw(dice: &mut Dice) -> u64 {
    match dice.roll(4) {
        0 | 1 => *dice.pick(&CROWD).expect("every partition has values"),
        2 => 1 + dice.roll(FEW),
        _ => 1 + dice.roll(VALUES),
    }
}

/// Where a row with this value in the column that places it is.
pub fn partition_of(value: u64) -> Partition {
    Partition::of_key(&value.to_be_bytes())
}
