//! Chooses the path by which a table's rows are read.

use cosmictron_storage::{IndexDef, TableDef};
use cosmictron_types::{ColumnIndex, IndexId};

use super::order::{Given, IndexOrder, Order};
use crate::expr::{ColumnRef, Comparison, Expr};
use crate::logical::SortKey;
use crate::value::Datum;

/// Which rows are read, and in which order.
#[derive(Debug)]
pub(crate) enum Path {
    /// All, in the order of the store.
    Whole,
    /// The one row with this key, if there is one.
    Lookup {
        index: IndexId,
        key: Vec<KeyPart>,
    },
    Range(KeyRange),
}

/// A part of an index: where its first columns have given values, and the next one lies in a range.
#[derive(Debug)]
pub(crate) struct KeyRange {
    pub(crate) index: IndexId,
    pub(crate) equal: Vec<KeyPart>,
    pub(crate) lower: Option<KeyBound>,
    pub(crate) upper: Option<KeyBound>,
    /// Rows in which the column after the equal ones is absent are left out. Bounds do so too.
    pub(crate) present: bool,
    pub(crate) descending: bool,
}

/// What one column of a key has to be. Constant: evaluated once, before any row is read.
#[derive(Debug)]
pub(crate) enum KeyPart {
    Value(Expr),
    Absent,
}

#[derive(Debug)]
pub(crate) struct KeyBound {
    pub(crate) value: Expr,
    pub(crate) inclusive: bool,
}

/// Chooses a path, and takes the predicates that it makes good out of `levels`.
pub(crate) fn choose(
    table: &TableDef,
    levels: &mut [Vec<Expr>],
    wanted: &[SortKey],
) -> (Path, Option<Given>) {
    let mut best: Option<Candidate<'_>> = None;
    for (number, index) in (0..).zip(&table.indexes) {
        let candidate = Candidate::of(IndexId::new(number), index, table, levels, wanted);
        let better = best.as_ref().is_none_or(|best| best.score() < candidate.score());
        if candidate.is_useful() && better {
            best = Some(candidate);
        }
    }
    match best {
        Some(candidate) => candidate.take(levels),
        None => (Path::Whole, None),
    }
}

/// A predicate's place: its level, and its number there.
type Place = (usize, usize);

/// What an index could do for a query.
struct Candidate<'d> {
    number: IndexId,
    def: &'d IndexDef,
    equal: Vec<Place>,
    lower: Option<Place>,
    upper: Option<Place>,
    present: Option<Place>,
    /// Every column of a unique index is given, and none as absent.
    unique: bool,
    /// What it gives of the wanted order.
    given: Option<Given>,
}

impl<'d> Candidate<'d> {
    fn of(
        number: IndexId,
        def: &'d IndexDef,
        table: &TableDef,
        levels: &[Vec<Expr>],
        wanted: &[SortKey],
    ) -> Self {
        let find = |column, wanted: &dyn Fn(&Use) -> bool| {
            let numbered = levels.iter().enumerate().flat_map(|(level, predicates)| {
                predicates.iter().enumerate().map(move |(at, predicate)| ((level, at), predicate))
            });
            let mut uses = numbered
                .filter_map(|(place, predicate)| Some((place, Use::of(predicate, column)?)));
            uses.find(|(_, use_)| wanted(use_))
        };
        let mut equal = Vec::new();
        let mut unique = def.unique;
        for &column in &def.columns {
            let Some((place, use_)) = find(column, &Use::is_equality) else { break };
            unique &= !matches!(use_, Use::Absent);
            equal.push(place);
        }
        unique &= equal.len() == def.columns.len();
        let next = def.columns.get(equal.len()).copied();
        let place = |wanted: &dyn Fn(&Use) -> bool| {
            next.and_then(|column| find(column, wanted)).map(|(place, _)| place)
        };
        let lower = place(&|use_| matches!(use_, Use::Bound { lower: true, .. }));
        let upper = place(&|use_| matches!(use_, Use::Bound { lower: false, .. }));
        let present = place(&|use_| matches!(use_, Use::Present));
        let bounded = lower.is_some() || upper.is_some() || present.is_some();
        let key = IndexOrder { def, table, equal: equal.len(), next_is_present: bounded };
        let given = if unique { Some(Given::ONE_ROW) } else { key.given(wanted) };
        Self { number, def, equal, lower, upper, present, unique, given }
    }

    /// Compared in this order.
    fn score(&self) -> (bool, usize, usize, Order) {
        let bounds = usize::from(self.lower.is_some()) + usize::from(self.upper.is_some());
        let order = self.given.map_or(Order::None, |given| given.order);
        (self.unique, self.equal.len(), bounds, order)
    }

    fn is_useful(&self) -> bool {
        self.score() > (false, 0, 0, Order::None)
    }

    /// Builds the path out of the predicates that it takes over.
    fn take(self, levels: &mut [Vec<Expr>]) -> (Path, Option<Given>) {
        let column = |at: usize| self.def.columns[at];
        let equal: Vec<Taken> = (0..)
            .zip(&self.equal)
            .map(|(at, place)| Taken::take(levels, *place, column(at)))
            .collect();
        let next = self.equal.len();
        let mut bound = |place: Option<Place>| {
            place.map(|place| Taken::take(levels, place, column(next)).into_bound())
        };
        let (lower, upper) = (bound(self.lower), bound(self.upper));
        // Where there is a bound it leaves out what is absent; the predicate that says so is met either way.
        let present = self.present.is_some();
        if let Some(place) = self.present {
            Taken::take(levels, place, column(next));
        }
        for level in &mut *levels {
            level.retain(|predicate| predicate.literal() != Some(&Datum::Bool(true)));
        }
        let equal = equal.into_iter().map(Taken::into_part).collect();
        let index = self.number;
        if self.unique {
            return (Path::Lookup { index, key: equal }, self.given);
        }
        let descending = self.given.is_some_and(|given| given.descending);
        (Path::Range(KeyRange { index, equal, lower, upper, present, descending }), self.given)
    }
}

/// What a predicate says of a column.
enum Use {
    /// It equals a constant; for a bool, it is true or false.
    Equal,
    Absent,
    Present,
    Bound {
        lower: bool,
    },
}

impl Use {
    /// The binder put a cast around a column that is compared as something else than it is, so a bare column is
    /// compared exactly, and an index knows its order.
    fn of(predicate: &Expr, column: ColumnIndex) -> Option<Self> {
        let is_column = |expr: &Expr| matches!(expr, Expr::Column(named) if named.column == column);
        match predicate {
            Expr::Column(_) if is_column(predicate) => Some(Use::Equal),
            Expr::Not(inner) if is_column(inner) => Some(Use::Equal),
            Expr::IsNull { expr, negated } if is_column(expr) => {
                Some(if *negated { Use::Present } else { Use::Absent })
            }
            Expr::Compare { op, left, right } => {
                let (op, value) = if is_column(left) {
                    (*op, right)
                } else if is_column(right) {
                    (op.mirrored(), left)
                } else {
                    return None;
                };
                if !value.is_constant() {
                    return None;
                }
                match op {
                    Comparison::Equal => Some(Use::Equal),
                    Comparison::NotEqual => None,
                    Comparison::Greater | Comparison::GreaterOrEqual => {
                        Some(Use::Bound { lower: true })
                    }
                    Comparison::Less | Comparison::LessOrEqual => Some(Use::Bound { lower: false }),
                }
            }
            _ => None,
        }
    }

    fn is_equality(&self) -> bool {
        matches!(self, Use::Equal | Use::Absent)
    }
}

/// A predicate that a path has taken over, in parts.
enum Taken {
    Compare { op: Comparison, value: Expr },
    Absent,
}

impl Taken {
    /// Leaves `true` behind, so that the places of the others stay what they are.
    fn take(levels: &mut [Vec<Expr>], (level, at): Place, column: ColumnIndex) -> Self {
        let predicate = core::mem::replace(&mut levels[level][at], Expr::boolean(true));
        let named = |expr: &Expr| matches!(expr, Expr::Column(ColumnRef { column: named, .. }) if *named == column);
        match predicate {
            Expr::Compare { op, left, right } if named(&left) => {
                Taken::Compare { op, value: *right }
            }
            Expr::Compare { op, left, .. } => Taken::Compare { op: op.mirrored(), value: *left },
            Expr::Column(_) => Taken::Compare { op: Comparison::Equal, value: Expr::boolean(true) },
            Expr::Not(_) => Taken::Compare { op: Comparison::Equal, value: Expr::boolean(false) },
            _ => Taken::Absent,
        }
    }

    fn into_part(self) -> KeyPart {
        match self {
            Taken::Compare { value, .. } => KeyPart::Value(value),
            Taken::Absent => KeyPart::Absent,
        }
    }

    fn into_bound(self) -> KeyBound {
        let Taken::Compare { op, value } = self else { unreachable!("a bound is a comparison") };
        let inclusive = matches!(op, Comparison::GreaterOrEqual | Comparison::LessOrEqual);
        KeyBound { value, inclusive }
    }
}
