//! Rust's peers: buffered I/O of the standard library, and tokio-util's codec. The command line is that of every peer
//! (`../../peer.h`).

mod codec;
mod std_io;

use std::error::Error;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::time::Instant;

pub type Failure = Box<dyn Error>;

const SLOTS: usize = 256;
pub const KIB: usize = 1024;

/// What the command line asks for.
pub struct Job {
    pub way: String,
    pub sends: bool,
    pub tcp: bool,
    pub fd: RawFd,
    pub size: usize,
    pub count: usize,
    pub warm: usize,
    pub work: String,
    go: RawFd,
    done: RawFd,
}

impl Job {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Job, Failure> {
        let mut next = || arguments.next().ok_or("WAY ROLE TRANSPORT FD GO DONE SIZE COUNT WARM WORK");
        Ok(Job {
            way: next()?,
            sends: next()? == "send",
            tcp: next()? == "tcp",
            fd: next()?.parse()?,
            go: next()?.parse()?,
            done: next()?.parse()?,
            size: next()?.parse()?,
            count: next()?.parse()?,
            warm: next()?.parse()?,
            work: next()?,
        })
    }

    /// Bodies that differ, few enough to stay in the first cache.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        let slots = (64 * KIB / self.size).clamp(1, SLOTS);
        let body = |i: usize| {
            let mut body = vec![1; self.size];
            body[0] = i as u8;
            body[self.size - 1] = !(i as u8);
            body
        };
        (0..slots).map(body).collect()
    }

    pub fn wrong_work(&self) -> Failure {
        format!("{} is not for {}", self.way, self.work).into()
    }
}

/// What a receiver adds up.
pub fn sum_of(body: &[u8]) -> u64 {
    match (body.first(), body.last()) {
        (Some(&first), Some(&last)) => (body.len() as u64) << 16 | u64::from(first) << 8 | u64::from(last),
        _ => 0,
    }
}

/// The sum of the first n messages.
fn sum_of_first(n: usize, bodies: &[Vec<u8>]) -> u64 {
    (0..n).map(|i| sum_of(&bodies[i % bodies.len()])).sum()
}

/// Processor time in seconds and minor faults, of all threads.
fn used() -> (f64, i64) {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a whole rusage, and zeroes are a valid one.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 * 1e-6;
    (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_minflt)
}

fn pipe(fd: RawFd) -> std::fs::File {
    // SAFETY: the descriptor was given to this program for this, and nobody else here has it.
    unsafe { std::fs::File::from_raw_fd(fd) }
}

/// Measures what lies between `begin`, when both sides are warm, and `end`.
pub struct Measure<'a> {
    job: &'a Job,
    start: Instant,
    cpu: f64,
    faults: i64,
}

impl<'a> Measure<'a> {
    pub fn begin(job: &'a Job) -> Result<Self, Failure> {
        if job.sends {
            pipe(job.go).read_exact(&mut [0])?;
        }
        let (cpu, faults) = used();
        if !job.sends {
            pipe(job.go).write_all(b"x")?;
        }
        Ok(Measure { job, start: Instant::now(), cpu, faults })
    }

    /// Prints the report. `sent` is what an answering receiver has sent; `took` are round trips in microseconds.
    pub fn end(self, sent: u64, received: u64, mut took: Vec<f64>) -> Result<(), Failure> {
        let job = self.job;
        if job.sends {
            pipe(job.done).read_exact(&mut [0])?;
        }
        let seconds = self.start.elapsed().as_secs_f64();
        let (cpu, faults) = used();
        if !job.sends {
            pipe(job.done).write_all(b"x")?;
        }
        let sent = if job.sends { sum_of_first(job.warm + job.count, &job.bodies()) } else { sent };
        print!(
            "{{\"seconds\":{seconds:.9},\"cpu\":{:.9},\"faults\":{},\"sent\":{sent},\"received\":{received}",
            cpu - self.cpu,
            faults - self.faults
        );
        if !took.is_empty() {
            took.sort_by(f64::total_cmp);
            print!(",\"p50\":{:.3},\"p99\":{:.3}", took[took.len() / 2], took[took.len() * 99 / 100]);
        }
        println!("}}");
        Ok(())
    }
}

/// The versions that are locked, of those that matter.
fn version() -> String {
    let lock = include_str!("../Cargo.lock");
    let of = |name: &str| {
        let after = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map(|(_, after)| after);
        after.and_then(|after| after.split('"').next()).unwrap_or("?")
    };
    format!("tokio-util {}, tokio {}", of("tokio-util"), of("tokio"))
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == "version") {
        println!("{}", version());
        return Ok(());
    }
    let job = Job::from_arguments(arguments)?;
    match job.way.as_str() {
        "buffered" => std_io::run(&job),
        "codec" => codec::run(&job, codec::Buffers::Default),
        "codec-big" => codec::run(&job, codec::Buffers::Big),
        _ => Err("no such way".into()),
    }
}
