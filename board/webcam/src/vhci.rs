//! Ports of the kernel's virtual host controller (vhci-hcd): finding a free one and handing it one
//! end of a socket. Whoever holds the other end is the device; closing it pulls the plug.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// The first controller. Debian's kernel gives it 15 ports for high-speed devices.
const CONTROLLER: &str = "/sys/devices/platform/vhci_hcd.0";

/// In `status`: a port that nothing is plugged into (`VDEV_ST_NULL`).
const FREE: &str = "004";

/// In `attach`: a high-speed device (`USB_SPEED_HIGH`).
const HIGH_SPEED: u32 = 3;

/// In `attach`: bus 1, device 1 of a machine that does not exist. The kernel puts the number on
/// each request; one socket carries one device, so that it need not differ.
const REMOTE_DEVICE: u32 = 1 << 16 | 1;

/// A device that is plugged in.
#[derive(Debug)]
pub(crate) struct Plug {
    /// Where the kernel talks USB/IP.
    pub stream: UnixStream,
    /// The port's number.
    pub port: u32,
}

/// Plugs a device into `preferred` if that is free, else into the first port that is.
pub(crate) fn plug(preferred: Option<u32>) -> Result<Plug, String> {
    let path = format!("{CONTROLLER}/status");
    let status = fs::read_to_string(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{path} is not there: load the driver with 'modprobe vhci-hcd'")
        }
        _ => format!("{path}: {error}"),
    })?;
    let mut ports = free_ports(&status);
    // A replugged camera should keep its place among /dev/v4l/by-path.
    ports.sort_by_key(|port| Some(*port) != preferred);
    let mut problem = "all ports of vhci-hcd are taken: unplug another device".to_string();
    for port in ports {
        match attach(port) {
            Ok(stream) => return Ok(Plug { stream, port }),
            // Another webcam may have been quicker: the next port will do.
            Err(error) => problem = refusal(port, &error),
        }
    }
    Err(problem)
}

fn refusal(port: u32, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => ": run as root",
        _ => "",
    };
    format!("{CONTROLLER}/attach refused port {port}: {error}{advice}")
}

/// The numbers of the free high-speed ports in the text of `status`.
fn free_ports(status: &str) -> Vec<u32> {
    let free = |line: &str| {
        let mut fields = line.split_whitespace();
        let (hub, port, state) = (fields.next()?, fields.next()?, fields.next()?);
        (hub == "hs" && state == FREE).then(|| port.parse().ok())?
    };
    status.lines().filter_map(free).collect()
}

fn attach(port: u32) -> io::Result<UnixStream> {
    let (ours, kernels) = UnixStream::pair()?;
    let line = format!("{port} {} {REMOTE_DEVICE} {HIGH_SPEED}", kernels.as_raw_fd());
    // The kernel takes a reference of its own; ours to its end goes with `kernels`.
    fs::write(format!("{CONTROLLER}/attach"), line)?;
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_free_high_speed_ports_count() {
        let status = "\
hub port sta spd dev      sockfd local_busid
hs  0000 006 003 00010001 000003 1-1
hs  0001 004 000 00000000 000000 0-0
hs  0012 004 000 00000000 000000 0-0
ss  0015 004 000 00000000 000000 0-0
";
        assert_eq!(free_ports(status), [1, 12]);
    }
}
