//! A live query, as its subscriber sees it: a stream of what has changed.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::conversation::{Asked, News, QueryAnswer};
use crate::driver::Command;
use crate::error::Error;

/// What has happened to a query's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update<T> {
    /// This is all of it, in place of what was there before. The first update is one; later ones follow where the server does not
    /// remember what has changed since a connection was lost, or may not tell.
    Rows {
        /// What it is as of.
        tx_id: u64,
        /// The rows; those of `ORDER BY` in their order.
        rows: Vec<T>,
    },
    /// It is what it was, but for these.
    Changes {
        /// What it is as of.
        tx_id: u64,
        /// Rows that are there once more.
        inserts: Vec<T>,
        /// Rows that are there once less.
        deletes: Vec<T>,
    },
}

impl<T> Update<T> {
    /// The transaction as of which the answer is known.
    pub fn tx_id(&self) -> u64 {
        match self {
            Update::Rows { tx_id, .. } | Update::Changes { tx_id, .. } => *tx_id,
        }
    }

    /// Changes `rows`, which has to be what the updates before have made of it. New rows come last. It looks for each row that goes,
    /// so with many rows a map by their key is quicker.
    pub fn apply(self, rows: &mut Vec<T>)
    where
        T: PartialEq,
    {
        match self {
            Update::Rows { rows: all, .. } => *rows = all,
            Update::Changes { inserts, deletes, .. } => {
                for gone in deletes {
                    if let Some(at) = rows.iter().position(|row| *row == gone) {
                        rows.remove(at);
                    }
                }
                rows.extend(inserts);
            }
        }
    }
}

/// A stream of updates, which ends with an error or never. Dropping it unsubscribes.
///
/// Lost connections are no matter of a subscriber's: the client connects again and goes on where it was. A subscriber that takes
/// nothing costs no more than [`updates_max`](crate::Options::updates_max) updates.
#[derive(Debug)]
pub struct Subscription<T> {
    id: u64,
    commands: mpsc::UnboundedSender<Command>,
    news: mpsc::Receiver<Result<News, Error>>,
    first: Option<QueryAnswer>,
    columns: Vec<String>,
    key: Option<Vec<usize>>,
    has_ended: bool,
    rows: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Subscription<T> {
    pub(crate) fn new(
        id: u64,
        commands: mpsc::UnboundedSender<Command>,
        news: mpsc::Receiver<Result<News, Error>>,
        first: QueryAnswer,
    ) -> Subscription<T> {
        let columns = first.rows.columns.names.clone();
        let key = first.key.clone();
        let (first, has_ended, rows) = (Some(first), false, PhantomData);
        Subscription { id, commands, news, first, columns, key, has_ended, rows }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The columns whose values, taken together, no two rows share, where some are known.
    pub fn key(&self) -> Option<impl Iterator<Item = &str>> {
        let name = |column: &usize| self.columns[*column].as_str();
        self.key.as_ref().map(|key| key.iter().map(name))
    }

    /// The next update. May be given up at any time.
    pub async fn next(&mut self) -> Option<Result<Update<T>, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Asks to be told what there was no room for.
    fn catch_up(&mut self) {
        let (news, receiver) = mpsc::channel(self.news.max_capacity());
        self.news = receiver;
        let asked = Asked::CatchUp { id: self.id, news };
        // Where the client is closed, the new channel is closed as well.
        self.has_ended = self.commands.send(Command::Ask(asked)).is_err();
    }
}

impl<T: DeserializeOwned> Stream for Subscription<T> {
    type Item = Result<Update<T>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            let tx_id = first.tx_id;
            return Poll::Ready(Some(first.rows.decode().map(|rows| Update::Rows { tx_id, rows })));
        }
        loop {
            if this.has_ended {
                return Poll::Ready(None);
            }
            match this.news.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(news))) => return Poll::Ready(Some(decode(&news))),
                Poll::Ready(Some(Err(error))) => {
                    this.has_ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => this.catch_up(),
            }
        }
    }
}

fn decode<T: DeserializeOwned>(news: &News) -> Result<Update<T>, Error> {
    Ok(match news {
        News::Rows { tx_id, rows } => Update::Rows { tx_id: *tx_id, rows: rows.decode()? },
        News::Changes { tx_id, inserts, deletes } => Update::Changes {
            tx_id: *tx_id,
            inserts: inserts.decode()?,
            deletes: deletes.decode()?,
        },
    })
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        drop(self.commands.send(Command::Ask(Asked::Unsubscribe { id: self.id })));
    }
}
