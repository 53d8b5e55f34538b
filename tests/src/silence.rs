//! A way to a server that falls silent: what is sent is taken, and nothing arrives, as where a machine
//! or a cable is gone and nobody has said so. Or one that is cut, so that both ends hear of it.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The way; it ends with the runtime it was started in.
#[derive(Debug)]
pub struct SilentWay {
    address: SocketAddr,
    broken: watch::Sender<Option<How>>,
}

/// How a way breaks.
#[derive(Debug, Clone, Copy)]
enum How {
    Silent,
    Cut,
}

impl SilentWay {
    /// Starts one to the server at `upstream` (`host:port`).
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn start(upstream: &str) -> Self {
        let upstream = upstream.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (broken, watched) = watch::channel(None);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = upstream.clone();
                let mut watched = watched.clone();
                watched.mark_unchanged();
                // However a connection ends, that is what its client was to see.
                tokio::spawn(async move { serve(client, &upstream, watched).await });
            }
        });
        Self { address, broken }
    }

    /// Where to connect to instead of the server, as `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Lets every connection that is open fall silent. Later ones get through.
    pub fn silence(&self) {
        self.broken.send_replace(Some(How::Silent));
    }

    /// Closes every connection that is open. Later ones get through.
    pub fn cut(&self) {
        self.broken.send_replace(Some(How::Cut));
    }
}

async fn serve(
    mut client: TcpStream,
    upstream: &str,
    mut watched: watch::Receiver<Option<How>>,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    tokio::select! {
        done = copy_bidirectional(&mut client, &mut server) => done.map(drop),
        _ = watched.changed() => {
            if matches!(*watched.borrow(), Some(How::Cut)) {
                return Ok(());
            }
            // Both ends stay open.
            let _kept = (client, server);
            std::future::pending().await
        }
    }
}
