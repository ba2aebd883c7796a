//! What sound costs beside the pictures: the same sender with it and without, one after the other in each round.

use crate::material::{stereo, usual};
use crate::program::{Job, Sender, Speed, other_build};
use crate::report::{milliseconds, number, progress, ratios, table as printed};
use streamsocket_tests::cost::{Cost, median};
use streamsocket_tests::session::file;

/// What people run.
const SENDERS: [Sender; 1] = [Sender::Ours("50%", "20")];

/// Pictures of a run at 30 a second, and of the short one that is taken off it.
const PICTURES: [u64; 2] = [240, 30];

/// Of each round: without sound, with sound, and what that is more.
type Costs = [Vec<Cost>; 3];

/// What the three are called behind the name of a sender.
const NAMES: [&str; 3] = ["", ", with sound", ", its sound alone"];

/// The table.
pub(crate) fn table(rounds: u32) -> String {
    let senders = Sender::with_other_build(&SENDERS);
    let mut costs: Vec<Costs> = vec![Costs::default(); senders.len()];
    for round in 0..rounds {
        progress("sound", round, rounds, "1920x1080");
        for (sender, costs) in senders.iter().zip(&mut costs) {
            let [without, with] = ["none", &file(&stereo())].map(|audio| measured(*sender, audio));
            for (all, cost) in costs.iter_mut().zip([without, with, with - without]) {
                all.push(cost);
            }
        }
    }
    let mut rows = Vec::new();
    for (sender, of_sender) in senders.iter().zip(&costs) {
        let name = sender.name();
        for (index, what) in NAMES.iter().enumerate() {
            let all = &of_sender[index];
            let mut row = vec![
                format!("{name}{what}"),
                milliseconds(median(all.iter().map(Cost::cpu))),
                number(median(all.iter().map(|cost| cost.waits))),
            ];
            if other_build().is_some() {
                row.push(match sender {
                    Sender::Ours(..) => compared(all, &costs[1][index]),
                    _ => "-".to_owned(),
                });
            }
            rows.push(row);
        }
    }
    let columns = ["sender", "CPU ms", "waits", "x the other build"];
    let columns = if other_build().is_some() { &columns[..] } else { &columns[..3] };
    let heading = "1920x1080, 30 pictures a second; sound of 48 kHz in two channels";
    format!("## Sending with sound\n\n{}", printed(heading, columns, &rows))
}

/// What one build took of what the other did, round by round.
fn compared(own: &[Cost], others: &[Cost]) -> String {
    ratios(own.iter().zip(others).map(|(own, other)| own.cpu() / other.cpu()))
}

fn measured(sender: Sender, audio: &str) -> Cost {
    let (clip, [pictures, short]) = (usual("1920x1080"), PICTURES);
    let job = Job { sender, clip, speed: Speed::Rate(30), destinations: 1, pictures };
    job.each_with(audio, short).cost
}
