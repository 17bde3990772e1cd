//! One WebSocket to a server, from its handshake on.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::StatusCode;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::error::Error;
use crate::http;
use crate::transport::{Stream, Transport};
use crate::wire::{SUBPROTOCOL, ServerMessage};

/// Bytes of the largest message that is taken: an answer of the server's largest is 64 MiB of values.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// What is said on a connection, in its order.
pub(crate) struct Sender {
    sink: SplitSink<WebSocketStream<Box<dyn Stream>>, Message>,
    queue: VecDeque<Message>,
    is_flushed: bool,
}

/// What comes on a connection.
pub(crate) struct Receiver(SplitStream<WebSocketStream<Box<dyn Stream>>>);

/// What came.
pub(crate) enum Received {
    Message(ServerMessage),
    /// A sign of life.
    Pong,
}

/// Why there is nothing more on a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// The server has closed it, with this code.
    #[error("the server has closed the connection: {reason} ({code})")]
    Closed { code: u16, reason: String },
    #[error("{0}")]
    Broken(Error),
}

/// Connects as whoever has the token.
pub(crate) async fn open(transport: Transport, token: String) -> Result<(Sender, Receiver), Error> {
    let url = format!("ws://{}/v1/ws", transport.address().authority());
    let protocol = |error: tungstenite::Error| Error::Protocol(error.to_string());
    let mut request = url.into_client_request().map_err(protocol)?;
    let fields = request.headers_mut();
    fields.insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut bearer = bearer.map_err(|_| Error::Decode("the token is no token".to_owned()))?;
    bearer.set_sensitive(true);
    fields.insert("Authorization", bearer);
    let stream = transport.open().await?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
    match opened.await {
        Ok((socket, _)) => {
            let (sink, stream) = socket.split();
            let sender = Sender { sink, queue: VecDeque::new(), is_flushed: true };
            Ok((sender, Receiver(stream)))
        }
        Err(tungstenite::Error::Http(answer)) => {
            let status = StatusCode::from_u16(answer.status().as_u16())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let retry_after = answer.headers().get("Retry-After");
            let body = answer.body().as_deref().unwrap_or_default();
            Err(http::refusal(status, retry_after.map(HeaderValue::as_bytes), body))
        }
        Err(error) => Err(Error::Unreachable(error.to_string())),
    }
}

impl Lost {
    /// How long the server wants to be left alone.
    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Lost::Broken(Error::Refused(refusal)) => refusal.retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }
}

impl Receiver {
    /// The next message. May be given up at any time.
    pub(crate) async fn receive(&mut self) -> Result<Received, Lost> {
        loop {
            let message = match self.0.next().await {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Err(broken(&error)),
                None => return Err(Lost::Broken(Error::Unreachable("it has ended".to_owned()))),
            };
            match message {
                Message::Binary(bytes) => {
                    let message = ServerMessage::read(&bytes).map_err(Lost::Broken)?;
                    return Ok(Received::Message(message));
                }
                Message::Close(Some(frame)) => {
                    let (code, reason) = (frame.code.into(), frame.reason.as_str().to_owned());
                    return Err(Lost::Closed { code, reason });
                }
                Message::Pong(_) => return Ok(Received::Pong),
                // A ping is answered beneath, and the end of the stream follows a close frame.
                Message::Ping(_) | Message::Close(None) | Message::Text(_) | Message::Frame(_) => {}
            }
        }
    }
}

impl Sender {
    /// Takes messages that are to be sent.
    pub(crate) fn push(&mut self, messages: impl IntoIterator<Item = Bytes>) {
        self.queue.extend(messages.into_iter().map(Message::Binary));
    }

    /// Asks for a sign of life.
    pub(crate) fn push_ping(&mut self) {
        self.queue.push_back(Message::Ping(Bytes::new()));
    }

    pub(crate) fn has_more(&self) -> bool {
        !self.queue.is_empty() || !self.is_flushed
    }

    /// Sends what there is. May be given up at any time, and gone on with.
    pub(crate) async fn send(&mut self) -> Result<(), Lost> {
        while let Some(message) = self.queue.front() {
            // A message is either taken as a whole or not at all.
            self.is_flushed = false;
            self.sink.feed(message.clone()).await.map_err(|error| broken(&error))?;
            self.queue.pop_front();
        }
        self.sink.flush().await.map_err(|error| broken(&error))?;
        self.is_flushed = true;
        Ok(())
    }

    /// Says good-bye, as far as that is possible.
    pub(crate) async fn close(mut self) {
        drop(self.sink.close().await);
    }
}

fn broken(error: &tungstenite::Error) -> Lost {
    Lost::Broken(Error::Unreachable(error.to_string()))
}
