//! The requests that are made before there is a WebSocket: those about accounts.
//!
//! Each is one connection of its own. They are few, and a connection that is kept would have to be looked after.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Refusal};
use crate::transport::Transport;

/// Bytes of the longest answer that is read: a token and little more.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// RFC 9457, as the server writes it.
#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    detail: String,
}

/// Sends a request; yields the answer's JSON, null where it has none.
pub(crate) async fn post(
    transport: &Transport,
    path: &str,
    token: Option<&str>,
    body: &Value,
) -> Result<Value, Error> {
    let protocol = |error: hyper::Error| Error::Unreachable(error.to_string());
    let stream = transport.open().await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(protocol)?;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, transport.address().authority())
        .header(CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = Full::new(Bytes::from(body.to_string()));
    let request = request.body(body).map_err(|error| Error::Decode(error.to_string()))?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(protocol)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| Error::Protocol(error.to_string()))?.to_bytes();
        read(head.status, head.headers.get(RETRY_AFTER).map(|value| value.as_bytes()), &body)
    };
    // The connection has to be driven for as long as the exchange takes, and no longer.
    tokio::pin!(connection);
    tokio::select! {
        biased;
        answer = exchange => answer,
        ended = &mut connection => {
            ended.map_err(protocol)?;
            Err(Error::Unreachable("the connection has ended before the answer".to_owned()))
        }
    }
}

fn read(status: StatusCode, retry_after: Option<&[u8]>, body: &[u8]) -> Result<Value, Error> {
    if status.is_success() {
        let foreign = |error: serde_json::Error| Error::Protocol(error.to_string());
        return match body.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_slice(body).map_err(foreign),
        };
    }
    Err(refusal(status, retry_after, body))
}

/// What an answer that is no success says.
pub(crate) fn refusal(status: StatusCode, retry_after: Option<&[u8]>, body: &[u8]) -> Error {
    let Ok(Problem { code, detail }) = serde_json::from_slice(body) else {
        return Error::Protocol(format!("status {} without a problem", status.as_u16()));
    };
    let secs = retry_after.and_then(|value| str::from_utf8(value).ok()?.parse().ok());
    let retry_after = secs.map(std::time::Duration::from_secs);
    Refusal { retry_after, ..Refusal::new(&code, detail) }.into()
}
