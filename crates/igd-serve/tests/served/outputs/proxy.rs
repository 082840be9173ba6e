//! A way to a server that can be cut.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

pub(super) struct Proxy {
    pub(super) port: u16,
    links: Arc<Mutex<Vec<TcpStream>>>,
    muted: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
}

impl Proxy {
    pub(super) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            links: Arc::default(),
            muted: Arc::default(),
            closed: Arc::default(),
            count: Arc::default(),
        };
        let (links, muted, count) = (
            proxy.links.clone(),
            proxy.muted.clone(),
            proxy.count.clone(),
        );
        let closed = proxy.closed.clone();
        thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { return };
                if closed.load(SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else {
                    continue;
                };
                count.fetch_add(1, SeqCst);
                // What comes in two pieces shall not wait between them.
                near.set_nodelay(true).unwrap();
                far.set_nodelay(true).unwrap();
                let copy = |from: &TcpStream, to: &TcpStream| {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let muted = muted.clone();
                    thread::spawn(move || pass(from, to, &muted));
                };
                copy(&near, &far);
                copy(&far, &near);
                links.lock().unwrap().extend([near, far]);
            }
        });
        proxy
    }

    /// How often somebody has connected.
    pub(super) fn connections(&self) -> usize {
        self.count.load(SeqCst)
    }

    /// Ends all connections, wherever they are in a message.
    pub(super) fn cut(&self) {
        for link in self.links.lock().unwrap().drain(..) {
            let _ = link.shutdown(Shutdown::Both);
        }
    }

    /// Ends all connections and each new one, or lets them be.
    pub(super) fn close(&self, closed: bool) {
        self.closed.store(closed, SeqCst);
        self.cut();
    }

    /// Swallows what is sent, or passes it on.
    pub(super) fn mute(&self, muted: bool) {
        self.muted.store(muted, SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, muted: &AtomicBool) {
    let mut bytes = [0; 4096];
    let mut step = || -> io::Result<usize> {
        let count = from.read(&mut bytes)?;
        if !muted.load(SeqCst) {
            to.write_all(&bytes[..count])?;
        }
        Ok(count)
    };
    while matches!(step(), Ok(count) if count > 0) {}
    let _ = to.shutdown(Shutdown::Both);
}
