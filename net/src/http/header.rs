//! Finds header fields by name, in place.
//!
//! A parsed head keeps only where each field stands (8 bytes a field) and, for the names that the
//! server asks for on every request, which field it is. Values are never copied.
//!
//! **Invariants**
//! 1. Spans lie within the head that they were made from.
//! 2. A name for which [`HeaderName::is_single`] holds stands at most once in a head.

use super::error::HttpError;

macro_rules! header_names {
    ($($(#[$doc:meta])* $name:ident $text:literal $times:ident,)*) => {
        /// A header name that is found without a search.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum HeaderName {
            $($(#[$doc])* $name,)*
        }

        impl HeaderName {
            /// Every name, in alphabetical order.
            pub const ALL: &[HeaderName] = &[$(HeaderName::$name),*];

            /// The name in lower case.
            pub const fn as_str(self) -> &'static str {
                match self { $(HeaderName::$name => $text,)* }
            }

            /// Whether a second field of this name makes the message ambiguous. The others are
            /// lists, whose fields add up.
            pub const fn is_single(self) -> bool {
                match self { $(HeaderName::$name => header_names!(@$times),)* }
            }
        }
    };
    (@once) => { true };
    (@list) => { false };
}

header_names! {
    /// Media types that the client takes.
    Accept "accept" list,
    /// Content codings that the client takes.
    AcceptEncoding "accept-encoding" list,
    /// Headers that a browser wants to send across origins.
    AccessControlRequestHeaders "access-control-request-headers" list,
    /// The method that a browser wants to use across origins.
    AccessControlRequestMethod "access-control-request-method" once,
    /// Who asks.
    Authorization "authorization" once,
    /// What holds for this hop only.
    Connection "connection" list,
    /// Content codings of the body.
    ContentEncoding "content-encoding" list,
    /// The body's length.
    ContentLength "content-length" once,
    /// The body's media type.
    ContentType "content-type" once,
    /// What the client waits for before it sends the body.
    Expect "expect" once,
    /// The host that the client means.
    Host "host" once,
    /// The caller's name for this one call.
    IdempotencyKey "idempotency-key" once,
    /// Entity tags that the client has.
    IfNoneMatch "if-none-match" list,
    /// The last server-sent event that the client saw.
    LastEventId "last-event-id" once,
    /// The site whose script asks.
    Origin "origin" once,
    /// Extensions that a WebSocket client offers.
    SecWebSocketExtensions "sec-websocket-extensions" list,
    /// A WebSocket client's nonce.
    SecWebSocketKey "sec-websocket-key" once,
    /// Subprotocols that a WebSocket client offers.
    SecWebSocketProtocol "sec-websocket-protocol" list,
    /// The WebSocket version that the client speaks.
    SecWebSocketVersion "sec-websocket-version" once,
    /// Transfer codings of the body.
    TransferEncoding "transfer-encoding" list,
    /// Protocols that the client would change to.
    Upgrade "upgrade" list,
}

pub(super) const NAME_COUNT: usize = HeaderName::ALL.len();

impl HeaderName {
    /// The known name that `name` is, in any case.
    fn recognise(name: &[u8]) -> Option<HeaderName> {
        let candidates: &[HeaderName] = match name.len() {
            4 => &[HeaderName::Host],
            6 => &[HeaderName::Accept, HeaderName::Origin, HeaderName::Expect],
            7 => &[HeaderName::Upgrade],
            10 => &[HeaderName::Connection],
            12 => &[HeaderName::ContentType],
            13 => &[HeaderName::Authorization, HeaderName::IfNoneMatch, HeaderName::LastEventId],
            14 => &[HeaderName::ContentLength],
            15 => &[HeaderName::AcceptEncoding, HeaderName::IdempotencyKey],
            16 => &[HeaderName::ContentEncoding],
            17 => &[HeaderName::TransferEncoding, HeaderName::SecWebSocketKey],
            21 => &[HeaderName::SecWebSocketVersion],
            22 => &[HeaderName::SecWebSocketProtocol],
            24 => &[HeaderName::SecWebSocketExtensions],
            29 => &[HeaderName::AccessControlRequestMethod],
            30 => &[HeaderName::AccessControlRequestHeaders],
            _ => return None,
        };
        let is = |known: &HeaderName| known.as_str().as_bytes().eq_ignore_ascii_case(name);
        candidates.iter().copied().find(is)
    }
}

/// A stretch of a head, in octets from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    /// The span of `part`, which must be a slice of `head`.
    pub(super) fn within(head: &[u8], part: &[u8]) -> Span {
        let start = part.as_ptr().addr() - head.as_ptr().addr();
        Span { start: position(start), end: position(start + part.len()) }
    }

    pub(super) fn of(self, head: &[u8]) -> &[u8] {
        &head[usize::from(self.start)..usize::from(self.end)]
    }

    /// As text. Only for spans that were made of ASCII.
    pub(super) fn text_of(self, head: &[u8]) -> &str {
        str::from_utf8(self.of(head)).expect("targets and hosts were checked to be ASCII")
    }
}

fn position(octets: usize) -> u16 {
    u16::try_from(octets).expect("a head is at most HEAD_BYTES_CAP octets")
}

#[derive(Clone, Copy, Debug)]
struct Field {
    name: Span,
    value: Span,
}

/// Where the fields of one head are. Reused from message to message.
#[derive(Clone, Debug, Default)]
pub(super) struct HeaderTable {
    fields: Vec<Field>,
    /// For each known name, one more than the index of its first field; 0 when there is none.
    known: [u8; NAME_COUNT],
}

const _: () = assert!(super::limits::HEADERS_CAP < u8::MAX as usize);

impl HeaderTable {
    pub(super) fn clear(&mut self) {
        self.fields.clear();
        self.known = [0; NAME_COUNT];
    }

    /// Adds a field whose parts are slices of `head`; says which known name it has.
    pub(super) fn push(
        &mut self,
        head: &[u8],
        name: &[u8],
        value: &[u8],
    ) -> Result<Option<HeaderName>, HttpError> {
        self.fields
            .push(Field { name: Span::within(head, name), value: Span::within(head, value) });
        let Some(known) = HeaderName::recognise(name) else { return Ok(None) };
        let first = &mut self.known[known as usize];
        if *first == 0 {
            *first = u8::try_from(self.fields.len()).expect("HEADERS_CAP is below 255");
        } else if known.is_single() {
            return Err(HttpError::RepeatedHeader(known));
        }
        Ok(Some(known))
    }

    pub(super) fn view<'a>(&'a self, head: &'a [u8]) -> Headers<'a> {
        Headers { head, table: self }
    }
}

/// The header fields of one message. Names are compared without regard to case; values have no
/// white space around them and no control octets in them, but may hold octets that are not UTF-8.
#[derive(Clone, Copy)]
pub struct Headers<'a> {
    head: &'a [u8],
    table: &'a HeaderTable,
}

impl<'a> Headers<'a> {
    /// The value of the first field named `name`, without a search.
    pub fn find(&self, name: HeaderName) -> Option<&'a [u8]> {
        let first = usize::from(self.table.known[name as usize]).checked_sub(1)?;
        Some(self.table.fields[first].value.of(self.head))
    }

    /// The values of all fields named `name`: for names that are lists.
    pub fn find_all(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let first = usize::from(self.table.known[name as usize]);
        let from = if first == 0 { self.table.fields.len() } else { first - 1 };
        let (head, wanted) = (self.head, name.as_str().as_bytes());
        let named = move |field: &&Field| field.name.of(head).eq_ignore_ascii_case(wanted);
        self.table.fields[from..].iter().filter(named).map(move |field| field.value.of(head))
    }

    /// The value of the first field named `name`, by searching all of them.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        let named = |(found, _): &(&[u8], &[u8])| found.eq_ignore_ascii_case(name.as_bytes());
        self.iter().find(named).map(|(_, value)| value)
    }

    /// All fields as name and value, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let head = self.head;
        self.table.fields.iter().map(move |field| (field.name.of(head), field.value.of(head)))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.table.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.table.fields.is_empty()
    }

    /// Whether one of the fields named `name` lists `token`, in any case.
    pub fn lists(&self, name: HeaderName, token: &str) -> bool {
        self.find_all(name)
            .flat_map(crate::octet::list)
            .any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }
}

impl std::fmt::Debug for Headers<'_> {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| String::from_utf8_lossy(name))).finish()
    }
}
