//! Writes the requests that a load consists of.

use cosmictron_net::{Method, RequestEncoder};

/// Writes one request after the other.
pub trait Workload {
    fn method(&self) -> Method;
    /// Appends the next request to `out`.
    fn write(&mut self, out: &mut Vec<u8>);
}

/// The same request again and again.
pub struct Fixed {
    method: Method,
    bytes: Vec<u8>,
}

impl Fixed {
    pub fn get(target: &str, host: &str) -> Fixed {
        let mut bytes = Vec::new();
        RequestEncoder::begin(&mut bytes, Method::Get, target, host).empty();
        Fixed { method: Method::Get, bytes }
    }

    pub fn post(target: &str, host: &str, token: Option<&str>, body: &str) -> Fixed {
        let mut bytes = Vec::new();
        Post::new(target, host, token)
            .write(&mut bytes, |out| out.extend_from_slice(body.as_bytes()));
        Fixed { method: Method::Post, bytes }
    }
}

impl Workload for Fixed {
    fn method(&self) -> Method {
        self.method
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }
}

/// Posts JSON. Everything but the body is encoded once: on a machine with two processors, what the generator spends on
/// a request is missing from what the server can show.
struct Post {
    /// Up to the length.
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Post {
    fn new(target: &str, host: &str, token: Option<&str>) -> Post {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut head = Vec::new();
        RequestEncoder::begin(&mut head, Method::Post, target, host)
            .header_if("Authorization", bearer.as_deref())
            .header("Content-Type", "application/json")
            .empty();
        let end = b"Content-Length: 0\r\n\r\n";
        assert!(head.ends_with(end), "a request without a body ends with its length");
        head.truncate(head.len() - end.len());
        Post { head, body: Vec::new() }
    }

    fn write(&mut self, out: &mut Vec<u8>, write_body: impl FnOnce(&mut Vec<u8>)) {
        self.body.clear();
        write_body(&mut self.body);
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"Content-Length: ");
        push_number(out, self.body.len() as u64);
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&self.body);
    }
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Calls of `transfer` between two accounts.
pub struct Transfer {
    post: Post,
    ids: Ids,
}

impl Transfer {
    pub fn new(ids: Ids, host: &str, token: &str) -> Transfer {
        Transfer { post: Post::new("/v1/reducers/transfer", host, Some(token)), ids }
    }
}

impl Workload for Transfer {
    fn method(&self) -> Method {
        Method::Post
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        let (from, to) = self.ids.draw_two();
        self.post.write(out, |body| {
            body.push(b'[');
            push_number(body, from);
            body.push(b',');
            push_number(body, to);
            body.extend_from_slice(b",1]");
        });
    }
}

/// Queries of one account by its key.
pub struct Select {
    post: Post,
    ids: Ids,
}

impl Select {
    pub fn new(ids: Ids, host: &str, token: &str) -> Select {
        Select { post: Post::new("/v1/sql", host, Some(token)), ids }
    }
}

impl Workload for Select {
    fn method(&self) -> Method {
        Method::Post
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        const QUERY: &str = "SELECT id, balance FROM accounts WHERE id = $1";
        let id = self.ids.draw();
        self.post.write(out, |body| {
            body.extend_from_slice(b"{\"query\":\"");
            body.extend_from_slice(QUERY.as_bytes());
            body.extend_from_slice(b"\",\"params\":[");
            push_number(body, id);
            body.extend_from_slice(b"]}");
        });
    }
}

/// Calls of `say` in rooms from `first` on.
pub struct Say {
    post: Post,
    rooms: Ids,
    first: u64,
}

impl Say {
    pub fn new(rooms: Ids, first: u64, host: &str, token: &str) -> Say {
        Say { post: Post::new("/v1/reducers/say", host, Some(token)), rooms, first }
    }
}

impl Workload for Say {
    fn method(&self) -> Method {
        Method::Post
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        let room = self.first + self.rooms.draw();
        self.post.write(out, |body| {
            body.push(b'[');
            push_number(body, room);
            body.extend_from_slice(b",\"what is said here\"]");
        });
    }
}

/// Calls of `change_order`.
pub struct ChangeOrder {
    post: Post,
    orders: Ids,
}

impl ChangeOrder {
    pub fn new(orders: Ids, host: &str, token: &str) -> ChangeOrder {
        ChangeOrder { post: Post::new("/v1/reducers/change_order", host, Some(token)), orders }
    }
}

impl Workload for ChangeOrder {
    fn method(&self) -> Method {
        Method::Post
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        let (order, amount) = (self.orders.draw(), self.orders.draw() % 1000);
        self.post.write(out, |body| {
            body.push(b'[');
            push_number(body, order);
            body.push(b',');
            push_number(body, amount);
            body.push(b']');
        });
    }
}

/// How draws are spread over the ids.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Spread {
    /// Each as often as any other.
    Uniform,
    /// The k-th in proportion to 1 / k (Zipf's law): a few are drawn most of the time.
    Zipf,
}

/// Draws ids from 0 on.
pub struct Ids {
    count: u64,
    random: Random,
    /// Zipf: the sums of the weights up to each id.
    sums: Vec<f64>,
}

impl Ids {
    pub fn new(count: u64, spread: Spread, seed: u64) -> Ids {
        let weights = (1..=count).filter(|_| spread == Spread::Zipf).map(|rank| 1.0 / rank as f64);
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Ids { count, random: Random(seed), sums: sums.collect() }
    }

    /// Two that differ, where there are two.
    pub fn draw_two(&mut self) -> (u64, u64) {
        let (first, second) = (self.draw(), self.draw());
        (first, if first == second { (first + 1) % self.count } else { second })
    }

    pub fn draw(&mut self) -> u64 {
        let random = self.random.next();
        match self.sums.last() {
            None => random % self.count,
            Some(total) => {
                let at = (random >> 11) as f64 / (1_u64 << 53) as f64 * total;
                let rank = self.sums.partition_point(|sum| *sum <= at);
                (rank as u64).min(self.count - 1)
            }
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Random(u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share_of_first(spread: Spread) -> f64 {
        let mut ids = Ids::new(1000, spread, 1);
        let draws = 100_000;
        (0..draws).filter(|_| ids.draw() == 0).count() as f64 / f64::from(draws)
    }

    #[test]
    fn zipf_draws_the_first_of_a_thousand_every_seventh_time() {
        // 1 / H(1000) = 1 / 7.485
        let share = share_of_first(Spread::Zipf);
        assert!((share - 0.1336).abs() < 0.005, "{share}");
        let share = share_of_first(Spread::Uniform);
        assert!((share - 0.001).abs() < 0.0005, "{share}");
    }
}
