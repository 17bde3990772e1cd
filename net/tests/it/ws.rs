//! WebSocket: [`transcript`] turns bytes into a text of what was decoded; [`frames`] compares such
//! texts against a table of verdicts, [`peer`] against tungstenite; [`deflate`] compares
//! compression with zlib's own interface; [`handshake`] and [`echo`] open connections.

mod deflate;
mod echo;
mod frames;
mod handshake;
mod limits;
mod peer;
mod transcript;
