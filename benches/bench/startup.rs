//! How long it takes from the start of a program to its first packet, and how large it is.

use crate::material::usual;
use crate::program::{Job, Sender, Speed, place};
use crate::report::{progress, table as printed};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use streamsocket_tests::cost::median;
use streamsocket_tests::program::{ours, peer, text};
use streamsocket_tests::wire::join;

/// The table.
pub(crate) fn table(rounds: u32) -> String {
    let senders = [Sender::Ours("50%", "20"), Sender::GStreamer(0), Sender::Ffmpeg];
    let mut taken: Vec<Vec<f64>> = vec![Vec::new(); senders.len()];
    for round in 0..rounds {
        progress("startup", round, rounds, "1920x1080");
        for (index, &sender) in senders.iter().enumerate() {
            taken[index].push(first_packet(sender));
        }
    }
    let rows: Vec<Vec<String>> = senders
        .iter()
        .zip(taken)
        .map(|(sender, taken)| {
            let name = match sender {
                Sender::Ours(..) => "streamsocket".to_owned(),
                other => other.name(),
            };
            vec![name, format!("{:.0}", median(taken) * 1e3), size(*sender)]
        })
        .collect();
    let columns = ["sender", "ms to the first packet", "program, MB"];
    format!("## Starting\n\n{}", printed("A file of 1920x1080", &columns, &rows))
}

fn first_packet(sender: Sender) -> f64 {
    let place = place();
    let ears = join(place.at(0));
    ears.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let speed = Speed::Rate(30);
    let job = Job { sender, clip: usual("1920x1080"), speed, destinations: 1, pictures: 30 };
    let mut command = match sender {
        Sender::Ours(pace, repair) => job.ours(pace, repair, &[place]),
        _ => job.peer(place),
    };
    let began = Instant::now();
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let mut packet = [0; 2048];
    ears.recv(&mut packet).expect("a packet within 20 s");
    let taken = began.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    taken.as_secs_f64()
}

/// Size of the program itself; of peers without their libraries.
fn size(sender: Sender) -> String {
    let command: Command = match sender {
        Sender::Ours(..) => ours("streamsocket"),
        Sender::GStreamer(_) => peer("gst-launch-1.0"),
        _ => peer("ffmpeg"),
    };
    let name = command.get_program().to_owned();
    let path = text(peer("sh").arg("-c").arg("readlink -f \"$(command -v \"$0\")\"").arg(name));
    let bytes = std::fs::metadata(path.trim()).unwrap().len();
    format!("{:.2}", bytes as f64 / 1e6)
}
