//! monoio, with the ring's flags that the server takes first.

use io_uring::IoUring;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};
use runtime_floor::{ADDRESS, READ_BYTES, answer};

fn main() -> std::io::Result<()> {
    let mut flags = IoUring::builder();
    flags.setup_single_issuer().setup_defer_taskrun();
    let builder = RuntimeBuilder::<IoUringDriver>::new().with_entries(256).uring_builder(flags);
    builder.build()?.block_on(async {
        let listener = TcpListener::bind(ADDRESS)?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            monoio::spawn(serve(stream));
        }
    })
}

async fn serve(mut stream: TcpStream) {
    // Without it no answer leaves before the one before it is acknowledged.
    let _ = stream.set_nodelay(true);
    let (mut input, mut out) = (Vec::new(), Vec::new());
    let mut buffer = Vec::with_capacity(READ_BYTES);
    loop {
        buffer.clear();
        let (read, bytes) = stream.read(buffer).await;
        buffer = bytes;
        if !matches!(read, Ok(1..)) {
            return;
        }
        input.extend_from_slice(&buffer);
        answer(&mut input, &mut out);
        let (written, bytes) = stream.write_all(out).await;
        out = bytes;
        out.clear();
        if written.is_err() {
            return;
        }
    }
}
