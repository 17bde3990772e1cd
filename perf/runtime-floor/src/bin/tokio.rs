//! tokio's scheduler for one thread.

use runtime_floor::{ADDRESS, READ_BYTES, answer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(ADDRESS).await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(serve(stream));
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
