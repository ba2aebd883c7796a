//! IP cameras, which ffmpeg reads in a child: what others see of it, and what becomes of it.

use nix::sys::signal::Signal;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::Program;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

/// 320x240, as any encoder makes it.
fn picture() -> Vec<u8> {
    let pixels = vec![128; 320 * 240 * 3];
    let image = turbojpeg::Image {
        pixels: &pixels[..],
        width: 320,
        pitch: 320 * 3,
        height: 240,
        format: turbojpeg::PixelFormat::RGB,
    };
    turbojpeg::compress(image, 80, turbojpeg::Subsamp::Sub2x2).unwrap().to_vec()
}

/// A camera that gives who knows the password ("me:secret") 60 pictures, and then keeps silent.
fn camera() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut peer in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                let len = peer.read(&mut request).unwrap_or(0);
                let known = String::from_utf8_lossy(&request[..len])
                    .contains("Authorization: Basic bWU6c2VjcmV0");
                if !known {
                    let refusal = "HTTP/1.0 401 no\r\nWWW-Authenticate: Basic realm=\"it\"\r\n\r\n";
                    return peer.write_all(refusal.as_bytes());
                }
                peer.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n")?;
                let jpeg = picture();
                let head = format!(
                    "--next\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
                    jpeg.len()
                );
                for _ in 0..60 {
                    peer.write_all(&[head.as_bytes(), &jpeg, b"\r\n"].concat())?;
                }
                // Until the other end is gone.
                peer.read(&mut request).map(drop)
            });
        }
    });
    address
}

fn daemon(place: Place, camera: SocketAddr, folder: &Path) -> Command {
    let path = folder.join("it.toml");
    fs::write(&path, format!("video = \"http://me:secret@{camera}/video\"\n")).unwrap();
    let mut daemon = daemon_at(place);
    // In another size, so that ffmpeg reads it.
    daemon.args(["--audio", "none", "--size", "160x120", "--wait=no", "--config"]).arg(&path);
    daemon
}

/// The children of all threads of a process.
fn children(id: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten();
    let lists =
        threads.map(|it| fs::read_to_string(it.path().join("children")).unwrap_or_default());
    let numbers = |list: String| -> Vec<u32> {
        list.split_whitespace().map(|id| id.parse().unwrap()).collect()
    };
    lists.flat_map(numbers).collect()
}

/// Whether the process runs, and is not only still listed because nobody has asked how it ended.
fn runs(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

#[test]
fn no_password_is_seen_in_arguments_or_said() {
    let _turn = turn();
    let (camera, folder) = (camera(), tempfile::tempdir().unwrap());
    let mut command = daemon(Place::new(), camera, folder.path());
    let mut daemon = Program::start(command.env("RUST_LOG", "trace"));
    daemon.wait_for("goes to");
    let seen = children(daemon.id());
    assert!(!seen.is_empty(), "nobody reads the camera");
    for id in seen {
        let arguments = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).into_owned();
        assert!(!arguments.contains("secret"), "{arguments}");
    }
    let said = daemon.interrupt().succeeded();
    assert!(said.contains(&format!("http://{camera}/video")), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn what_reads_a_silent_camera_dies_with_the_daemon() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Program::start(&mut daemon(Place::new(), camera(), folder.path()));
    daemon.wait_for("goes to");
    let children = children(daemon.id());
    assert!(!children.is_empty(), "nobody reads the camera");
    daemon.signal(Signal::SIGKILL);
    wait_until("the end of the children", || !children.iter().any(|id| runs(*id)));
}
