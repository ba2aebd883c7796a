//! Hands on what either end of a connection says to the other.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::time::timeout;

/// Bytes that are handed on at a time: a record of TLS, and what waits here at most.
const PIECE: usize = 16 << 10;

/// A viewer who has said nothing for so long has gone: twice as long as the daemon waits, which then ends the
/// connection itself.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// Who takes nothing for so long has gone, too.
const STUCK_MAX: Duration = Duration::from_secs(30);

/// Hands on until either end has ended, beginning with what the viewer has `said` already.
///
/// # Errors
/// That of either end's connection.
pub(super) async fn relay(
    viewer: impl AsyncRead + AsyncWrite,
    daemon: impl AsyncRead + AsyncWrite,
    said: &[u8],
) -> io::Result<()> {
    let (from_viewer, mut to_viewer) = split(viewer);
    let (from_daemon, mut to_daemon) = split(daemon);
    timeout(STUCK_MAX, to_daemon.write_all(said)).await??;
    tokio::select! {
        ended = pass(from_viewer, &mut to_daemon, Some(SILENCE_MAX)) => ended?,
        ended = pass(from_daemon, &mut to_viewer, None) => {
            ended?;
            // It is to see that this was all, and not that something is missing.
            timeout(STUCK_MAX, to_viewer.shutdown()).await??;
        }
    }
    Ok(())
}

/// Hands on what one says, until that is all.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
    silence_max: Option<Duration>,
) -> io::Result<()> {
    let mut bytes = vec![0; PIECE];
    loop {
        let reading = from.read(&mut bytes);
        let read = match silence_max {
            Some(most) => timeout(most, reading).await??,
            None => reading.await?,
        };
        if read == 0 {
            return Ok(());
        }
        let passing = async {
            to.write_all(&bytes[..read]).await?;
            to.flush().await
        };
        timeout(STUCK_MAX, passing).await??;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;
    use tokio::runtime::Builder;

    #[test]
    fn all_is_handed_on_both_ways_until_one_ends() {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let ((mut viewer, near), (mut daemon, far)) = (duplex(100), duplex(100));
            let relayed = tokio::spawn(async { relay(near, far, b"first ").await });
            let answer: Vec<u8> = (0..50_000_u32).map(|it| it.to_le_bytes()[0]).collect();
            let expected = answer.clone();
            let served = tokio::spawn(async move {
                let mut asked = [0; 11];
                daemon.read_exact(&mut asked).await.unwrap();
                assert_eq!(&asked, b"first again");
                daemon.write_all(&answer).await.unwrap();
            });
            viewer.write_all(b"again").await.unwrap();
            let mut heard = Vec::new();
            viewer.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard, expected);
            served.await.unwrap();
            relayed.await.unwrap().unwrap();
        });
    }

    #[test]
    fn who_says_nothing_is_let_go() {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let ((_viewer, near), (_daemon, mut far)) = (duplex(100), duplex(100));
            let ended = pass(near, &mut far, Some(Duration::from_millis(20))).await;
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        });
    }
}
