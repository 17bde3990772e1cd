//! Numbers segments and writes.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            pub const fn get(self) -> u64 {
                self.0
            }
        }
    };
}

number! {
    /// A segment's place in its log: 1 for the first, then without a gap.
    SegmentNumber
}

number! {
    /// Names a write that was handed out; used once.
    WriteId
}

impl SegmentNumber {
    /// Before every segment.
    pub(crate) const NONE: SegmentNumber = SegmentNumber(0);

    /// The segment after this one. Panics after 2^64 segments.
    pub const fn next(self) -> SegmentNumber {
        SegmentNumber(self.0 + 1)
    }
}

impl fmt::Display for SegmentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
