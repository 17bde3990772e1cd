//! An address that stays the same while the servers behind it change.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Hands connections on to one server at a time. It ends with the test's runtime.
pub(crate) struct Proxy {
    url: String,
    target: watch::Sender<String>,
}

impl Proxy {
    pub(crate) async fn to(address: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let (target, address) = watch::channel(address.to_owned());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let address = address.borrow().clone();
                tokio::spawn(async move {
                    // Where there is no server the client is hung up on.
                    if let Ok(mut server) = TcpStream::connect(address).await {
                        drop(copy_bidirectional(&mut client, &mut server).await);
                    }
                });
            }
        });
        Proxy { url, target }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Hands connections on to another server from now on.
    pub(crate) fn turn_to(&self, address: &str) {
        self.target.send_replace(address.to_owned());
    }
}
