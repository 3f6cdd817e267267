//! tokio-util's `LengthDelimitedCodec`, in a runtime of one thread: with the buffers that it has by default, or with
//! larger ones.

use crate::{Failure, Job, KIB, Measure, sum_of};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::os::fd::FromRawFd;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

const BIG: usize = 256 * KIB;
const LONGEST: usize = 64 << 20;

pub enum Buffers {
    Default,
    Big,
}

struct Stream<R, W> {
    reader: FramedRead<R, LengthDelimitedCodec>,
    writer: FramedWrite<W, LengthDelimitedCodec>,
    bodies: Vec<Bytes>,
    next: usize,
    sent: u64,
    received: u64,
    took: Vec<f64>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Stream<R, W> {
    /// Bodies are counted references, as a program that keeps what it sends would have them.
    fn next_body(&mut self) -> Bytes {
        let index = self.next;
        self.next = if index + 1 == self.bodies.len() { 0 } else { index + 1 };
        self.bodies[index].clone()
    }

    async fn hear(&mut self) -> Result<Bytes, Failure> {
        let body = self.reader.next().await.ok_or("the stream ended early")??.freeze();
        self.received += sum_of(&body);
        Ok(body)
    }

    async fn send(&mut self, count: usize, each: bool) -> Result<(), Failure> {
        for _ in 0..count {
            let body = self.next_body();
            if each {
                self.writer.send(body).await?;
            } else {
                self.writer.feed(body).await?;
            }
        }
        Ok(SinkExt::<Bytes>::flush(&mut self.writer).await?)
    }

    async fn receive(&mut self, count: usize) -> Result<(), Failure> {
        for _ in 0..count {
            self.hear().await?;
        }
        Ok(())
    }

    async fn ping(&mut self, count: usize) -> Result<(), Failure> {
        self.took.clear();
        for _ in 0..count {
            let start = Instant::now();
            self.send(1, true).await?;
            self.hear().await?;
            self.took.push(start.elapsed().as_secs_f64() * 1e6);
        }
        Ok(())
    }

    async fn answer(&mut self, count: usize) -> Result<(), Failure> {
        for _ in 0..count {
            let body = self.hear().await?;
            self.sent += sum_of(&body);
            self.writer.send(body).await?;
        }
        Ok(())
    }

    async fn work(&mut self, job: &Job, count: usize) -> Result<(), Failure> {
        match (job.work.as_str(), job.sends) {
            ("stream", true) => self.send(count, false).await,
            ("each", true) => self.send(count, true).await,
            ("ping", true) => self.ping(count).await,
            ("stream" | "each", false) => self.receive(count).await,
            ("ping", false) => self.answer(count).await,
            _ => Err(job.wrong_work()),
        }
    }
}

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(LONGEST).new_codec()
}

async fn run_on<R, W>(job: &Job, buffers: Buffers, (read, write): (R, W)) -> Result<(), Failure>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut writer = FramedWrite::new(write, codec());
    let reader = match buffers {
        Buffers::Default => FramedRead::new(read, codec()),
        Buffers::Big => {
            writer.set_backpressure_boundary(BIG);
            FramedRead::with_capacity(read, codec(), BIG)
        }
    };
    let bodies = job.bodies().into_iter().map(Bytes::from).collect();
    let mut stream = Stream { reader, writer, bodies, next: 0, sent: 0, received: 0, took: Vec::new() };
    stream.work(job, job.warm).await?;
    let measure = Measure::begin(job)?;
    stream.work(job, job.count).await?;
    measure.end(stream.sent, stream.received, stream.took)
}

pub fn run(job: &Job, buffers: Buffers) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        if job.tcp {
            // SAFETY: the descriptor is a TCP socket, given to this program for this, and nobody else here has it.
            let socket = unsafe { std::net::TcpStream::from_raw_fd(job.fd) };
            socket.set_nonblocking(true)?;
            run_on(job, buffers, tokio::net::TcpStream::from_std(socket)?.into_split()).await
        } else {
            // SAFETY: the same, of a Unix socket.
            let socket = unsafe { std::os::unix::net::UnixStream::from_raw_fd(job.fd) };
            socket.set_nonblocking(true)?;
            run_on(job, buffers, tokio::net::UnixStream::from_std(socket)?.into_split()).await
        }
    })
}
