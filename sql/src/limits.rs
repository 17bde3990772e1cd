//! Bounds what a text may ask of the planner, and what a plan may ask of a shard.

/// What a text may hold. Checked on its tokens, before anything walks a tree that the text's author shaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanLimits {
    pub text_bytes_max: usize,
    /// Words, numbers, strings and signs; parsing takes about 0.7 µs for each.
    pub tokens_max: usize,
    /// Signs and key words that can make a tree one level deeper: operators, `AND`, `IS`, `::`, `UNION` and the like.
    pub operators_max: usize,
    /// Levels of expressions within expressions. A chain of AND or of OR is one level.
    pub depth_max: usize,
    /// The highest `$n`.
    pub params_max: usize,
    /// Columns of the answer.
    pub columns_max: usize,
    /// Tables and sub-queries, and the SELECTs of set operations; a WITH query counts with all in it wherever it is named.
    pub relations_max: usize,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self {
            text_bytes_max: 64 << 10,
            tokens_max: 4_096,
            operators_max: 2_000,
            depth_max: 128,
            params_max: 1_024,
            columns_max: 1_024,
            relations_max: 64,
        }
    }
}

/// What one execution may use. Reaching a bound is a [`SqlError::Exhausted`](crate::SqlError::Exhausted).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutionLimits {
    /// Rows of the answer.
    pub rows_max: u64,
    /// Bytes of the answer, as it is held: values and a fixed price for each column of each row.
    pub bytes_max: u64,
    /// Rows read from tables, and rows that joins compare or put together. It bounds the time that a query keeps its shard, and what it makes a store keep of the past
    /// where it runs in slices.
    pub scanned_max: u64,
    /// Bytes that joins, sorting, grouping and DISTINCT hold.
    pub memory_bytes_max: u64,
}

impl Default for ExecutionLimits {
    fn default() -> Self {
        Self {
            rows_max: 100_000,
            bytes_max: 64 << 20,
            scanned_max: 5_000_000,
            memory_bytes_max: 64 << 20,
        }
    }
}
