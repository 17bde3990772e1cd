//! `POST /v1/reducers/:name`: runs a reducer.

use cosmictron_net::{HeaderName, MediaType, Problem, ProblemCode, Status};
use cosmictron_types::{ConnectionId, Identity, json};
use sha2::{Digest, Sha256};

use super::problem::{call_problem, json_problem, lookup_problem};
use super::{Api, Envelope, Exchange, Handled, Outcome, Waiting};
use crate::directory::Place;
use crate::shard::{Call, CallError, Called, IdempotencyKey, Request};

/// Bytes of the longest idempotency key.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// Bytes of the arguments' row. A body cannot grow by much when it is encoded: by 16 bytes for a digit at most.
const ARGUMENTS_BYTES_MAX: u32 = 16 << 20;

/// A call, as a client asks for it.
pub(super) struct Asked<'a> {
    pub module: Option<&'a str>,
    pub reducer: &'a str,
    /// JSON, as it came.
    pub args: &'a [u8],
    pub idempotency_key: Option<&'a [u8]>,
}

impl Api {
    /// The call that a caller asks for, or why there is none.
    pub(super) fn call(
        &self,
        asked: &Asked<'_>,
        sender: Identity,
        connection: ConnectionId,
    ) -> Result<Call, Problem<'static>> {
        let Asked { module, reducer, args, idempotency_key } = *asked;
        let place = self.shard.with(|shard| shard.directory().reducer(module, reducer));
        let place = place.map_err(|error| lookup_problem(&error, "reducer", reducer))?;
        self.check_capabilities(&place, sender)?;
        let args = self.arguments(&place, args)?;
        let key = idempotency_key.map(|key| hash_key(key, sender, &place, &args));
        let idempotency = key.transpose()?;
        let (now, shards) = (self.shard.now(), self.shard.count());
        let now = idempotency.is_some().then_some(now);
        let destination = place.module.destination(place.index, &args, now, shards);
        let (module, reducer) = (place.module, place.index);
        Ok(Call { module, reducer, args, sender, connection, idempotency, destination })
    }

    /// Refuses a caller who was not granted what the reducer asks for.
    fn check_capabilities(&self, place: &Place, sender: Identity) -> Result<(), Problem<'static>> {
        let requires = &place.module.reducer(place.index).requires;
        if requires.is_empty() {
            return Ok(());
        }
        self.shard.with(|shard| {
            let rights = shard.directory().rights(sender);
            match requires.iter().find(|capability| !rights.has_capability(capability)) {
                None => Ok(()),
                Some(missing) => {
                    let detail = format!("this needs the capability {missing}");
                    Err(Problem::new(ProblemCode::Forbidden, detail))
                }
            }
        })
    }

    fn arguments(&self, place: &Place, json: &[u8]) -> Result<Vec<u8>, Problem<'static>> {
        let layout = &place.module.params[place.index];
        let params = &place.module.reducer(place.index).params;
        let mut args = Vec::with_capacity(layout.fixed_bytes() + json.len());
        let limits = json::Limits { row_bytes_max: ARGUMENTS_BYTES_MAX };
        let mut scratch = self.scratch.borrow_mut();
        json::decode_arguments(params, layout, json, limits, &mut scratch, &mut args)
            .map_err(|error| json_problem(&error))?;
        Ok(args)
    }
}

fn hash_key(
    key: &[u8],
    caller: Identity,
    place: &Place,
    args: &[u8],
) -> Result<IdempotencyKey, Problem<'static>> {
    if !(1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()) {
        let detail = "the Idempotency-Key header has 1 to 255 bytes";
        return Err(Problem::new(ProblemCode::InvalidRequest, detail));
    }
    let name = &place.module.reducer(place.index).name;
    Ok(IdempotencyKey {
        key: hash(&[caller.as_bytes(), key]),
        fingerprint: hash(&[place.module.name.as_bytes(), name.as_bytes(), args]),
    })
}

impl Exchange<'_> {
    pub(super) fn call(self, module: Option<&str>, reducer: &str) -> Handled {
        let claims = self.caller()?;
        self.is_json()?;
        let idempotency_key = self.request.head.headers.find(HeaderName::IdempotencyKey);
        let asked = Asked { module, reducer, args: self.request.body, idempotency_key };
        let call = self.api.call(&asked, claims.identity, ConnectionId::NONE)?;
        let pending = self.api.shard.request(Request::Call(call));
        Ok(Outcome::Waiting(Waiting {
            pending,
            envelope: self.envelope,
            caller: claims.identity,
            plan: None,
        }))
    }

    /// Refuses a body that says that it is something else than JSON.
    pub(super) fn is_json(&self) -> Result<(), Problem<'static>> {
        if self.request.head.headers.find(HeaderName::ContentEncoding).is_some() {
            let detail = "the body has to be sent as it is, without a Content-Encoding";
            return Err(Problem::new(ProblemCode::UnsupportedMediaType, detail));
        }
        let Some(value) = self.request.head.headers.find(HeaderName::ContentType) else {
            return Ok(());
        };
        // What curl says of a body when it is told nothing else is let pass, as most servers do.
        let known = |media: MediaType<'_>| {
            media.is("application/json") || media.is("application/x-www-form-urlencoded")
        };
        match value == b"application/json" || MediaType::parse(value).is_some_and(known) {
            true => Ok(()),
            false => Err(Problem::new(
                ProblemCode::UnsupportedMediaType,
                "the body has to be application/json",
            )),
        }
    }
}

/// A hash of parts that are told apart by their lengths.
fn hash(parts: &[&[u8]]) -> Identity {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    Identity::from_bytes(hash.finalize().into())
}

/// Writes the answer to a call.
pub(super) fn write(
    api: &Api,
    envelope: &Envelope,
    caller: Identity,
    called: Result<Called, CallError>,
    out: &mut Vec<u8>,
) {
    match called {
        Ok(called) => envelope.json(api, out, Status::Ok, |out| write_called(&called, out)),
        Err(error) => {
            let problem = call_problem(error);
            api.note_forbidden(&problem, Some(caller), "a call");
            envelope.problem(api, out, &problem);
        }
    }
}

fn write_called(called: &Called, out: &mut Vec<u8>) {
    let mut number = itoa::Buffer::new();
    out.extend_from_slice(b"{\"tx_id\":");
    out.extend_from_slice(number.format(called.tx.get()).as_bytes());
    out.extend_from_slice(b",\"status\":\"committed\",\"duration_ms\":");
    write_millis(called.duration.as_micros().max(0), out);
    if let Some(result) = &called.result {
        out.extend_from_slice(b",\"result\":");
        out.extend_from_slice(result.as_bytes());
    }
    out.push(b'}');
}

/// Microseconds as milliseconds with three decimals.
fn write_millis(micros: i64, out: &mut Vec<u8>) {
    let mut number = itoa::Buffer::new();
    out.extend_from_slice(number.format(micros / 1000).as_bytes());
    out.push(b'.');
    let fraction = 1000 + micros % 1000;
    out.extend_from_slice(&number.format(fraction).as_bytes()[1..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosmictron_types::{Duration, TxId};

    #[test]
    fn a_call_is_answered_as_the_reference_shows() {
        let called = Called {
            tx: TxId::new(12345),
            duration: Duration::from_micros(2045),
            result: Some("[1]".to_owned()),
        };
        let mut out = Vec::new();
        write_called(&called, &mut out);
        let expected = br#"{"tx_id":12345,"status":"committed","duration_ms":2.045,"result":[1]}"#;
        assert_eq!(out, expected);
    }

    #[test]
    fn parts_of_a_hash_do_not_run_into_each_other() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    }
}
