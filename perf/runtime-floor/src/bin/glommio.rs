//! glommio on one executor.

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::net::{TcpListener, TcpStream};
use glommio::{LocalExecutorBuilder, Placement};
use runtime_floor::{ADDRESS, READ_BYTES, answer};

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let executor = LocalExecutorBuilder::new(Placement::Unbound).make()?;
    executor.run(async {
        let listener = TcpListener::bind(ADDRESS)?;
        println!("{}", listener.local_addr()?);
        loop {
            let stream = listener.accept().await?;
            glommio::spawn_local(serve(stream)).detach();
        }
    })
}

async fn serve(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let (mut input, mut out) = (Vec::new(), Vec::new());
    let mut buffer = [0; READ_BYTES];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        input.extend_from_slice(&buffer[..count]);
        answer(&mut input, &mut out);
        if stream.write_all(&out).await.is_err() {
            return;
        }
        out.clear();
    }
}
