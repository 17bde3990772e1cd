//! Tells what is wrong with a history so that a reader can follow it.

use std::fmt::Write;

use super::graph::{Cycle, Reason};
use super::{Fate, Operation, Step};

/// Values of a list that are told: the last ones.
const VALUES_TOLD: usize = 8;

/// What is wrong with a history. Operations are told by their places in it.
#[derive(Debug)]
pub enum Anomaly {
    /// G1a: it has read what a refused operation has appended.
    AbortedRead {
        reader: usize,
        writer: usize,
        list: u64,
        value: u64,
    },
    /// G1b: it has read what the writer had not finished.
    IntermediateRead {
        reader: usize,
        writer: usize,
        list: u64,
        value: u64,
    },
    /// Nobody has appended it.
    Invented {
        reader: usize,
        list: u64,
        value: u64,
    },
    /// It is in a list twice.
    Repeated {
        reader: usize,
        list: u64,
        value: u64,
    },
    /// A read does not show what the same operation has done or read before.
    Internal {
        reader: usize,
        list: u64,
    },
    /// Two reads of a list, of which neither is how the other one begins.
    Incompatible {
        reader: usize,
        other: usize,
        list: u64,
    },
    /// The append was answered, and is in no read, though this one was asked for later.
    LostAppend {
        reader: usize,
        writer: usize,
        list: u64,
        value: u64,
    },
    Cycle(Cycle),
}

impl Anomaly {
    /// The anomaly in one line, and the operations that it is about.
    pub fn tell(&self, operations: &[Operation]) -> String {
        let name = |at: &usize| &operations[*at].name;
        let mut text = match self {
            Anomaly::AbortedRead { reader, writer, list, value } => format!(
                "G1a: {} reads {value} in list {list}, of {}, which was refused",
                name(reader),
                name(writer)
            ),
            Anomaly::IntermediateRead { reader, writer, list, value } => format!(
                "G1b: {} reads list {list} up to {value}, behind which {} appends more",
                name(reader),
                name(writer)
            ),
            Anomaly::Invented { reader, list, value } => {
                format!("{} reads {value} in list {list}, which nobody has appended", name(reader))
            }
            Anomaly::Repeated { reader, list, value } => {
                format!("{} reads {value} twice in list {list}", name(reader))
            }
            Anomaly::Internal { reader, list } => {
                format!("{} does not see in list {list} what it did or saw itself", name(reader))
            }
            Anomaly::Incompatible { reader, other, list } => {
                format!("{} and {} read list {list} in two orders", name(reader), name(other))
            }
            Anomaly::LostAppend { reader, writer, list, value } => format!(
                "lost append: {} of {} to list {list} was answered, and {} does not see it, nor does anybody",
                value,
                name(writer),
                name(reader)
            ),
            Anomaly::Cycle(cycle) => format!(
                "{}: no order of {} operations explains what they saw",
                cycle.class,
                cycle.steps.len()
            ),
        };
        for (at, reason) in self.involved() {
            let _ = write!(text, "\n  {}", operations[at].tell());
            if let Some((reason, next)) = reason {
                let next = &operations[next].name;
                let _ = write!(text, "\n    before {next}: {}", reason.tell(next));
            }
        }
        text
    }

    /// The operations, and why each comes before which other one.
    fn involved(&self) -> Vec<(usize, Option<(Reason, usize)>)> {
        match self {
            Anomaly::Cycle(cycle) => {
                let next = cycle.steps.iter().cycle().skip(1);
                let steps = cycle.steps.iter().zip(next);
                steps.map(|((at, reason), (next, _))| (*at, Some((*reason, *next)))).collect()
            }
            Anomaly::AbortedRead { reader, writer, .. }
            | Anomaly::IntermediateRead { reader, writer, .. }
            | Anomaly::LostAppend { reader, writer, .. } => vec![(*writer, None), (*reader, None)],
            Anomaly::Incompatible { reader, other, .. } => vec![(*other, None), (*reader, None)],
            Anomaly::Invented { reader, .. }
            | Anomaly::Repeated { reader, .. }
            | Anomaly::Internal { reader, .. } => vec![(*reader, None)],
        }
    }
}

impl Reason {
    fn tell(self, next: &str) -> String {
        match self {
            Reason::WriteWrite { list, first, second } => {
                format!("list {list} has its {first} before the {second} of {next}")
            }
            Reason::WriteRead { list, value } => {
                format!("{next} reads its {value} in list {list}")
            }
            Reason::ReadWrite { list, value } => {
                format!("it reads list {list} without the {value} of {next}")
            }
            Reason::Number => "its number is the smaller one".to_owned(),
            Reason::Time => format!("it was answered before {next} was asked for"),
        }
    }
}

impl Operation {
    fn tell(&self) -> String {
        let mut text = format!("{} on shard {}", self.name, self.shard);
        let _ = match self.fate {
            Fate::Transaction(tx) => write!(text, ", tx {tx}"),
            Fate::AsOf(tx) => write!(text, ", a read as of {tx}"),
            Fate::Live(tx) => write!(text, ", a read of the present at {tx}"),
            Fate::Done => Ok(()),
            Fate::Unknown => write!(text, ", of unknown outcome"),
            Fate::Refused => write!(text, ", refused"),
        };
        let _ = write!(text, ", asked at {} µs", self.asked.as_micros());
        if let Some(answered) = self.answered {
            let _ = write!(text, ", over {} µs later", (answered - self.asked).as_micros());
        }
        for step in &self.steps {
            let _ = match step {
                Step::Append { list, value } => write!(text, "; appends {value} to list {list}"),
                Step::Read { list, values } => {
                    let told = &values[values.len().saturating_sub(VALUES_TOLD)..];
                    let more = if told.len() < values.len() { "…, " } else { "" };
                    let told: Vec<String> = told.iter().map(u64::to_string).collect();
                    write!(text, "; reads list {list}: [{more}{}]", told.join(", "))
                }
            };
        }
        text
    }
}
