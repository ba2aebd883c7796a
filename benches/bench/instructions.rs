//! How many instructions each stage takes for a picture: of this machine's processor, and of 64-bit ARM. A Pi is slower than
//! a PC, but it has these to do, and no more. A Pi 3 and a Pi 4 have no instructions for AES and SHA.

use crate::report::{number, table as printed};
use std::collections::HashMap;
use std::process::Command;
use streamsocket_benches::{STAGES, instructions};
use streamsocket_tests::program::ours;

/// Thousands of instructions, as columns have them.
const EACH: f64 = 1e3;

/// The table. Nothing in it changes from round to round.
pub(crate) fn table(_: u32) -> String {
    let here = ours("instructions");
    let arm = counted_for_arm(&STAGES);
    let protecting = |stage: &&str| stage.starts_with("seal-") || stage.starts_with("open-");
    let mut plain = vec!["--plain"];
    plain.extend(STAGES.iter().filter(|stage| protecting(stage)));
    let plain = counted_for_arm(&plain);
    let row = |stage: &&str| {
        let own = instructions(here.get_program().as_ref(), stage) as f64;
        let arm = arm.as_ref().ok().and_then(|arm| arm.get(*stage));
        let of_arm = arm.map_or("-".to_owned(), |arm| format!("{:.0}", arm / EACH));
        let against = arm.map_or("-".to_owned(), |arm| number(arm / own));
        let plain = plain.as_ref().ok().and_then(|plain| plain.get(*stage));
        let of_plain = plain.map_or("-".to_owned(), |plain| format!("{:.0}", plain / EACH));
        vec![(*stage).to_owned(), format!("{:.0}", own / EACH), of_arm, against, of_plain]
    };
    let rows: Vec<_> = STAGES.iter().map(row).collect();
    let columns = ["stage", std::env::consts::ARCH, "aarch64", "x", "without AES and SHA"];
    let table = printed("Thousands of instructions for a picture", &columns, &rows);
    let why = arm.err().map_or_else(String::new, |why| format!("\nNot counted for ARM: {why}.\n"));
    format!("## Instructions\n\n{table}{why}")
}

/// What `cross/instructions` counts with these arguments, or why it does not.
fn counted_for_arm(arguments: &[&str]) -> Result<HashMap<String, f64>, String> {
    let output = Command::new("cross/instructions").args(arguments).output();
    let output = output.map_err(|error| format!("cross/instructions: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(said.lines().last().unwrap_or("it says nothing").to_owned());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let counts = said.lines().filter_map(|line| line.split_once(' '));
    Ok(counts.filter_map(|(stage, count)| Some((stage.to_owned(), count.parse().ok()?))).collect())
}
