//! A live query with those who are told of it: a reader of each format, one of them slow, and one that comes and goes.

use std::sync::Arc;

use cosmictron_sql::{
    AnswerChanges, Dataflow, EncodedRows, ErrorClass, ExecutionLimits, HeldAnswer, InitialRows,
    LeafChanges, LivePlan, Params, PartialRows, Plan, RowChanges, RowFormat, SqlError, plan,
};
use cosmictron_storage::{Store, WatchedChanges};
use cosmictron_types::{Timestamp, TxId};

use super::answer::{Columns, Counted, Row, counted};
use super::cluster::{Cluster, plan_limits};
use super::query::Query;
use crate::live::leaf_changes;

/// A planned query.
pub(crate) struct Asked {
    pub(crate) text: String,
    pub(crate) plan: Plan,
    pub(crate) params: Params,
    pub(crate) columns: Columns,
    /// Whether it may fail, or not, by what it happens to compute first.
    pub(crate) may_fail: bool,
}

/// As of when a query is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) tx: TxId,
    pub(crate) now: Timestamp,
}

impl Moment {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        Self { tx: cluster.tx(), now: cluster.now() }
    }
}

/// See the module.
pub(crate) struct Subscriber {
    asked: Arc<Asked>,
    flow: Dataflow,
    readers: Vec<Reader>,
    held: Option<HeldAnswer>,
    /// As of which transaction a reader has gone, and with what.
    gone: Option<(Moment, EncodedRows, Counted)>,
    /// What was told, and as of when.
    pub(crate) told: Vec<(Moment, Counted)>,
}

/// A client's rows.
struct Reader {
    format: RowFormat,
    rows: Counted,
    /// What it has not taken yet, as one change.
    pending: RowChanges,
    /// Takes what there is at every so many transactions.
    pace: usize,
}

/// A product of several tables is not what is looked for.
const ROWS_MAX: u64 = 50_000;
const MEMORY_BYTES_MAX: u64 = 8 << 20;

pub(crate) fn limits() -> ExecutionLimits {
    ExecutionLimits { scanned_max: ROWS_MAX, ..ExecutionLimits::default() }
}

/// Pieces of a beginning, in rows.
const PIECE_ROWS: usize = 3;

impl Asked {
    /// `None` when the query is not offered.
    pub(crate) fn new(query: &Query, cluster: &Cluster) -> Option<Self> {
        let text = query.text.clone();
        let plan = match plan(&text, cluster, &plan_limits()) {
            Ok(plan) => plan,
            Err(error) if error.class() == ErrorClass::Unsupported => return None,
            // A constant that has no value is refused at once.
            Err(error) if query.may_fail && error.class() == ErrorClass::Type => return None,
            Err(error) => panic!("{error}\n{text}"),
        };
        let params = plan.read_params(query.params.as_bytes());
        let params = params.unwrap_or_else(|error| panic!("{error}\n{query:?}"));
        let params = match cluster.reader() {
            Some(reader) if plan.asks_identity() => params.by(reader),
            _ => params,
        };
        let columns = Columns::of(&plan);
        Some(Self { text, plan, params, columns, may_fail: query.may_fail })
    }

    fn encoded(
        &self,
        cluster: &Cluster,
        moment: Moment,
        format: RowFormat,
    ) -> Result<EncodedRows, SqlError> {
        let params = self.params.clone().at(moment.now);
        let snapshot = cluster.one().as_of(moment.tx);
        self.plan.execute_at(snapshot, &params, &limits())?.encode(format)
    }

    /// The answer of the one store.
    pub(crate) fn answer(&self, cluster: &Cluster, moment: Moment) -> Result<Vec<Row>, SqlError> {
        let rows = self.encoded(cluster, moment, RowFormat::Json)?;
        Ok(self.columns.rows(RowFormat::Json, &rows.told()))
    }

    /// The answer of all shards' parts.
    pub(crate) fn merged(&self, cluster: &Cluster, moment: Moment) -> Result<Vec<Row>, SqlError> {
        let (limits, params) = (limits(), self.params.clone().at(moment.now));
        let is_present = moment.tx == cluster.tx();
        let part = |store: &Store| {
            let snapshot = if is_present { store.present() } else { store.as_of(moment.tx) };
            self.plan.execute_part(snapshot, &params, &limits)
        };
        let parts = cluster.stores().map(part).collect::<Result<Vec<PartialRows>, _>>()?;
        let rows = self.plan.merge(&parts, &params, &limits)?.encode(RowFormat::Json)?;
        Ok(self.columns.rows(RowFormat::Json, &rows.told()))
    }
}

impl Subscriber {
    /// `None` when the query cannot be subscribed to; an error when its answer cannot be computed.
    pub(crate) fn new(asked: Arc<Asked>, cluster: &Cluster) -> Option<Result<Self, SqlError>> {
        // Nothing to spare, so that windows lack rows often.
        match LivePlan::sparing(&asked.plan, cluster, 0) {
            Ok(live) => Some(Self::begin(asked, Arc::new(live), cluster)),
            Err(error) if error.class() == ErrorClass::Unsupported => None,
            Err(error) => panic!("{error}\n{}", asked.text),
        }
    }

    fn begin(asked: Arc<Asked>, live: Arc<LivePlan>, cluster: &Cluster) -> Result<Self, SqlError> {
        let in_pieces = Self::begin_in(asked.clone(), live.clone(), cluster, PIECE_ROWS);
        // Of a part of the rows an expression may have no value.
        in_pieces.or_else(|_| Self::begin_in(asked, live, cluster, usize::MAX))
    }

    fn begin_in(
        asked: Arc<Asked>,
        live: Arc<LivePlan>,
        cluster: &Cluster,
        piece_rows: usize,
    ) -> Result<Self, SqlError> {
        let params = Arc::new(asked.params.clone().at(cluster.now()));
        let flow = Dataflow::new(live, params, MEMORY_BYTES_MAX)?;
        let reader = |(format, pace)| Reader {
            format,
            rows: Counted::new(),
            pending: RowChanges::none(format),
            pace,
        };
        let readers = [
            (RowFormat::Json, 1),
            (RowFormat::Binary, 1),
            (RowFormat::Json, 3),
            (RowFormat::Binary, 4),
        ];
        let readers = readers.into_iter().map(reader).collect();
        let mut subscriber =
            Self { asked, flow, readers, held: None, gone: None, told: Vec::new() };
        let leaves: Vec<usize> = (0..subscriber.flow.plan().leaves().len()).collect();
        let rows = subscriber.rows_of(&leaves, cluster)?;
        let mut pieces = InitialRows::new(subscriber.flow.plan(), rows);
        while let Some(piece) = pieces.next_piece(piece_rows) {
            subscriber.apply(piece, cluster)?;
        }
        Ok(subscriber)
    }

    /// The rows of leaves, as changes from nothing.
    fn rows_of(&self, leaves: &[usize], cluster: &Cluster) -> Result<LeafChanges, SqlError> {
        let (plan, params) = (self.flow.plan(), self.flow.params());
        let (mut changes, limits) = (LeafChanges::default(), limits());
        for leaf in leaves {
            let part = |store: &Store| {
                plan.initial()[*leaf].execute_part(store.present(), params, &limits)
            };
            let parts = cluster.stores().map(part).collect::<Result<Vec<_>, _>>()?;
            plan.read_parts(*leaf, &parts, params, &limits, &mut changes)?;
        }
        Ok(changes)
    }

    /// Takes what one transaction has done.
    pub(crate) fn take(
        &mut self,
        watched: &[WatchedChanges],
        cluster: &Cluster,
    ) -> Result<(), SqlError> {
        let mut changes = LeafChanges::default();
        for (_, change) in watched.iter().flat_map(WatchedChanges::iter) {
            leaf_changes(&self.flow, &change, &mut changes)?;
        }
        self.apply(changes, cluster)
    }

    fn apply(&mut self, changes: LeafChanges, cluster: &Cluster) -> Result<(), SqlError> {
        let mut told = self.flow.apply_at(changes, cluster.now())?;
        let lacking = self.flow.lacking();
        if !lacking.is_empty() {
            let rows = self.rows_of(&lacking, cluster)?;
            told.merge(self.flow.fill(rows)?);
            assert!(self.flow.lacking().is_empty(), "{}", self.asked.text);
        }
        self.tell(told)
    }

    fn tell(&mut self, told: AnswerChanges) -> Result<(), SqlError> {
        for reader in &mut self.readers {
            let rows = told.rows(reader.format)?;
            assert!(rows.iter().all(|(_, weight)| weight != 0), "a change of nothing is told");
            reader.pending.merge(&rows);
        }
        match &mut self.held {
            Some(held) => held.add(&told),
            None => self.held = Some(HeldAnswer::of(told)),
        }
        Ok(())
    }

    /// What everybody holds is the query's answer, `step` transactions after the beginning.
    pub(crate) fn check(&mut self, expected: &Counted, moment: Moment, step: usize) {
        let Self { asked, readers, .. } = self;
        let asked = asked.clone();
        for reader in readers.iter_mut().filter(|reader| step.is_multiple_of(reader.pace)) {
            reader.catch_up(&asked.columns);
            let (format, pace) = (reader.format, reader.pace);
            assert_eq!(
                &reader.rows,
                expected,
                "{format:?}, every {pace}\n{}\n{}",
                asked.text,
                asked.plan.explain()
            );
        }
        let held = self.held.as_ref().expect("it has begun");
        let (rows, count) = held.rows(RowFormat::Binary).unwrap();
        let rows = self.asked.columns.rows(RowFormat::Binary, &rows.told());
        assert_eq!((&counted(&rows), count), (expected, rows.len() as u64), "{}", self.asked.text);
        self.told.push((moment, expected.clone()));
    }

    /// A reader goes, or comes back and is told what has changed since.
    pub(crate) fn come_or_go(&mut self, cluster: &Cluster, expected: &Counted, format: RowFormat) {
        let now = Moment::of(cluster);
        let encoded = |moment| self.asked.encoded(cluster, moment, format).unwrap();
        let Some((since, before, mut rows)) = self.gone.take() else {
            self.gone = Some((now, encoded(now), expected.clone()));
            return;
        };
        if before.format() != format {
            return;
        }
        let read = |rows: &EncodedRows| counted(&self.asked.columns.rows(format, &rows.told()));
        assert_eq!(read(&before), read(&encoded(since)), "{} as of {since:?}", self.asked.text);
        let mut change = Vec::new();
        RowChanges::between(&before, &encoded(now)).write(&mut change);
        take_changes(&mut rows, self.asked.columns.changes(format, &change));
        assert_eq!(&rows, expected, "resumed from {since:?}\n{}", self.asked.text);
    }
}

impl Reader {
    fn catch_up(&mut self, columns: &Columns) {
        let mut told = Vec::new();
        std::mem::replace(&mut self.pending, RowChanges::none(self.format)).write(&mut told);
        take_changes(&mut self.rows, columns.changes(self.format, &told));
    }
}

fn take_changes(rows: &mut Counted, (inserts, deletes): (Vec<Row>, Vec<Row>)) {
    for (changed, weight) in [(inserts, 1), (deletes, -1)] {
        for row in changed {
            *rows.entry(row).or_default() += weight;
        }
    }
    rows.retain(|_, count| *count != 0);
}
