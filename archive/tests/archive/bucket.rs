//! A bucket as moto has it, on the loopback interface. It is installed into a virtual environment of the tests' own the
//! first time; where that cannot be, this is skipped, and says so.

use crate::segments::{INIT, all, begin, entry, init, parts, record, second};
use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use streamsocket_archive::{Archive, BucketAddress, Error, Event, Finish, Place, Retention};
use tempfile::{TempDir, tempdir};

/// The version that these tests were written with.
const MOTO: &str = "moto[server]==5.2.5";

/// What the tests of the bucket find the server's address in.
const ENDPOINT: &str = "ARCHIVE_TEST_ENDPOINT";

/// A server, which ends with the test.
struct Moto {
    child: Child,
    endpoint: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Ended by itself is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(program: &Path, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(args).output().map_err(|error| error.to_string())?;
    let error = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(error()) }
}

/// The program, installed if it is not there.
fn installed() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-5.2.5");
    let ready = folder.join("ready");
    if !ready.exists() {
        run(Path::new("python3"), &["-m", "venv", &folder.to_string_lossy()])?;
        run(&folder.join("bin/pip"), &["install", "--quiet", MOTO])?;
        fs::write(ready, "").map_err(|error| error.to_string())?;
    }
    Ok(folder.join("bin/moto_server"))
}

impl Moto {
    fn start() -> Result<Self, String> {
        let mut child = Command::new(installed()?)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let endpoint =
            lines.find_map(|line| Some(line.split_once("Running on ")?.1.trim().to_owned()));
        // What it says later is read, so that it does not wait for it.
        std::thread::spawn(move || lines.for_each(drop));
        let moto = Self { child, endpoint: endpoint.clone().unwrap_or_default() };
        endpoint.map(|_| moto).ok_or_else(|| "it said nothing of an address".to_owned())
    }
}

/// Asks the server for something, without credentials, which it does not ask for.
fn ask(endpoint: &str, request: &str) -> String {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

/// Runs the tests below that need it, in processes that have credentials in their environment.
#[test]
fn a_bucket_keeps_what_a_folder_keeps() {
    let moto = match Moto::start() {
        Ok(moto) => moto,
        Err(why) => return println!("skipped: there is no moto here: {why}"),
    };
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "bucket::", "--test-threads=1"])
        .env("AWS_ACCESS_KEY_ID", "somebody")
        .env("AWS_SECRET_ACCESS_KEY", "something")
        .env(ENDPOINT, &moto.endpoint)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success() && text.contains("5 passed"));
}

/// A bucket of a test's own.
fn place(bucket: &str, spool: &TempDir) -> Place {
    let endpoint = std::env::var(ENDPOINT).expect("run by another test");
    Place::Bucket {
        address: BucketAddress {
            url: format!("s3://{bucket}/below/it"),
            endpoint: Some(endpoint),
            region: Some("us-east-1".to_owned()),
            allow_http: true,
        },
        spool: spool.path().to_owned(),
        spool_bytes: 100_000,
    }
}

fn open(bucket: &str, spool: &TempDir, retention: Retention) -> Archive {
    let created = ask(&std::env::var(ENDPOINT).unwrap(), &format!("PUT /{bucket}"));
    assert!(created.starts_with("HTTP/1.1 200"), "{created}");
    Archive::open(place(bucket, spool), retention).unwrap()
}

/// Segments and other files that are left in a spool.
fn left(spool: &TempDir) -> usize {
    let found = Command::new("find")
        .arg(spool.path())
        .args(["-path", "*/[0-9][0-9]/*.mp4"])
        .output()
        .unwrap();
    found.stdout.iter().filter(|it| **it == b'\n').count()
}

#[test]
#[ignore = "run by a_bucket_keeps_what_a_folder_keeps"]
fn what_is_uploaded_is_found_by_the_same_questions() {
    let spool = tempdir().unwrap();
    let archive = open("finding", &spool, Retention::default());
    let long = "ü".repeat(150);
    for session in ["a/b", &long] {
        let mut recording = archive.record(session);
        for number in 1798..1803 {
            assert_eq!(record(&mut recording, "high", number), Some(entry(number)));
            if number == 1800 {
                archive.upload().unwrap();
            }
        }
        // Once of both, once of the bucket.
        for _ in 0..2 {
            assert_eq!(all(&archive, session, "high"), (1798..1803).map(entry).collect::<Vec<_>>());
            assert_eq!(archive.newest(session, "high").unwrap(), Some(1802));
            let segment =
                archive.segment(session, "high", 1798, Some(second(3590))).unwrap().unwrap();
            assert_eq!((segment.entry, segment.path()), (entry(1798), None));
            assert_eq!(segment.bytes().unwrap(), parts(1798).concat());
            let hours = archive.hours(session, "high", second(0), second(9999)).unwrap();
            assert_eq!(hours.iter().map(|it| it.entries).collect::<Vec<_>>(), [2, 3]);
            archive.upload().unwrap();
        }
        // The clock is set back.
        assert_eq!(record(&mut recording, "high", 1799), None);
        let stored = recording.store("high", begin(1801, &init()), Finish::default(), &parts(1801));
        assert!(!stored.unwrap());
    }
    assert_eq!((left(&spool), archive.counts().spooled), (0, 0));
    assert_eq!(archive.bytes(), 10 * entry(1).bytes);
    drop(archive);
    // Another machine, which has nothing of it.
    let empty = tempdir().unwrap();
    let archive = open("finding", &empty, Retention::default());
    archive.upload().unwrap();
    assert_eq!(archive.bytes(), 10 * entry(1).bytes);
    assert_eq!(archive.sessions().unwrap(), ["a/b", &long]);
    assert_eq!(archive.init(&long, "high", INIT).unwrap().unwrap(), init());
    assert_eq!(record(&mut archive.record("a/b"), "high", 1800), None);
}

#[test]
#[ignore = "run by a_bucket_keeps_what_a_folder_keeps"]
fn what_was_spooled_is_uploaded_after_a_restart() {
    let spool = tempdir().unwrap();
    let local = Archive::open(Place::Local(spool.path().to_owned()), Retention::default()).unwrap();
    let mut recording = local.record("porch");
    record(&mut recording, "high", 5).unwrap();
    recording.begin("high", begin(6, &init()));
    recording.append("high", &parts(6)[0]);
    drop((recording, local));
    let archive = open("restart", &spool, Retention::default());
    archive.upload().unwrap();
    assert_eq!(left(&spool), 0);
    let [first, second] = all(&archive, "porch", "high")[..] else { panic!() };
    assert_eq!((first, second.duration), (entry(5), Duration::from_millis(200)));
    assert_eq!(archive.bytes(), first.bytes + second.bytes);
}

#[test]
#[ignore = "run by a_bucket_keeps_what_a_folder_keeps"]
fn a_bucket_keeps_whole_hours_and_events() {
    let spool = tempdir().unwrap();
    let retention =
        Retention { age: Some(Duration::from_secs(3600)), bytes: Some(9 * entry(1).bytes) };
    let archive = open("retention", &spool, retention);
    let mut recording = archive.record("porch");
    for number in [10, 11, 12, 1810, 1811, 3610, 3611, 3612, 5410, 5411] {
        record(&mut recording, "high", number).unwrap();
    }
    let event = Event {
        at: second(25),
        from: second(22),
        to: second(24),
        until: Some(second(8000)),
        label: "bell".to_owned(),
    };
    archive.mark("porch", &event).unwrap();
    archive.upload().unwrap();
    let numbers = || all(&archive, "porch", "high").iter().map(|it| it.number).collect::<Vec<_>>();
    archive.retain(second(3700)).unwrap();
    assert_eq!(numbers(), [11, 1810, 1811, 3610, 3611, 3612, 5410, 5411], "ten were too many");
    archive.retain(second(7999)).unwrap();
    assert_eq!(numbers().len(), 8, "the second hour is not older than one");
    archive.retain(second(10_800)).unwrap();
    assert_eq!(numbers(), [3610, 3611, 3612, 5410, 5411], "the event is over");
    assert_eq!(archive.bytes(), 5 * entry(1).bytes);
    archive.retain(second(999_999)).unwrap();
    assert_eq!(numbers(), [5410, 5411], "the hour that runs");
    drop((recording, archive));
    let empty = tempdir().unwrap();
    let archive = open("retention", &empty, retention);
    assert_eq!(archive.events("porch").unwrap(), [event]);
}

#[test]
#[ignore = "run by a_bucket_keeps_what_a_folder_keeps"]
fn a_bucket_that_is_not_there_fills_the_spool_and_no_more() {
    let spool = tempdir().unwrap();
    let archive = Archive::open(place("nowhere", &spool), Retention::default()).unwrap();
    let mut recording = archive.record("porch");
    let stored = (0..100).filter(|it| record(&mut recording, "high", *it).is_some()).count() as u64;
    assert_eq!(stored, 100_000_u64.div_ceil(entry(1).bytes));
    assert!(archive.trouble().unwrap().starts_with("100000 bytes wait in "));
    let error = archive.upload().unwrap_err();
    assert!(error.to_string().starts_with("cannot list s3://nowhere/below/it/"), "{error}");
    // It is made, and takes what waits.
    ask(&std::env::var(ENDPOINT).unwrap(), "PUT /nowhere");
    archive.upload().unwrap();
    assert_eq!((archive.counts().spooled, archive.counts().uploaded), (0, stored));
    assert_eq!(record(&mut recording, "high", 200), Some(entry(200)));
}

#[test]
#[ignore = "run by a_bucket_keeps_what_a_folder_keeps"]
fn an_address_that_is_none_is_said() {
    let spool = tempdir().unwrap();
    let address = BucketAddress { url: "bucket".to_owned(), ..BucketAddress::default() };
    let place = Place::Bucket { address, spool: spool.path().to_owned(), spool_bytes: 1 };
    let error = Archive::open(place, Retention::default()).unwrap_err();
    assert!(matches!(error, Error::Configuration(_)));
    assert_eq!(error.to_string(), "bucket: a bucket is written s3://BUCKET or s3://BUCKET/PREFIX");
}
