//! How the cost grows: with the size of pictures, with the number of destinations, with their rate.

use crate::material::{Clip, of_bytes, usual};
use crate::plot::{Curve, draw};
use crate::program::{Job, Sender, Speed};
use crate::report::{progress, table as printed};
use streamsocket_tests::cost::median;

const PLAIN: Sender = Sender::Ours("off", "0");
const REPAIRED: Sender = Sender::Ours("off", "20");
const AS_IT_COMES: Sender = Sender::Ours("50%", "20");

/// All tables; the curves are drawn into docs.
pub(crate) fn table(rounds: u32) -> String {
    let size = part(
        "size",
        "By the size of pictures, free running",
        ("kB a picture", "CPU ms a picture"),
        &by_size(rounds),
    );
    let destinations = part(
        "destinations",
        "By the number of destinations, 1920x1080, free running",
        ("destinations", "CPU ms a picture"),
        &by_destinations(rounds),
    );
    let rate = part(
        "rate",
        "By their rate, 1280x720",
        ("pictures a second", "% of a core"),
        &by_rate(rounds),
    );
    format!("## Growth\n\n{size}\n{destinations}\n{rate}")
}

/// Draws curves and prints them.
fn part(name: &str, heading: &str, axes: (&str, &str), curves: &[Curve]) -> String {
    draw(&format!("docs/performance-{name}.svg"), axes, curves);
    let (x, y) = axes;
    let mut columns = vec![format!("{y}, by {x}")];
    columns.extend(curves[0].points.iter().map(|(x, _)| x.to_string()));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let row = |curve: &Curve| {
        let values = curve.points.iter().map(|(_, y)| format!("{y:.3}"));
        std::iter::once(curve.name.clone()).chain(values).collect()
    };
    let rows: Vec<Vec<String>> = curves.iter().map(row).collect();
    format!("{}\n![{heading}](performance-{name}.svg)\n", printed(heading, &columns, &rows))
}

fn by_size(rounds: u32) -> Vec<Curve> {
    let senders = [Sender::Floor, PLAIN, REPAIRED, Sender::GStreamer(0)];
    let kilobytes = [20, 50, 100, 200, 500, 1000, 2000];
    curves("picture size", rounds, &senders, &kilobytes, |sender, kilobytes| {
        // About half a second each.
        let all = if matches!(sender, Sender::GStreamer(_)) { 400_000 } else { 2_000_000 };
        free(sender, of_bytes(kilobytes * 1000), 1, all / kilobytes as u64)
    })
}

fn by_destinations(rounds: u32) -> Vec<Curve> {
    curves("destinations", rounds, &[PLAIN, REPAIRED], &[1, 2, 4, 8], |sender, destinations| {
        free(sender, usual("1920x1080"), destinations, 10_000 / destinations as u64)
    })
}

fn by_rate(rounds: u32) -> Vec<Curve> {
    let senders = [AS_IT_COMES, PLAIN, Sender::GStreamer(0)];
    curves("rate", rounds, &senders, &[10, 30, 60, 120], |sender, rate| {
        let (rate, clip) = (rate as u32, usual("1280x720"));
        let (speed, pictures) = (Speed::Rate(rate), u64::from(rate) * 4);
        let job = Job { sender, clip, speed, destinations: 1, pictures };
        // Percent of a second's processor time.
        job.each(pictures / 4).cost.cpu() * f64::from(rate) * 100.0
    })
}

/// Milliseconds of a picture, free running.
fn free(sender: Sender, clip: Clip, destinations: usize, pictures: u64) -> f64 {
    let job = Job { sender, clip, speed: Speed::Free, destinations, pictures };
    job.each(pictures / 5).cost.cpu() * 1e3
}

fn curves(
    what: &str,
    rounds: u32,
    senders: &[Sender],
    points: &[usize],
    measure: impl Fn(Sender, usize) -> f64,
) -> Vec<Curve> {
    let mut values = vec![vec![Vec::new(); points.len()]; senders.len()];
    for round in 0..rounds {
        progress("growth", round, rounds, what);
        for (at, &point) in points.iter().enumerate() {
            for (of, &sender) in senders.iter().enumerate() {
                values[of][at].push(measure(sender, point));
            }
        }
    }
    let curve = |(sender, values): (&Sender, Vec<Vec<f64>>)| Curve {
        name: sender.name(),
        points: points.iter().copied().zip(values.into_iter().map(median)).collect(),
    };
    senders.iter().zip(values).map(curve).collect()
}
