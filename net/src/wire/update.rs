//! Writes one `update`: what one transaction changed for all subscriptions of a connection.

use cosmictron_types::TxId;

use super::binary::{self, kind, tag};
use super::binary_message::write_id;
use super::request_id::RequestId;
use super::server_message::{begin, write_tx};
use super::subprotocol::Subprotocol;

/// An update that is being written.
///
/// ```
/// use cosmictron_net::wire::{RequestId, Subprotocol, UpdateWriter};
/// use cosmictron_types::TxId;
///
/// let mut out = Vec::new();
/// let mut update = UpdateWriter::begin(Subprotocol::JsonV1, TxId::new(12), &mut out);
/// update.change(&RequestId::Number(1), b"[[3,\"eve\"]],[]");
/// update.finish();
/// let expected = br#"{"type":"update","tx_id":12,"changes":[[1,[[3,"eve"]],[]]]}"#;
/// assert_eq!(out, expected);
/// ```
#[must_use = "an update must be finished"]
#[derive(Debug)]
pub struct UpdateWriter<'a> {
    subprotocol: Subprotocol,
    out: &'a mut Vec<u8>,
    is_first: bool,
}

impl<'a> UpdateWriter<'a> {
    /// Begins an update at the end of `out`.
    pub fn begin(subprotocol: Subprotocol, tx_id: TxId, out: &'a mut Vec<u8>) -> UpdateWriter<'a> {
        match subprotocol {
            Subprotocol::JsonV1 => {
                begin("update", out);
                write_tx(tx_id, out);
                out.extend_from_slice(b",\"changes\":[");
            }
            Subprotocol::BinV1 => {
                binary::begin(kind::UPDATE, out);
                binary::write_number(tag::TX_ID, tx_id.get(), out);
            }
        }
        UpdateWriter { subprotocol, out, is_first: true }
    }

    /// Adds what changed for one subscription: the rows that come and the rows that go, as they
    /// were encoded for all who are told of them. In JSON two arrays of arrays with a comma
    /// between, else two batches.
    pub fn change(&mut self, id: &RequestId, rows: &[u8]) {
        match self.subprotocol {
            Subprotocol::JsonV1 => self.change_json(id, rows),
            Subprotocol::BinV1 => {
                write_id(id, self.out);
                binary::write_field(tag::CHANGES, rows, self.out);
            }
        }
    }

    fn change_json(&mut self, id: &RequestId, rows: &[u8]) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.push(b',');
        }
        self.out.push(b'[');
        id.write(self.out);
        self.out.push(b',');
        self.out.extend_from_slice(rows);
        self.out.push(b']');
    }

    /// Ends the update.
    pub fn finish(self) {
        if let Subprotocol::JsonV1 = self.subprotocol {
            self.out.extend_from_slice(b"]}");
        }
    }
}
