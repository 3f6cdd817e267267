//! `BufReader` and `BufWriter`, with 64 KiB each.

use crate::{Failure, Job, KIB, Measure, sum_of};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::fd::FromRawFd;
use std::time::Instant;

const BUFFER: usize = 64 * KIB;
const WINDOW: usize = 128;

struct Stream {
    reader: BufReader<File>,
    writer: BufWriter<File>,
    bodies: Vec<Vec<u8>>,
    next: usize,
    body: Vec<u8>,
    sent: u64,
    received: u64,
    took: Vec<f64>,
}

impl Stream {
    fn put(&mut self, index: usize) -> Result<(), Failure> {
        let body = &self.bodies[index];
        self.writer.write_all(&(body.len() as u32).to_be_bytes())?;
        Ok(self.writer.write_all(body)?)
    }

    fn put_next(&mut self) -> Result<(), Failure> {
        let index = self.next;
        self.next = if index + 1 == self.bodies.len() { 0 } else { index + 1 };
        self.put(index)
    }

    /// Receives a message to `body`, and gives its length.
    fn hear(&mut self) -> Result<usize, Failure> {
        let mut head = [0; 4];
        self.reader.read_exact(&mut head)?;
        let len = u32::from_be_bytes(head) as usize;
        let body = self.body.get_mut(..len).ok_or("a message is too long")?;
        self.reader.read_exact(body)?;
        self.received += sum_of(body);
        Ok(len)
    }

    /// The same; what waits is sent before it waits itself.
    fn hear_or_flush(&mut self) -> Result<usize, Failure> {
        if self.reader.buffer().len() < 4 + self.body.len() {
            self.writer.flush()?;
        }
        self.hear()
    }

    fn send(&mut self, count: usize, each: bool) -> Result<(), Failure> {
        for _ in 0..count {
            self.put_next()?;
            if each {
                self.writer.flush()?;
            }
        }
        Ok(self.writer.flush()?)
    }

    fn ping(&mut self, count: usize) -> Result<(), Failure> {
        self.took.clear();
        for _ in 0..count {
            let start = Instant::now();
            self.send(1, true)?;
            self.hear()?;
            self.took.push(start.elapsed().as_secs_f64() * 1e6);
        }
        Ok(())
    }

    fn ask(&mut self, count: usize) -> Result<(), Failure> {
        let (mut said, mut heard) = (0, 0);
        while heard < count {
            if said < count && said - heard < WINDOW {
                self.put_next()?;
                said += 1;
            } else {
                self.hear_or_flush()?;
                heard += 1;
            }
        }
        Ok(())
    }

    fn answer(&mut self, count: usize) -> Result<(), Failure> {
        for _ in 0..count {
            let len = self.hear_or_flush()?;
            let body = &self.body[..len];
            self.sent += sum_of(body);
            self.writer.write_all(&(len as u32).to_be_bytes())?;
            self.writer.write_all(body)?;
        }
        Ok(self.writer.flush()?)
    }

    fn work(&mut self, job: &Job, count: usize) -> Result<(), Failure> {
        match (job.work.as_str(), job.sends) {
            ("stream", true) => self.send(count, false),
            ("each", true) => self.send(count, true),
            ("ping", true) => self.ping(count),
            ("echo", true) => self.ask(count),
            ("stream" | "each", false) => (0..count).try_for_each(|_| self.hear().map(drop)),
            ("ping" | "echo", false) => self.answer(count),
            _ => Err(job.wrong_work()),
        }
    }
}

pub fn run(job: &Job) -> Result<(), Failure> {
    // SAFETY: the descriptor was given to this program for this, and nobody else here has it.
    let socket = unsafe { File::from_raw_fd(job.fd) };
    let mut stream = Stream {
        reader: BufReader::with_capacity(BUFFER, socket.try_clone()?),
        writer: BufWriter::with_capacity(BUFFER, socket),
        bodies: job.bodies(),
        next: 0,
        body: vec![0; job.size],
        sent: 0,
        received: 0,
        took: Vec::new(),
    };
    stream.work(job, job.warm)?;
    let measure = Measure::begin(job)?;
    stream.work(job, job.count)?;
    measure.end(stream.sent, stream.received, stream.took)
}
