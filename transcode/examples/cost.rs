//! What three tiers and sound cost, beside ffmpeg: `cost CLIP.mjpeg [openh264|x264] [FOLDER] [OPTIONS]`.
//!
//! The clip is taken as 30 pictures a second, as fast as it goes. Prints processor seconds for each second of it
//! (getrusage(2) of this process and its children), bits, and SSIM against the clip scaled by ffmpeg to the size of
//! the tier (`scale=flags=area`), of our tiers and of those that one ffmpeg makes at the same bits with x264
//! veryfast and OPTIONS (`-tune zerolatency`). The streams are left in FOLDER (target/cost by default).

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a measurement that is printed"
)]

use nix::sys::resource::{Usage, UsageWho, getrusage};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use streamsocket_media::clock::{Delay, Wall, sample_nanos};
use streamsocket_transcode::{
    AacEncoder, Backend, ParameterSets, Picture, Pyramid, TierPlan, VideoEncoder,
};

type Fallible<T> = Result<T, Box<dyn Error>>;

const RATE: u32 = 30;
/// Pictures from one key picture to the next: 2 s.
const GROUP: usize = 60;
const SOUND_RATE: u32 = 48_000;

/// What a tier came to.
struct Tier {
    plan: TierPlan,
    size: (usize, usize),
    cores: f64,
    bits: f64,
    file: PathBuf,
}

fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let clip = PathBuf::from(
        arguments.next().ok_or("cost CLIP.mjpeg [openh264|x264] [FOLDER] [OPTIONS]")?,
    );
    let backend: Backend = arguments.next().as_deref().unwrap_or("openh264").parse()?;
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "target/cost".into()));
    let tune: Vec<String> = arguments.collect();
    fs::create_dir_all(&folder)?;
    let bytes = fs::read(&clip)?;
    let pictures = split(&bytes);
    let header = turbojpeg::read_header(pictures.first().ok_or("no JPEG in the clip")?)?;
    let size = (header.width, header.height);
    let seconds = pictures.len() as f64 / f64::from(RATE);
    println!("{} pictures of {}x{}, {seconds:.1} s", pictures.len(), size.0, size.1);

    let plans = TierPlan::defaults(size, RATE as f32);
    let (decoding, tiers) = encode(&pictures, backend, &plans, size, &folder)?;
    let sound = sound(seconds)?;
    let (peer, files) = peer(&clip, &tiers, seconds, &folder, &tune)?;
    println!(
        "tier    size       {backend:>8} cores   kbit/s    SSIM    peer kbit/s  SSIM    difference"
    );
    for (tier, file) in tiers.iter().zip(&files) {
        let ours = ssim(&clip, tier, &tier.file)?;
        let theirs = ssim(&clip, tier, file)?;
        let peer_bits = fs::metadata(file)?.len() as f64 * 8.0 / seconds;
        println!(
            "{:7} {:10} {:14.3} {:8.0}  {ours:.5}  {:8.0}     {theirs:.5} {:+.5}",
            tier.plan.name,
            format!("{}x{}", tier.size.0, tier.size.1),
            tier.cores,
            tier.bits / 1000.0,
            peer_bits / 1000.0,
            ours - theirs
        );
    }
    println!("decoding {decoding:.3} cores, sound {sound:.3}");
    let all: f64 = tiers.iter().map(|tier| tier.cores).sum::<f64>() + decoding + sound;
    println!("all {all:.3} cores; ffmpeg with x264 veryfast {peer:.3}");
    Ok(())
}

/// Decodes once and encodes all tiers; what decoding costs, and each tier.
fn encode(
    pictures: &[&[u8]],
    backend: Backend,
    plans: &[TierPlan],
    size: (usize, usize),
    folder: &Path,
) -> Fallible<(f64, Vec<Tier>)> {
    let seconds = pictures.len() as f64 / f64::from(RATE);
    let mut pyramid = Pyramid::new(size, plans.iter().map(|plan| plan.scale))?;
    let mut encoders = Vec::new();
    for plan in plans {
        encoders.push((VideoEncoder::new(backend, plan, size, RATE as f32)?, Vec::new(), 0.0));
    }
    let mut decoding = 0.0;
    for (number, jpeg) in pictures.iter().enumerate() {
        let at = Wall(sample_nanos(number as u64, RATE));
        let before = cpu()?;
        pyramid.decode(jpeg)?;
        decoding += cpu()? - before;
        for (encoder, out, cost) in &mut encoders {
            let before = cpu()?;
            encoder.encode_decoded(&pyramid, at, number % GROUP == 0, out)?;
            *cost += cpu()? - before;
        }
    }
    let mut tiers = Vec::new();
    for (plan, (encoder, mut out, mut cost)) in plans.iter().zip(encoders) {
        // A child's share is known when it has ended.
        let before = cpu()?;
        let sets = encoder.finish(&mut out)?;
        cost += cpu()? - before;
        assert_eq!(out.len(), pictures.len(), "each picture comes out");
        let file = folder.join(format!("{}.h264", plan.name));
        let stream = stream(&out, &sets);
        let bits = stream.len() as f64 * 8.0 / seconds;
        fs::write(&file, stream)?;
        tiers.push(Tier { plan: plan.clone(), size: sets.size, cores: cost / seconds, bits, file });
    }
    Ok((decoding / seconds, tiers))
}

/// A byte stream (ITU-T H.264 annex B).
fn stream(pictures: &[Picture], sets: &ParameterSets) -> Vec<u8> {
    const START: [u8; 4] = [0, 0, 0, 1];
    let mut stream = Vec::new();
    for picture in pictures {
        if picture.key {
            for set in [&sets.sps, &sets.pps] {
                stream.extend_from_slice(&START);
                stream.extend_from_slice(set);
            }
        }
        let mut rest = &picture.data[..];
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (unit, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            stream.extend_from_slice(&START);
            stream.extend_from_slice(unit);
            rest = after;
        }
    }
    stream
}

/// Two channels of a voice's length.
fn sound(seconds: f64) -> Fallible<f64> {
    let before = cpu()?;
    let (sender, frames) = channel();
    let mut encoder = AacEncoder::new(SOUND_RATE, 2, move |_| {
        let _nobody_waits = sender.send(());
    })?;
    let chunks = (seconds * 100.0) as u64;
    for chunk in 0..chunks {
        let samples: Vec<i16> = (0..960_u64)
            .map(|sample| ((chunk * 960 + sample) * 7919 % 20_011) as i16 - 10_000)
            .collect();
        let at = Wall(0) + Delay::from_nanos(sample_nanos(chunk * 480, SOUND_RATE));
        loop {
            let before = encoder.left_out();
            encoder.push(&samples, at)?;
            if encoder.left_out() == before {
                break;
            }
            frames.recv()?;
        }
    }
    encoder.finish()?;
    Ok((cpu()? - before) / seconds)
}

/// One ffmpeg with three outputs and sound, at the bits that ours came to.
fn peer(
    clip: &Path,
    tiers: &[Tier],
    seconds: f64,
    folder: &Path,
    tune: &[String],
) -> Fallible<(f64, Vec<PathBuf>)> {
    let before = cpu()?;
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-r", "30", "-f", "mjpeg", "-i"]).arg(clip);
    command.args(["-f", "lavfi", "-i"]).arg(format!("sine=f=440:r=48000:d={seconds}"));
    let mut filter = format!("[0:v]split={}", tiers.len());
    (0..tiers.len()).for_each(|index| filter += &format!("[s{index}]"));
    for (index, tier) in tiers.iter().enumerate() {
        filter +=
            &format!(";[s{index}]scale={}:{},format=yuvj420p[o{index}]", tier.size.0, tier.size.1);
    }
    command.args(["-filter_complex", &filter]);
    let mut files = Vec::new();
    for (index, tier) in tiers.iter().enumerate() {
        let file = folder.join(format!("{}.peer.h264", tier.plan.name));
        let bits = (tier.bits as u64).to_string();
        command.args(["-map", &format!("[o{index}]"), "-c:v", "libx264", "-preset", "veryfast"]);
        command.args(["-bf", "0", "-g", "60", "-sc_threshold", "0", "-b:v", &bits]);
        command.args(tune);
        command.arg(&file);
        files.push(file);
    }
    command.args(["-map", "1:a", "-ac", "2", "-c:a", "aac", "-b:a", "128k", "-f", "null", "-"]);
    if !command.status()?.success() {
        return Err("ffmpeg has failed".into());
    }
    Ok(((cpu()? - before) / seconds, files))
}

fn ssim(clip: &Path, tier: &Tier, file: &Path) -> Fallible<f64> {
    let (width, height) = tier.size;
    let filter = format!("[1:v]scale={width}:{height}:flags=area,format=yuvj420p[r];[0:v][r]ssim");
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-r", "30", "-i"])
        .arg(file)
        .args(["-r", "30", "-f", "mjpeg", "-i"])
        .arg(clip)
        .args(["-lavfi", &filter, "-f", "null", "-"])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let value = said.rsplit("All:").next().and_then(|rest| rest.split_whitespace().next());
    Ok(value.ok_or("no SSIM")?.parse().map_err(|_| said.clone())?)
}

/// Processor seconds of this process and of its children that have ended.
fn cpu() -> Fallible<f64> {
    let seconds = |usage: Usage| {
        let both = usage.user_time() + usage.system_time();
        both.tv_sec() as f64 + both.tv_usec() as f64 / 1e6
    };
    let all = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN];
    Ok(seconds(getrusage(all[0])?) + seconds(getrusage(all[1])?))
}

/// The JPEGs of a file that has nothing else in it, and none inside another.
fn split(mjpeg: &[u8]) -> Vec<&[u8]> {
    const START: [u8; 3] = [0xFF, 0xD8, 0xFF];
    let mut starts: Vec<usize> =
        (0..mjpeg.len()).filter(|&at| mjpeg[at..].starts_with(&START)).collect();
    starts.push(mjpeg.len());
    starts.windows(2).map(|pair| &mjpeg[pair[0]..pair[1]]).collect()
}
