//! The thread that starts children. The kernel ties a child to the thread that made it: a signal for the
//! death of its parent (PR_SET_PDEATHSIG in prctl(2)) comes when that thread ends, and those that open
//! sources do. This one lives as long as the program.

use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use streamsocket_net::parent_death::die_with_us;

/// What is wanted of the thread: whoever wants it waits for the answer, so that few are in the queue.
struct Wanted {
    command: Command,
    answer: SyncSender<io::Result<Child>>,
}

/// Places in the queue: pictures and sound of a session, and those of the next one.
const QUEUE: usize = 4;

/// Starts a child that lives as long as the program, whatever thread this is called on.
///
/// # Errors
/// What the system says of the program, or that there are no more threads.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    static THREAD: OnceLock<Option<SyncSender<Wanted>>> = OnceLock::new();
    let gone = || io::Error::other("the thread that starts programs is not there");
    let thread = THREAD.get_or_init(start).as_ref().ok_or_else(gone)?;
    let (answer, answered) = sync_channel(1);
    thread.send(Wanted { command, answer }).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

fn start() -> Option<SyncSender<Wanted>> {
    let (sender, wanted) = sync_channel(QUEUE);
    let started = thread::Builder::new().name("children".into()).spawn(move || serve(&wanted));
    started
        .map(|_| sender)
        .map_err(|error| log::error!("no thread to start programs: {error}"))
        .ok()
}

fn serve(wanted: &Receiver<Wanted>) {
    while let Ok(Wanted { mut command, answer }) = wanted.recv() {
        die_with_us(&mut command);
        if let Err(refused) = answer.send(command.spawn()) {
            // Nobody waits for it any more.
            if let Ok(mut child) = refused.0 {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_child_belongs_to_a_thread_that_lives_as_long_as_the_program() {
        let started = thread::spawn(|| {
            let mut child = spawn({
                let mut command = Command::new("cat");
                command.stdin(std::process::Stdio::piped());
                command
            })
            .unwrap();
            let all = fs::read_dir("/proc/self/task").unwrap().flatten();
            let parent = all.map(|task| task.path()).find(|task| {
                let children = fs::read_to_string(task.join("children")).unwrap_or_default();
                children.split_whitespace().any(|id| id == child.id().to_string())
            });
            drop(child.stdin.take());
            child.wait().unwrap();
            parent.unwrap()
        });
        let parent = started.join().unwrap();
        assert_eq!(fs::read_to_string(parent.join("comm")).unwrap(), "children\n");
    }
}
