use super::*;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Long enough for any thread of this machine to have its turn.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets a write through for each thing that it is sent, and tells what was written.
struct Gate {
    open: Receiver<()>,
    written: Sender<Vec<u8>>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open.recv().map_err(|_| ErrorKind::BrokenPipe)?;
        self.written.send(bytes.to_vec()).map_err(|_| ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn line(number: usize) -> String {
    format!("{number:0>1023}\n")
}

#[test]
fn lines_arrive_in_order() {
    let (out, reader) = UnixStream::pair().unwrap();
    let lines = Lines::to(out, "lines").unwrap();
    for number in 0..40 {
        lines.push(line(number));
    }
    let read: Vec<String> = BufReader::new(reader).lines().take(40).map(Result::unwrap).collect();
    assert!(read.iter().enumerate().all(|(number, it)| *it == line(number).trim_end()));
    assert_eq!(lines.lost(), 0);
    assert!(lines.close(PATIENCE));
}

#[test]
fn a_reader_that_stalls_loses_whole_lines_and_the_oldest() {
    let (open, gate) = channel();
    let (written, out) = channel();
    let lines = Lines::to(Gate { open: gate, written }, "lines").unwrap();
    // Nobody waits, though not one of them is written.
    for number in 0..1000 {
        lines.push(line(number));
    }
    let lost = lines.lost();
    assert!((1000 - 64 - 1..=1000 - 64).contains(&lost), "{lost}");
    (0..100).for_each(|_| open.send(()).unwrap());
    assert!(lines.close(PATIENCE));
    let read: Vec<_> = out.into_iter().map(|it| String::from_utf8(it).unwrap()).collect();
    assert_eq!(read.len() as u64, 1000 - lost);
    assert_eq!(read.last(), Some(&line(999)));
    assert!(read.iter().all(|it| it.len() == 1024 && it.ends_with('\n')));
}

#[test]
fn the_end_does_not_wait_for_a_reader_that_never_reads() {
    let (mut out, reader) = UnixStream::pair().unwrap();
    // Its buffer alone takes more than what waits for it.
    out.set_nonblocking(true).unwrap();
    while out.write(&[b'\n'; 1024]).is_ok() {}
    out.set_nonblocking(false).unwrap();
    let lines = Lines::to(out, "lines").unwrap();
    for number in 0..1000 {
        lines.push(line(number));
    }
    assert!(!lines.close(Duration::from_millis(10)));
    drop(reader);
}

#[test]
fn a_line_that_is_too_long_is_lost_alone() {
    let (out, reader) = UnixStream::pair().unwrap();
    let lines = Lines::to(out, "lines").unwrap();
    lines.push(vec![b'x'; WAITING_MAX + 1]);
    lines.push("short\n");
    assert_eq!(lines.lost(), 1);
    assert!(lines.close(PATIENCE));
    let read: Vec<String> = BufReader::new(reader).lines().map(Result::unwrap).collect();
    assert_eq!(read, ["short"]);
}

#[test]
fn what_fails_takes_no_memory() {
    let (out, reader) = UnixStream::pair().unwrap();
    drop(reader);
    let lines = Lines::to(out, "lines").unwrap();
    lines.push("first\n");
    let queue = lines.shared.lock();
    let (queue, timeout) =
        lines.shared.changed.wait_timeout_while(queue, PATIENCE, |queue| !queue.failed).unwrap();
    assert!(!timeout.timed_out());
    drop(queue);
    lines.push("second\n");
    assert!(lines.shared.lock().waiting.is_empty());
    assert!(!lines.close(PATIENCE));
}

/// A disk with so much room, in bytes.
#[derive(Clone)]
struct Disk {
    room: Arc<Mutex<usize>>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.room.lock().unwrap();
        let len = bytes.len().min(*room);
        if len == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        *room -= len;
        self.written.lock().unwrap().extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes lines to a disk that is full after one and a half; those that are on it when there is room again.
fn on_a_full_disk(numbers: usize) -> (Vec<String>, u64) {
    let disk = Disk { room: Arc::new(Mutex::new(1536)), written: Arc::default() };
    let lines = Lines::to(disk.clone(), "lines").unwrap();
    (0..2).for_each(|number| lines.push(line(number)));
    while !lines.shared.lock().stuck {
        thread::yield_now();
    }
    (2..numbers).for_each(|number| lines.push(line(number)));
    *disk.room.lock().unwrap() = usize::MAX;
    // What waits for room looks for it by itself.
    while lines.shared.lock().is_busy() {
        thread::yield_now();
    }
    lines.push(line(numbers));
    assert!(lines.close(PATIENCE));
    let text = String::from_utf8(disk.written.lock().unwrap().clone()).unwrap();
    (text.lines().map(|line| format!("{line}\n")).collect(), lines.lost())
}

#[test]
fn lines_go_on_when_a_disk_has_room_again() {
    let (written, lost) = on_a_full_disk(10);
    assert_eq!(written, (0..=10).map(line).collect::<Vec<_>>());
    assert_eq!(lost, 0);
}

#[test]
fn what_waits_for_a_full_disk_is_bounded_and_the_newest() {
    let (written, lost) = on_a_full_disk(1000);
    let newest = (1000 - WAITING_MAX / 1024 + 1..=1000).map(line);
    assert!(written.len() < 70 && written.ends_with(&newest.collect::<Vec<_>>()));
    // The one that had begun is whole.
    assert_eq!(written[..2], [line(0), line(1)]);
    assert_eq!(written.len() as u64 + lost, 1001);
}

#[test]
fn the_end_does_not_wait_for_a_disk_that_stays_full() {
    let disk = Disk { room: Arc::new(Mutex::new(100)), written: Arc::default() };
    let lines = Lines::to(disk, "lines").unwrap();
    (0..10).for_each(|number| lines.push(line(number)));
    assert!(!lines.close(PATIENCE));
    assert_eq!(lines.lost(), 10);
}
