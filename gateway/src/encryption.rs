//! The encrypted ways in, with one certificate: the page's, and that of RTSP.

use crate::certificate::{self, Certificate, Files};
use crate::rtsps::Rtsps;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use streamsocket_web::admission::Admission;
use streamsocket_web::server::{Server, listen};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsAcceptor;

/// The encrypted ways in.
pub(crate) struct Encryption {
    certificate: Arc<Certificate>,
    page: Option<(TcpListener, TlsAcceptor)>,
    rtsps: Option<Rtsps>,
}

impl Encryption {
    /// None, with the certificate in these files, which is made if there is none.
    ///
    /// # Errors
    /// One line: the option or the file, and what is wrong with it.
    pub(crate) fn new(files: Files) -> Result<Self, String> {
        Ok(Self { certificate: Arc::new(Certificate::open(files)?), page: None, rtsps: None })
    }

    /// Takes connections for the page.
    ///
    /// # Errors
    /// One line: the option, and why it cannot be done.
    pub(crate) fn open_page(&mut self, address: SocketAddr) -> Result<(), String> {
        let tls = Arc::clone(&self.certificate).config(&[b"http/1.1"])?;
        self.page = Some((listen("--tls", address)?, tls.into()));
        Ok(())
    }

    /// Takes connections for RTSP.
    ///
    /// # Errors
    /// As [`open_page`](Self::open_page).
    pub(crate) fn open_rtsps(
        &mut self,
        address: SocketAddr,
        admission: Admission,
    ) -> Result<(), String> {
        let tls = Arc::clone(&self.certificate).config(&[])?;
        self.rtsps = Some(Rtsps::new(listen("--rtsps", address)?, tls.into(), admission));
        Ok(())
    }

    /// What the certificate is known by.
    pub(crate) fn fingerprint(&self) -> String {
        self.certificate.fingerprint()
    }

    /// Serves, and looks for a new certificate now and then.
    pub(crate) async fn serve(&self, server: &Server) {
        let look = async {
            loop {
                tokio::time::sleep(certificate::LOOK_EVERY).await;
                let certificate = Arc::clone(&self.certificate);
                // Files are read, and perhaps written: nothing for a loop. What goes wrong is logged there.
                let _ = spawn_blocking(move || certificate.look()).await;
            }
        };
        let page = async {
            match &self.page {
                Some((listener, tls)) => server.serve(listener, Some(tls)).await,
                None => pending().await,
            }
        };
        let rtsps = async {
            match &self.rtsps {
                Some(rtsps) => rtsps.serve().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = page => {}
            () = rtsps => {}
            () = look => {}
        }
    }
}
