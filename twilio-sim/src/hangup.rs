//! A listener whose connections can be cut from inside a handler, and which can go away for a while.
//!
//! Easy to get wrong: a cut takes effect on the next write, so the handler must still return an
//! answer, of which not one byte leaves. In an outage the port is really closed: callers are refused.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Cuts the connection it belongs to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hangup(Arc<AtomicBool>);

impl Hangup {
    pub(crate) fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Asks the listener to go away for a while.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    length: Mutex<Option<Duration>>,
    asked: Notify,
    began: Arc<Notify>,
}

impl Outage {
    pub(crate) fn ask(&self, length: Duration) {
        *self.length.lock().unwrap_or_else(PoisonError::into_inner) = Some(length);
        self.asked.notify_one();
    }

    fn take(&self) -> Option<Duration> {
        self.length.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(crate) struct Doors {
    /// None while away.
    listener: Option<TcpListener>,
    address: SocketAddr,
    outage: Arc<Outage>,
}

impl Doors {
    pub(crate) fn new(listener: TcpListener, outage: Arc<Outage>) -> io::Result<Self> {
        Ok(Self { address: listener.local_addr()?, listener: Some(listener), outage })
    }

    async fn open(&mut self) {
        match TcpListener::bind(self.address).await {
            Ok(listener) => self.listener = Some(listener),
            Err(error) => {
                tracing::warn!(%error, "the port cannot be opened again yet");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

impl Listener for Doors {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            if let Some(length) = self.outage.take() {
                self.listener = None;
                self.outage.began.notify_waiters();
                tokio::time::sleep(length).await;
            }
            let Some(listener) = &mut self.listener else {
                self.open().await;
                continue;
            };
            tokio::select! {
                () = self.outage.asked.notified() => {}
                (stream, address) = Listener::accept(listener) => {
                    return (Line::new(stream, &self.outage), address);
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Doors>> for Hangup {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        stream.io().hangup.clone()
    }
}

pub(crate) struct Line {
    stream: TcpStream,
    hangup: Hangup,
    outage: Pin<Box<OwnedNotified>>,
}

impl Line {
    fn new(stream: TcpStream, outage: &Outage) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no-delay could not be set");
        }
        let outage = Box::pin(Arc::clone(&outage.began).notified_owned());
        Self { stream, hangup: Hangup::default(), outage }
    }

    fn check(&self) -> io::Result<()> {
        if self.hangup.is_cut() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.hangup.is_cut() || self.outage.as_mut().poll(cx).is_ready() {
            self.hangup.cut();
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
